//! Broken: a waiter may have an answer that was invalidated after it arrived.

use super::bind::Unbound;
use super::bond::Bond;
use super::tick::Tick;
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Verdict {
    good_until: Tick,
    invalidated_by: Option<Tick>,
}

impl Verdict {
    pub(crate) fn of(reading: Tick, bound: &Result<Bond, Unbound>) -> Self {
        let valid_at = match bound {
            Ok(bond) => bond.compared(),
            Err(Unbound::Full { at }) => Some(*at),
            Err(Unbound::Invalidated { .. }) => None,
        };
        let invalidated_by = match bound {
            Err(Unbound::Invalidated { by }) => Some(*by),
            _ => None,
        };
        Self {
            invalidated_by,
            good_until: valid_at.map_or(reading, |at| at.max(reading)),
        }
    }
    pub(crate) fn covers(self, request: Tick) -> bool {
        request <= self.good_until || self.invalidated_by.is_some_and(|by| by > request)
    }
}
