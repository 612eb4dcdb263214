//! Who follows a log, as the log knows it: for those who wait until everybody has
//! applied an entry.

use crate::position::{Mark, Position};
use std::time::Duration;

/// The list of members, as a whole.
///
/// A member is on it from its first report on, and reports before it hears any
/// answer. So whoever has a proof that is younger than the list is on it, unless
/// it has signed off.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct List {
    /// Another one whenever somebody may have been lost from the list.
    pub(crate) born: Mark,
    /// The largest staleness bound ever reported to it.
    pub(crate) largest: Duration,
}

/// Asks who has not applied an entry yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Inquiry {
    pub(crate) entry: Position,
    pub(crate) call: RollCall,
    /// Reports of members that are known to be gone: removed, unless they have
    /// reported again.
    pub(crate) gone: Vec<Report>,
}

/// Whether to ring at the members, so that they report at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum RollCall {
    Ring,
    Quiet,
}

/// The answer to an [`Inquiry`], one atomic step of the server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Census {
    /// `None`: this server does not say who it is, so nobody knows whether the
    /// list is whole.
    pub(crate) list: Option<List>,
    pub(crate) entry: Stands,
    /// How many have reported the entry, or one after it, that stands in the log.
    pub(crate) past: usize,
    /// Who has not.
    pub(crate) missing: Vec<Report>,
    /// How many more are missing than one answer carries.
    pub(crate) more: usize,
}

/// Whether an entry still stands in the log, with its mark.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Stands {
    Yes,
    No,
}

/// What a member has reported last.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Report {
    pub(crate) member: u64,
    /// Goes up with each report.
    pub(crate) counter: u64,
    /// The largest staleness bound in use there; [`Duration::MAX`] for none.
    pub(crate) bound: Duration,
}

/// What an instance has sent itself and wants to find again: everything it has
/// appended and still remembers stands between these two.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Checkpoint {
    pub(crate) oldest: Position,
    pub(crate) newest: Position,
}

/// How much of what a [`Checkpoint`] covers stands in the log.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Standing {
    /// The newest does, so all of it does (or was trimmed away in order).
    Whole,
    /// The oldest does, the newest does not: the log has lost the end.
    Cut,
    /// Neither does.
    Lacking,
    /// Both are older than the first entry of the log.
    Trimmed,
    /// There was no checkpoint to look for.
    NotAsked,
}
