//! The state of the follower, and its three events: a ring, an answer, a failure.

use super::history::History;
use super::rules;
use super::step::{Ask, Ear, Invalidation, Member, Step};
use crate::bus::{Answer, Form, LogEntry, Question, Verdict};
use crate::position::Position;
use std::time::Duration;

/// After this many answers in a row that told what should have rung, the ring is
/// taken for dead.
const SILENT_ANSWERS: u8 = 2;

/// Follows the log.
///
/// ```text
///            ask                          answer: not verified
///  no position ──► question out ───────────────────────────────► adopts the head,
///       ▲               │ answer: verified                        invalidates everything
///       │               ▼                                                 │
///   (start)       applies the entries, coherent as of the sending ◄───────┘
///                       │ ring that follows on the position: moves it
///                       │ any other ring: applies it, asks
/// ```
///
/// A ring never proves anything about the time: only an answer does, and only as
/// of the instant at which its question was sent.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Follower {
    member: u64,
    bound: Duration,
    history: History,
    /// The newest proof. Never goes back.
    coherent_as_of: Option<u64>,
    /// Goes up by one with each question, and names it.
    counter: u64,
    /// The question whose answer counts. An older question's answer is dropped.
    outstanding: Option<Outstanding>,
    /// Answers that told what should have rung, since the last ring.
    silent: u8,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Outstanding {
    counter: u64,
    /// When it was sent.
    sent: u64,
    /// The position that it asks about. Rings may move the position meanwhile.
    from: Option<Position>,
}

impl Follower {
    /// Knows nothing yet. `member` is random, `bound` the largest staleness
    /// bound in use here.
    pub(crate) fn new(member: u64, bound: Duration) -> Self {
        Self {
            member,
            bound,
            history: History::default(),
            coherent_as_of: None,
            counter: 0,
            outstanding: None,
            silent: 0,
        }
    }

    /// The question to send at `now`. It supersedes the one that is out.
    pub(crate) fn ask(&mut self, now: u64) -> Question {
        self.counter += 1;
        let from = self.history.position();
        self.outstanding = Some(Outstanding {
            counter: self.counter,
            sent: now,
            from,
        });
        Question {
            from,
            member: self.member,
            counter: self.counter,
            bound: self.bound,
            checkpoint: None,
        }
    }

    /// The question with this counter has failed or timed out: should its answer
    /// come all the same, it is dropped.
    pub(crate) fn give_up(&mut self, counter: u64) {
        self.outstanding
            .take_if(|outstanding| outstanding.counter == counter);
    }

    /// An entry rang. Its targets may be applied whatever else is true; the
    /// position moves only if the entry follows on it.
    pub(crate) fn ring<P>(&mut self, entry: &LogEntry<P>) -> Step {
        self.silent = 0;
        if self.history.holds(entry.position) {
            return Step::NOTHING;
        }
        let ask = if rules::follows(self.history.position(), entry.previous) {
            self.history.push(entry.position);
            Ask::AtTheHeartbeat
        } else {
            Ask::Now
        };
        Step {
            invalidate: Invalidation::Entries,
            ask,
            ..Step::NOTHING
        }
    }

    /// Something came that could not be kept: the ring is not silent.
    pub(crate) fn gap(&mut self) {
        self.silent = 0;
    }

    /// The answer to the question with this counter.
    pub(crate) fn answer<P>(&mut self, counter: u64, answer: &Answer<P>) -> Step {
        let belongs = |out: &mut Outstanding| rules::belongs(out.counter, counter);
        let Some(question) = self.outstanding.take_if(belongs) else {
            return Step::NOTHING;
        };
        let step = match (answer.verdict, question.from) {
            (Verdict::Verified, Some(from)) => self.follow(from, &answer.entries),
            _ => self.adopt(answer.head),
        };
        if answer.cloned {
            // Its report was not written: nobody would wait for this instance.
            return Step {
                ask: Ask::Now,
                member: Member::Rename,
                ..step
            };
        }
        Step {
            prove: self.prove(question.sent),
            ..step
        }
    }

    /// A larger bound than before is in use here. Returns whether that is news.
    pub(crate) fn widen(&mut self, bound: Duration) -> bool {
        let wider = bound > self.bound;
        self.bound = self.bound.max(bound);
        wider
    }

    /// The largest bound in use here.
    pub(crate) fn bound(&self) -> Duration {
        self.bound
    }

    /// This instance's id and the number of its last question.
    pub(crate) fn signature(&self) -> (u64, u64) {
        (self.member, self.counter)
    }

    /// Takes another id, since somebody else uses this one.
    pub(crate) fn rename(&mut self, member: u64) {
        self.member = member;
    }

    /// The last entry applied here.
    pub(crate) fn position(&self) -> Option<Position> {
        self.history.position()
    }

    /// Whether exactly this entry was applied here, as far as is remembered.
    pub(crate) fn has_applied(&self, position: Position) -> bool {
        self.history.holds(position)
    }

    /// The newest proof.
    #[cfg(test)]
    pub(crate) fn coherent_as_of(&self) -> Option<u64> {
        self.coherent_as_of
    }

    /// The number of the last question.
    #[cfg(test)]
    pub(crate) fn counter(&self) -> u64 {
        self.counter
    }

    /// `entries` are all that the log had after `from`. If rings have moved the
    /// position past the end of them, it stays where it is: it is reached from
    /// that end by a chain of predecessors.
    fn follow<P>(&mut self, from: Position, entries: &[LogEntry<P>]) -> Step {
        let ear = self.listen(entries);
        let end = entries.last().map_or(from, |entry| entry.position);
        if !self.history.holds(end) {
            self.history.cut_after(from);
            for entry in entries {
                self.history.push(entry.position);
            }
        }
        let invalidate = if entries.is_empty() {
            Invalidation::Nothing
        } else {
            Invalidation::Entries
        };
        Step {
            invalidate,
            ear,
            ..Step::NOTHING
        }
    }

    /// Taking the head for the position and invalidating everything are one step.
    fn adopt(&mut self, head: Position) -> Step {
        self.history.begin(head);
        Step {
            invalidate: rules::on_adoption(),
            ..Step::NOTHING
        }
    }

    /// Whether the ring said what these entries say.
    fn listen<P>(&mut self, entries: &[LogEntry<P>]) -> Ear {
        let unheard = |entry: &LogEntry<P>| {
            entry.form == Form::Appended && !self.history.holds(entry.position)
        };
        if entries.iter().any(unheard) {
            self.silent += 1;
        }
        if self.silent < SILENT_ANSWERS {
            return Ear::Keep;
        }
        self.silent = 0;
        Ear::Reconnect
    }

    fn prove(&mut self, sent: u64) -> Option<u64> {
        self.coherent_as_of = self.coherent_as_of.max(Some(sent));
        self.coherent_as_of
    }
}
