//! The decisions of a log that nobody may get wrong. Each is small enough to be
//! replaced by a broken one in a model, to see that the model notices.

use crate::bus::LogEntry;
use crate::position::Position;
use std::collections::VecDeque;

/// Who serves the log: the run of a server process, and the history of
/// replication that it leads. Either alone misses a failover.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Identity {
    pub(crate) run: u64,
    pub(crate) replication: u64,
}

/// Whether an "everything" entry has to be appended before anything else: the
/// log is new or was trimmed to nothing, or another server may have lost
/// entries that this one never saw.
pub(super) fn begins_anew(empty: bool, stored: Option<Identity>, server: Identity) -> bool {
    empty || stored != Some(server)
}

/// Whether somebody may have been lost from the list of members: another server
/// may have an old one.
pub(super) fn loses_members(stored: Option<Identity>, server: Identity) -> bool {
    stored != Some(server)
}

/// How many of the entries are already known to somebody who stands at `asked`.
/// `None`: that entry is not in this log.
pub(super) fn known<P>(entries: &VecDeque<LogEntry<P>>, asked: Position) -> Option<usize> {
    let place = entries.iter().rposition(|entry| entry.position == asked)?;
    Some(place + 1)
}

/// Whether somebody who reported `reported` has applied `entry`: it reported that
/// entry or a later one *of this log*. A number alone proves nothing, since the
/// numbers begin again when the log is wiped.
pub(super) fn is_past<P>(
    entries: &VecDeque<LogEntry<P>>,
    reported: Position,
    entry: Position,
) -> bool {
    reported.sequence >= entry.sequence && known(entries, reported).is_some()
}
