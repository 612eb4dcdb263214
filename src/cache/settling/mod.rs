//! The time after an invalidation in which a lagging replica may still say the old.
//!
//! A handler that reads a replica may read, after the invalidation, what was true
//! before it. The comparison of the race core cannot see that: the fill began
//! late enough. So each name that is invalidated is noted here with its time, and
//! fills that begin within the window of their rule are not stored. Off the hit
//! path: looked at by who invalidates and by who stores.

mod notes;
mod rules;

use self::notes::Notes;
use crate::clock::{Moment, nanos};
use crate::store::race::{Name, Raise};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How many names are kept. Above it, everything counts as invalidated now.
const MAX_NOTES: usize = 100_000;

/// When each name was invalidated last.
type Latest = HashMap<u128, Moment>;

/// What was invalidated lately, and when.
#[derive(Debug, Default)]
pub(crate) struct Settling {
    /// The largest window of all rules made so far, in nanoseconds; 0: nobody asks.
    largest: AtomicU64,
    /// Locked for a moment only, and nothing else is locked under it.
    notes: Mutex<Notes>,
}

impl Settling {
    /// A rule with this window is made, whose fills take this long at most. `now` is
    /// read *after* the window counts: an applier that did not see it came before,
    /// and left no note; what it invalidated counts from `now`.
    pub(super) fn widen(
        &self,
        window: Duration,
        fill_timeout: Duration,
        now: impl FnOnce() -> Moment,
    ) {
        if self.largest.fetch_max(nanos(window), Ordering::SeqCst) >= nanos(window) {
            return;
        }
        let mut notes = self.notes();
        notes.widen(window, fill_timeout, now());
    }

    /// Whether anybody will ask.
    pub(super) fn is_used(&self) -> bool {
        self.largest.load(Ordering::SeqCst) != 0
    }

    /// These are about to be raised. Called *before* the cells are: a fill either
    /// finds the note or fails the comparison.
    pub(super) fn note(&self, raises: &[Raise], now: Moment) {
        let mut notes = self.notes();
        notes.tidy(now);
        for raise in raises {
            match raise.name {
                Name::Everything => notes.all(now),
                Name::Target(name) => notes.one(name, now),
            }
        }
    }

    /// Whether a fill that began then read what is true by now, as far as these
    /// names go. Asked after it was bound.
    ///
    /// A note that is later than the beginning counts too: a soft invalidation
    /// meanwhile lets the fill bind, and the two clocks are read one after the
    /// other.
    pub(super) fn settled(&self, names: &[u128], began: Moment, window: Duration) -> bool {
        if window.is_zero() {
            return true;
        }
        self.notes().settled(names, began, window)
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
