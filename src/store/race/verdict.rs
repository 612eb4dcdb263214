//! Whether a flight's result may answer a request that waited for it.

use super::bind::Unbound;
use super::bond::{Bond, Validity};
use super::core::Core;
use super::tick::Tick;

/// Taken once, by the leader, when it binds the answer: the clock value up to
/// which the answer is known to be good. A request whose own reading is not later
/// may have it.
///
/// - The answer was valid at the clock `c` of the bind: every invalidation up to
///   `c` was before the fill, or of something else. A request that read at most
///   `c` arrived before any later one.
/// - It was invalidated: it is good for requests that read the clock no later than
///   the fill did.
///
/// "Valid" alone would not do. Between the verdict and the end of the flight a
/// batch can be applied, and a request that comes after it can join. Nor would
/// "the invalidation is later than my arrival": a cell keeps its last tick only,
/// and the one before it may have been earlier.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Verdict {
    good_until: Tick,
}

impl Verdict {
    /// Of what became of binding the answer of a fill with this reading. A softly
    /// invalidated answer counts as invalidated: whether stale will do is decided
    /// at the hit, by the one that asks.
    pub(crate) fn of(reading: Tick, bound: &Result<Bond, Unbound>) -> Self {
        let valid_at = match bound {
            Ok(bond) => bond.compared(),
            Err(Unbound::Full { at }) => Some(*at),
            Err(Unbound::Invalidated { .. }) => None,
        };
        Self {
            good_until: valid_at.map_or(reading, |at| at.max(reading)),
        }
    }

    /// Of an older answer that stands in where a fill has failed. The clock is read
    /// before the comparison: what comes in between is newer than the clock it knows.
    pub(crate) fn of_standing(core: &Core, bond: &Bond) -> Option<Self> {
        let good_until = core.clock();
        (core.validity(bond) != Validity::Dead).then_some(Self { good_until })
    }

    /// Whether a request with this reading may have the answer.
    pub(crate) fn covers(self, request: Tick) -> bool {
        request <= self.good_until
    }
}
