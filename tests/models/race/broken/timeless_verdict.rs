//! Broken: a valid answer is good for all who wait, whenever they came.

use super::bind::Unbound;
use super::bond::Bond;
use super::tick::Tick;
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Verdict {
    good_until: Tick,
}

impl Verdict {
    pub(crate) fn of(reading: Tick, bound: &Result<Bond, Unbound>) -> Self {
        let valid_at = match bound {
            Ok(bond) => bond.compared(),
            Err(Unbound::Full { at }) => Some(*at),
            Err(Unbound::Invalidated { .. }) => None,
        };
        Self {
            good_until: valid_at.map_or(reading, |_| Tick(u64::MAX)),
        }
    }
    pub(crate) fn covers(self, request: Tick) -> bool {
        request <= self.good_until
    }
}
