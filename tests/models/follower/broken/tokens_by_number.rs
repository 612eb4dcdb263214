//! Broken: an entry is remembered by its number, whatever log it stands in.

use super::super::follower::Invalidation;
use crate::bus::{Answer, LogEntry};
use crate::position::Position;
use std::hash::Hash;

pub(in super::super) fn name(position: Position) -> impl Hash {
    position.sequence
}

pub(in super::super) fn after_ring<P>(
    position: Option<Position>,
    entry: &LogEntry<P>,
) -> Option<Position> {
    (position == Some(entry.position)).then_some(entry.position)
}

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
