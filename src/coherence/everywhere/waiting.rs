//! Who waits, and which entry the log is asked about for all of them.

use super::rules;
use crate::coherence::outbox::Landed;
use crate::position::Position;

/// Those who wait, without input or output.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Waiting {
    /// The number of the last waiter.
    last: u64,
    /// The latest entry that anybody has waited for: who has reported this one has
    /// applied those of all others.
    newest: Option<Landed>,
    /// How many wait now.
    now: usize,
}

impl Waiting {
    /// Somebody begins to wait. Returns the number of the waiter.
    pub(crate) fn enter(&mut self, landed: Landed) -> u64 {
        self.last += 1;
        self.now += 1;
        if self
            .newest
            .is_none_or(|newest| rules::is_later(newest, landed))
        {
            self.newest = Some(landed);
        }
        self.last
    }

    /// Somebody waits no more.
    pub(crate) fn leave(&mut self) {
        self.now -= 1;
    }

    /// Up to which waiter all are done when everybody has reported which entry.
    /// `None`: nobody waits but those up to `done`.
    pub(crate) fn next(&self, done: u64) -> Option<(u64, Position)> {
        let newest = self.newest.filter(|_| self.now > 0 && self.last > done);
        newest.map(|newest| (self.last, newest.position))
    }
}
