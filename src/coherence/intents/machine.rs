//! What is watched, and what is due.

use super::rules;
use crate::write_intent::IntentId;
use std::collections::{BTreeMap, VecDeque};

/// How many writes are watched, and the bytes of what they will make stale. Above it,
/// everything is invalidated in their stead.
pub(super) const MOST: usize = 4096;
pub(super) const MOST_BYTES: usize = 4 << 20;

/// How many ends are remembered.
const MOST_ENDED: usize = 1024;

/// The writes that have begun elsewhere and not ended, as far as was heard.
///
/// A writer that dies between its handler's commit and the publishing leaves nobody
/// who knows what became stale. So it has said before what will, and when it is
/// over. What is invalidated then was filled before the commit, or is fresh and lost
/// in vain. Times are those of this instance: a write is over once its time has
/// passed *since it was heard of*, which was later than it began.
///
/// What is due is taken with each proof, before the proof is published. So however
/// late that is, nothing is served meanwhile for longer than the bound.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Intents<T> {
    watched: BTreeMap<IntentId, Watched<T>>,
    /// Their weights, together.
    bytes: usize,
    /// Writes that have ended lately, oldest first: an answer that was under way may
    /// tell of their beginning once more.
    ended: VecDeque<IntentId>,
    /// The longest time of any intent that anybody uses.
    longest: u64,
    everything: Option<Everything>,
}

/// What will be stale, and at what time.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Watched<T> {
    due: u64,
    targets: Vec<T>,
    weight: usize,
}

/// A write that begins elsewhere.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Begun<T> {
    pub(crate) id: IntentId,
    pub(crate) lasts: u64,
    pub(crate) targets: Vec<T>,
    /// About how many bytes the targets take.
    pub(crate) weight: usize,
}

/// What an entry of the log says of writes that begin and end.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Heard<T> {
    pub(crate) begun: Option<Begun<T>>,
    pub(crate) ended: Vec<IntentId>,
    /// It says "everything": the log may have lost what it had taken.
    pub(crate) everything: bool,
}

/// Whether all that the log had before an entry is applied here.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Order {
    Kept,
    /// It rang, and what came before it may be missing: what a write has made stale
    /// stands before its end.
    Unknown,
}

/// When everything is to be invalidated: at `next`, and again after `last` where
/// that is later.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Everything {
    next: u64,
    last: u64,
}

/// What is due.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Due<T> {
    Targets(Vec<T>),
    Everything,
}

impl<T> Default for Intents<T> {
    fn default() -> Self {
        Self {
            watched: BTreeMap::new(),
            bytes: 0,
            ended: VecDeque::new(),
            longest: 0,
            everything: None,
        }
    }
}

impl<T> Intents<T> {
    /// Somebody uses an intent of this time.
    pub(crate) fn learn(&mut self, lasts: u64) {
        self.longest = self.longest.max(lasts);
    }

    /// An entry was heard, and what it names is applied.
    pub(crate) fn hear(&mut self, heard: Heard<T>, order: Order, now: u64) {
        if let Some(begun) = heard.begun {
            self.begun(begun, now);
        }
        if rules::is_ended(order) {
            heard.ended.into_iter().for_each(|id| self.ended(id));
        }
        if heard.everything && rules::everything_is_a_loss() {
            self.missed(now);
        }
    }

    /// A write begins elsewhere. Heard twice, the earlier time counts: it is late
    /// enough.
    fn begun(&mut self, begun: Begun<T>, now: u64) {
        let Begun {
            id,
            lasts,
            targets,
            weight,
        } = begun;
        self.learn(lasts);
        if self.ended.contains(&id) || self.watched.contains_key(&id) {
            return;
        }
        let due = rules::over_at(now, lasts);
        if self.watched.len() >= MOST || self.bytes + weight > MOST_BYTES {
            return self.everything_at(due);
        }
        self.bytes += weight;
        let watched = Watched {
            due,
            targets,
            weight,
        };
        self.watched.insert(id, watched);
    }

    fn take(&mut self, id: IntentId) -> Vec<T> {
        let Some(watched) = self.watched.remove(&id) else {
            return Vec::new();
        };
        self.bytes -= watched.weight;
        watched.targets
    }

    fn ended(&mut self, id: IntentId) {
        self.take(id);
        if self.ended.len() >= MOST_ENDED {
            self.ended.pop_front();
        }
        self.ended.push_back(id);
    }

    /// Something was missed: writes may have begun that were not heard of.
    pub(crate) fn missed(&mut self, now: u64) {
        if let Some(due) = rules::missed_are_over_at(now, self.longest) {
            self.everything_at(due);
        }
    }

    /// Takes out what is due by now.
    pub(crate) fn due(&mut self, now: u64) -> Due<T> {
        let over: Vec<_> = (self.watched.iter())
            .filter(|(_, watched)| watched.due <= now)
            .map(|(id, _)| *id)
            .collect();
        let targets = over.into_iter().flat_map(|id| self.take(id)).collect();
        match &mut self.everything {
            Some(Everything { next, last }) if *next <= now => {
                if *last > now {
                    *next = *last;
                } else {
                    self.everything = None;
                }
                Due::Everything
            }
            _ => Due::Targets(targets),
        }
    }

    #[cfg(test)]
    pub(super) fn waits_for_everything(&self) -> bool {
        self.everything.is_some()
    }

    /// What comes later does not put off what is due before it.
    fn everything_at(&mut self, due: u64) {
        self.everything = Some(match self.everything {
            Some(Everything { next, last }) => Everything {
                next: next.min(due),
                last: last.max(due),
            },
            None => Everything {
                next: due,
                last: due,
            },
        });
    }
}
