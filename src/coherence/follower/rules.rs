//! The decisions of the follower that nobody may get wrong.

use super::step::Invalidation;
use crate::position::Position;

/// Whether an entry that rang moves the position: only if the entry before it,
/// sequence *and* mark, is the position. "The next number" proves nothing, since
/// the numbers begin again when the log is wiped.
pub(super) fn follows(position: Option<Position>, previous: Option<Position>) -> bool {
    position.is_some() && position == previous
}

/// Whether an answer belongs to the question that is out. An older one may come
/// from a server that has been replaced since.
pub(super) fn belongs(outstanding: u64, answered: u64) -> bool {
    outstanding == answered
}

/// What adopting a position invalidates. It is one step with the adoption: what
/// was filled in between would be missed by an earlier one.
pub(super) fn on_adoption() -> Invalidation {
    Invalidation::Everything
}
