//! An ordered log, without input or output: exactly what the two scripts of the
//! Redis bus do, for one process and for models.

use super::members::Members;
use super::rules::{self, Identity};
use crate::bus::{
    Answer, Census, Checkpoint, Form, Inquiry, List, LogEntry, Question, Standing, Stands, Verdict,
};
use crate::position::{Mark, Position, Sequence};
use std::collections::VecDeque;
use std::time::Duration;

/// The log. It is never empty when somebody looks: its first entry says
/// "everything".
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Log<P> {
    /// Oldest first; at most [`Limits::entries`].
    entries: VecDeque<LogEntry<P>>,
    /// The last number given out. It outlives a trim, not a wipe.
    last: Sequence,
    /// The server that wrote last, kept beside the log and lost with it.
    identity: Option<Identity>,
    members: Members,
    /// Of all intents of writes.
    longest_intent: Duration,
    limits: Limits,
}

/// How much is kept, and how much goes into one answer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Limits {
    /// Entries that the log keeps.
    pub(crate) entries: usize,
    /// Entries in one answer.
    pub(crate) answer_entries: usize,
    /// The weights of the payloads in one answer, together.
    pub(crate) answer_bytes: usize,
}

/// What a caller hands over with each call: which server it reached, and the
/// "everything" entry that is appended first if the log has to begin anew.
#[derive(Clone, Debug)]
pub(crate) struct Spare<P> {
    pub(crate) server: Identity,
    pub(crate) mark: Mark,
    pub(crate) payload: P,
}

/// A payload, as far as a log cares.
pub(crate) trait Weigh {
    /// About how many bytes it takes in an answer.
    fn weight(&self) -> usize;
}

