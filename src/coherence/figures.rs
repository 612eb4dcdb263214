//! What coherence knows about itself.

use super::lately::{Lately, Times};
use crate::clock::Moment;
use crate::concern::Applied;
use crate::position::Position;
use std::time::Duration;

/// Whether the bus does what it is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Condition {
    /// It has not been asked yet.
    #[default]
    Unknown,
    Up,
    /// The last call failed.
    Down,
}

/// Counts since the start, and where things stand.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures {
    /// The last entry applied here.
    pub(crate) position: Option<Position>,
    /// How old the proof is.
    pub(crate) lag: Option<Duration>,
    /// Whether it is younger than the bound.
    pub(crate) coherent: bool,
    /// How long, in all, there was no proof younger than the bound.
    pub(crate) deaf: Duration,
    /// Targets that wait to be sent.
    pub(crate) outbox: usize,
    /// Batches that the log has taken.
    pub(crate) published: u64,
    pub(crate) publish_failures: u64,
    /// Batches sent once more, since a log had lost them.
    pub(crate) sent_again: u64,
    /// When everything is to be sent, since a log has lost more than is kept.
    pub(super) everything_due: Option<Moment>,
    /// Times that the outbox overflowed into "everything".
    pub(crate) widened: u64,
    /// Questions that were answered.
    pub(crate) syncs: u64,
    pub(crate) sync_failures: u64,
    /// Entries that rang.
    pub(crate) rings: u64,
    /// Rings that were no entries.
    pub(crate) garbage: u64,
    /// Times that rings were lost between the connection and here.
    pub(crate) gaps: u64,
    /// Times that a position was taken without replay, the first included.
    pub(crate) adoptions: u64,
    /// Entries of the log that could not be understood.
    pub(crate) unreadable: u64,
    /// Connections of the ring, the first included.
    pub(crate) connections: u64,
    /// Times that a task panicked and was started anew.
    pub(crate) panics: u64,
    /// Intents of writes that the log has taken.
    pub(crate) intents: u64,
    /// Intents that the log did not take in time.
    pub(crate) intents_untold: u64,
    /// Times that writes elsewhere did not end in time, and what they might have made
    /// stale was invalidated here.
    pub(crate) intents_ran_out: u64,
    /// Waits for everybody that ended because all had applied it.
    pub(crate) applied: u64,
    /// Those of them that had to wait out somebody.
    pub(crate) waited_out: u64,
    /// Waits for everybody that took too long.
    pub(crate) applied_timeouts: u64,
    /// Entries that an answer told of, and no ring before it.
    pub(crate) found_late: u64,
    /// For how long at most those were not heard, or what an adoption has missed.
    pub(crate) detection: Times,
    /// How long questions take that are answered.
    pub(crate) answers: Times,
    /// How long appends take that the log has taken.
    pub(crate) appends: Times,
    /// What was applied here last.
    pub(crate) lately: Lately,
    pub(crate) last_trouble: Option<String>,
    /// What the bus lacks, in plain sentences. `None`: not looked yet.
    pub(crate) findings: Option<Vec<String>>,
    /// How questions fare.
    pub(crate) asking: Condition,
    /// How appends fare.
    pub(crate) publishing: Condition,
    /// The kinds of unreadable entries that were logged.
    pub(super) kinds: Vec<&'static str>,
    pub(super) deafness: Deafness,
}

impl Figures {
    /// How a wait for everybody ended.
    pub(super) fn count(&mut self, applied: &Applied) {
        match applied {
            Applied::Everywhere { waited_out, .. } => {
                self.applied += 1;
                self.waited_out += u64::from(*waited_out > 0);
            }
            Applied::TimedOut { .. } => self.applied_timeouts += 1,
        }
    }

    /// Whether the bus is known to be down.
    pub(crate) fn is_down(&self) -> bool {
        [self.asking, self.publishing].contains(&Condition::Down)
    }

    /// Whether this kind of trouble is new.
    pub(super) fn is_new(&mut self, kind: &'static str) -> bool {
        let new = !self.kinds.contains(&kind);
        if new {
            self.kinds.push(kind);
        }
        new
    }
}

/// Adds up the time without a young proof.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Deafness {
    total: Duration,
    /// Up to here it is counted.
    counted: Moment,
}

impl Deafness {
    pub(super) fn since(start: Moment) -> Self {
        Self {
            total: Duration::ZERO,
            counted: start,
        }
    }

    /// The proof held until `heard`; now is `now`.
    pub(super) fn count(&mut self, heard: Option<Moment>, now: Moment) {
        let from = heard.unwrap_or_default().max(self.counted);
        self.total += now.since(from);
        self.counted = now.max(self.counted);
    }

    pub(super) fn total(self) -> Duration {
        self.total
    }
}
