//! Broken: what an answer tells counts as applied, though it may have been dropped.

use super::super::follower::Invalidation;
use crate::bus::{Answer, LogEntry};
use crate::position::Position;
use std::hash::Hash;

pub(in super::super) fn name(position: Position) -> impl Hash {
    position
}

pub(in super::super) fn after_ring<P>(
    position: Option<Position>,
    entry: &LogEntry<P>,
) -> Option<Position> {
    (position == Some(entry.position)).then_some(entry.position)
}

pub(in super::super) fn after_answer<P>(
    _: Invalidation,
    answer: &Answer<P>,
) -> Vec<Position> {
    let entries = answer.entries.iter().map(|entry| entry.position);
    entries.chain([answer.head]).collect()
}
