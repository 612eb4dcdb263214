//! What was heard lately, and how long things take.

use super::figures::Figures;
use super::follower::{Follower, Invalidation, Step};
use super::shared::Shared;
use crate::bus::{Answer, Verdict};
use crate::clock::Moment;
use crate::position::Position;
use std::collections::VecDeque;
use std::time::Duration;

/// How many are remembered.
const MOST: usize = 32;

/// How long something takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Times {
    /// How often it was measured.
    pub count: u64,
    /// The last time.
    pub last: Duration,
    /// The longest so far.
    pub longest: Duration,
}

impl Times {
    pub(super) fn add(&mut self, time: Duration) {
        self.count += 1;
        self.last = time;
        self.longest = self.longest.max(time);
    }
}

/// How an instance heard of an entry of the log.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum HeardBy {
    /// The ring brought it, without a delay.
    Ring,
    /// The answer to a question told of it.
    Question,
    /// It did not: what was missed could not be known, and everything was invalidated.
    /// The position is the one that was taken.
    Adoption,
}

/// An entry of the log, applied here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) position: Position,
    pub(crate) targets: usize,
    /// This instance has written it.
    pub(crate) own: bool,
    pub(crate) by: HeardBy,
    pub(crate) at: Moment,
}

/// The last entries that were applied here, the newest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lately(VecDeque<Entry>);

impl Lately {
    /// An entry may ring, and be told of once more in an answer.
    fn add(&mut self, entry: Entry) {
        if self.0.iter().any(|known| known.position == entry.position) {
            return;
        }
        self.0.truncate(MOST - 1);
        self.0.push_front(entry);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.0.iter()
    }
}

/// What an answer tells that no ring has brought.
pub(super) struct Unheard {
    entries: u64,
    /// The proof before the answer: all that the log had then had been heard.
    proof: Option<Moment>,
}

impl Shared {
    /// An entry is applied here now.
    pub(super) fn note(&self, position: Position, targets: usize, own: bool, by: HeardBy) {
        let at = self.clock.now();
        self.figures().lately.add(Entry {
            position,
            targets,
            own,
            by,
            at,
        });
    }

    /// Asked before the follower takes the answer.
    pub(super) fn unheard(&self, follower: &Follower, answer: &Answer) -> Unheard {
        let is_unheard = |position: &Position| {
            !follower.has_applied(*position) && !self.sent.holds(position.mark)
        };
        let entries = answer.entries.iter().map(|entry| entry.position);
        let entries = match answer.verdict {
            Verdict::Verified => entries.filter(is_unheard).count(),
            Verdict::Unknown | Verdict::TooFarBehind => 0,
        };
        Unheard {
            entries: u64::try_from(entries).unwrap_or(u64::MAX),
            proof: *self.proved.borrow(),
        }
    }

    /// The answer was taken in this step. What it told came into the log after the
    /// proof before it: for so long at most it stood there unheard.
    pub(super) fn detected(&self, unheard: &Unheard, step: &Step, figures: &mut Figures) {
        figures.found_late += unheard.entries;
        let missed = unheard.entries > 0 || step.invalidate == Invalidation::Everything;
        if let Some(proof) = unheard.proof.filter(|_| missed) {
            figures.detection.add(self.clock.now().since(proof));
        }
    }
}
