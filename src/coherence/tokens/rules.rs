//! The decisions about tokens that nobody may get wrong. A model replaces this file
//! by ones with a mistake.

use super::super::follower::Invalidation;
use crate::bus::{Answer, LogEntry};
use crate::position::Position;
use std::hash::Hash;

/// What an entry is remembered by: all of its position. A number alone proves
/// nothing, since the numbers begin again when the log is wiped.
pub(in super::super) fn name(position: Position) -> impl Hash {
    position
}

/// What counts as applied once the step of a ring was taken that led to `position`:
/// the entry, only if it joined the chain. What came before it may be missing
/// otherwise, an earlier part of the same write too.
pub(in super::super) fn after_ring<P>(
    position: Option<Position>,
    entry: &LogEntry<P>,
) -> Option<Position> {
    (position == Some(entry.position)).then_some(entry.position)
}

/// What counts as applied once the step of an answer was taken. One that
/// invalidates nothing was for another question, or led to where this instance
/// stood already.
pub(in super::super) fn after_answer<P>(
    invalidated: Invalidation,
    answer: &Answer<P>,
) -> Vec<Position> {
    match invalidated {
        Invalidation::Nothing => Vec::new(),
        Invalidation::Entries => answer.entries.iter().map(|entry| entry.position).collect(),
        Invalidation::Everything => vec![answer.head],
    }
}