impl<P: Clone + Weigh> Log<P> {
    /// A log that nobody has written to yet.
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            entries: VecDeque::new(),
            last: Sequence::default(),
            identity: None,
            members: Members::default(),
            longest_intent: Duration::ZERO,
            limits,
        }
    }

    /// Appends "everything" if the log has to begin anew, and returns that entry:
    /// it rings. Both verbs do this first.
    pub(crate) fn begin(&mut self, spare: Spare<P>) -> Option<LogEntry<P>> {
        let anew = rules::begins_anew(self.entries.is_empty(), self.identity, spare.server);
        if rules::loses_members(self.identity, spare.server) {
            self.members.begin_anew(spare.mark);
        }
        self.identity = Some(spare.server);
        anew.then(|| self.push(spare.mark, Form::Appended, spare.payload))
    }

    /// Appends one batch, and returns the entry that rings.
    pub(crate) fn append(&mut self, spare: Spare<P>, mark: Mark, payload: P) -> LogEntry<P> {
        self.begin(spare);
        self.push(mark, Form::Appended, payload)
    }

    /// Appends the intent of a write, and returns the entry that rings.
    pub(crate) fn announce(
        &mut self,
        spare: Spare<P>,
        mark: Mark,
        payload: P,
        lasts: Duration,
    ) -> LogEntry<P> {
        self.longest_intent = self.longest_intent.max(lasts);
        self.append(spare, mark, payload)
    }

    /// Answers a question in one step. The member's report is written before
    /// the answer exists.
    pub(crate) fn sync(&mut self, spare: Spare<P>, question: &Question) -> Answer<P> {
        let mark = spare.mark;
        self.begin(spare);
        let known = question
            .from
            .and_then(|position| rules::known(&self.entries, position));
        let verified = question.from.filter(|_| known.is_some());
        let cloned = self.members.report(question, verified, mark);
        let (verdict, entries) = self.after(known);
        Answer {
            verdict,
            entries,
            head: self.head(),
            cloned,
            list: self.members.list(),
            standing: self.standing(question.checkpoint),
            longest_intent: self.longest_intent,
        }
    }

    /// Answers who has not reported an entry yet.
    pub(crate) fn census(&mut self, spare: Spare<P>, inquiry: &Inquiry) -> Census {
        self.begin(spare);
        let entries = &self.entries;
        let stands = |position| rules::known(entries, position).is_some();
        let entry = if stands(inquiry.entry) {
            Stands::Yes
        } else {
            Stands::No
        };
        let past = |reported: Position| rules::is_past(entries, reported, inquiry.entry);
        self.members.census(inquiry, entry, past)
    }

    /// The list of members, as it is now.
    pub(crate) fn list(&self) -> Option<List> {
        self.members.list()
    }

    pub(crate) fn sign_off(&mut self, member: u64, counter: u64) {
        self.members.sign_off(member, counter);
    }

    fn standing(&self, checkpoint: Option<Checkpoint>) -> Standing {
        let Some(Checkpoint { oldest, newest }) = checkpoint else {
            return Standing::NotAsked;
        };
        let stands = |position| rules::known(&self.entries, position).is_some();
        let first = self.entries.front().map(|entry| entry.position.sequence);
        if stands(newest) {
            Standing::Whole
        } else if stands(oldest) {
            Standing::Cut
        } else if first.is_some_and(|first| newest.sequence < first) {
            Standing::Trimmed
        } else {
            Standing::Lacking
        }
    }

    fn push(&mut self, mark: Mark, form: Form, payload: P) -> LogEntry<P> {
        self.last.number += 1;
        let entry = LogEntry {
            position: Position {
                sequence: self.last,
                mark,
            },
            previous: self.entries.back().map(|entry| entry.position),
            form,
            payload,
        };
        self.entries.push_back(entry.clone());
        self.keep(self.limits.entries);
        entry
    }

    fn after(&self, known: Option<usize>) -> (Verdict, Vec<LogEntry<P>>) {
        let Some(known) = known else {
            return (Verdict::Unknown, Vec::new());
        };
        let entries: Vec<_> = self.entries.iter().skip(known).collect();
        let bytes: usize = entries.iter().map(|entry| entry.payload.weight()).sum();
        if entries.len() > self.limits.answer_entries || bytes > self.limits.answer_bytes {
            return (Verdict::TooFarBehind, Vec::new());
        }
        (Verdict::Verified, entries.into_iter().cloned().collect())
    }

    /// The newest entry.
    fn head(&self) -> Position {
        let origin = Position {
            sequence: self.last,
            mark: Mark(0),
        };
        self.entries.back().map_or(origin, |entry| entry.position)
    }

    /// Drops the oldest entries, until `entries` are left.
    fn keep(&mut self, entries: usize) {
        let surplus = self.entries.len().saturating_sub(entries);
        self.entries.drain(..surplus);
    }
}

/// What happens to a log from outside.
#[cfg(test)]
impl<P: Clone + Weigh> Log<P> {
    /// Somebody's `XTRIM`.
    pub(crate) fn trim(&mut self, entries: usize) {
        self.keep(entries);
    }

    /// Somebody's `FLUSHALL`: the log and all that was kept beside it are gone.
    pub(crate) fn wipe(&mut self) {
        *self = Self::new(self.limits);
    }

    /// Somebody's `DEL` of the log alone: the numbers begin again, and what was kept
    /// beside it stays.
    pub(crate) fn delete(&mut self) {
        self.entries.clear();
        self.last = Sequence::default();
    }

    /// Somebody's plain `XADD NOMKSTREAM`: it does not chain, and it does not
    /// ring. `None`: there is no log to append to.
    pub(crate) fn append_foreign(&mut self, mark: Mark, payload: P) -> Option<Position> {
        self.identity?;
        let entry = self.push(mark, Form::Foreign, payload);
        if let Some(newest) = self.entries.back_mut() {
            newest.previous = None;
        }
        Some(entry.position)
    }

    /// The entries, oldest first.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &LogEntry<P>> {
        self.entries.iter()
    }
}
