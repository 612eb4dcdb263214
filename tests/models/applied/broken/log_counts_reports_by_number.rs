//! Broken: a report counts by its number, whatever log it was made to.

use crate::bus::LogEntry;
use crate::position::Position;
use std::collections::VecDeque;

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Identity {
    pub(crate) run: u64,
    pub(crate) replication: u64,
}

pub(super) fn begins_anew(empty: bool, stored: Option<Identity>, server: Identity) -> bool {
    empty || stored != Some(server)
}

pub(super) fn loses_members(stored: Option<Identity>, server: Identity) -> bool {
    stored != Some(server)
}

pub(super) fn known<P>(entries: &VecDeque<LogEntry<P>>, asked: Position) -> Option<usize> {
    let place = entries.iter().rposition(|entry| entry.position == asked)?;
    Some(place + 1)
}

pub(super) fn is_past<P>(_: &VecDeque<LogEntry<P>>, reported: Position, entry: Position) -> bool {
    reported.sequence >= entry.sequence
}
