//! What has still to reach the log, without input or output.

use crate::target::{Strength, Target, What};
use crate::wire::{self, MAX_ENDED};
use crate::write_intent::IntentId;
use bytes::Bytes;
use std::collections::{HashSet, VecDeque};

/// How many ends of writes wait. Above it, the oldest are not said: what the write
/// might have made stale is then invalidated when its time is up.
const MOST_ENDED: usize = 4096;

/// How much may wait.
#[derive(Clone, Copy, Debug)]
pub(in crate::coherence) struct Limits {
    pub(in crate::coherence) targets: usize,
    pub(in crate::coherence) bytes: usize,
}

/// The outbox's two parts: what waits, and what is being sent.
///
/// Targets are merged only while they wait. A batch is frozen when it is first
/// handed out: a later write that hid in it could be acknowledged by an append
/// that came before the write.
#[derive(Debug)]
pub(super) struct Queue {
    /// Oldest first.
    waiting: VecDeque<Target>,
    /// The ticket of each target that waits, so they never go down.
    tickets: VecDeque<u64>,
    /// The same targets as in `waiting`.
    merged: HashSet<Target>,
    /// Their weights, together.
    bytes: usize,
    /// Writes that have ended, behind the targets of smaller tickets.
    ended: VecDeque<(u64, IntentId)>,
    sending: Option<Batch>,
    /// The last ticket given out.
    issued: u64,
    limits: Limits,
    /// Times that the limits made "everything" of what waited.
    widened: u64,
}

/// One message, frozen.
#[derive(Debug)]
struct Batch {
    message: Bytes,
    /// All tickets up to this are done when the log has it.
    covers: u64,
}

impl Queue {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            waiting: VecDeque::new(),
            tickets: VecDeque::new(),
            merged: HashSet::new(),
            bytes: 0,
            ended: VecDeque::new(),
            sending: None,
            issued: 0,
            limits,
            widened: 0,
        }
    }

    /// Puts the targets behind what waits, and returns the ticket that covers
    /// them.
    pub(super) fn put(&mut self, targets: &[Target]) -> u64 {
        self.issued += 1;
        for target in targets {
            self.put_one(target);
        }
        self.issued
    }

    /// A write has ended. That is said behind what waits now.
    pub(super) fn end(&mut self, id: IntentId) {
        if self.ended.len() >= MOST_ENDED {
            self.ended.pop_front();
        }
        self.issued += 1;
        self.ended.push_back((self.issued, id));
    }

    /// The message to send now: the same until it is acknowledged.
    pub(super) fn message(&mut self) -> Option<Bytes> {
        if self.sending.is_none() {
            self.sending = self.freeze();
        }
        self.sending.as_ref().map(|batch| batch.message.clone())
    }

    /// The message has been appended. Returns the ticket up to which all is done.
    pub(super) fn acknowledge(&mut self) -> Option<u64> {
        self.sending.take().map(|batch| batch.covers)
    }

    /// Targets that wait, and the message that is being sent.
    pub(super) fn len(&self) -> usize {
        self.waiting.len() + usize::from(self.sending.is_some())
    }

    pub(super) fn issued(&self) -> u64 {
        self.issued
    }

    pub(super) fn widened(&self) -> u64 {
        self.widened
    }

    fn put_one(&mut self, target: &Target) {
        if self.waits_for_everything() || self.merged.contains(target) {
            return;
        }
        let bytes = self.bytes + target.weight();
        let overflows = self.waiting.len() >= self.limits.targets || bytes > self.limits.bytes;
        if is_everything(target) {
            self.widen();
        } else if overflows {
            self.widened += 1;
            self.widen();
        } else {
            self.push(self.issued, target.clone());
        }
    }

    /// Makes "everything" of all that waits. It takes the oldest ticket's place.
    fn widen(&mut self) {
        let oldest = self.tickets.front().copied().unwrap_or(self.issued);
        self.waiting.clear();
        self.tickets.clear();
        self.merged.clear();
        self.bytes = 0;
        self.push(oldest, Target::everything());
    }

    fn push(&mut self, ticket: u64, target: Target) {
        self.bytes += target.weight();
        self.merged.insert(target.clone());
        self.waiting.push_back(target);
        self.tickets.push_back(ticket);
    }

    fn waits_for_everything(&self) -> bool {
        self.waiting.front().is_some_and(is_everything)
    }

    /// Takes as many from the front as one message carries. One target that is too
    /// long for a message is encoded as "everything".
    fn freeze(&mut self) -> Option<Batch> {
        let waiting = self.waiting.make_contiguous();
        let count = wire::leading(waiting, self.ended.len());
        if count == 0 && self.ended.is_empty() {
            return None;
        }
        let leading: Vec<_> = self.waiting.drain(..count).collect();
        self.tickets.drain(..count);
        for target in &leading {
            self.merged.remove(target);
            self.bytes = self.bytes.saturating_sub(target.weight());
        }
        let covers = self.tickets.front().map_or(self.issued, |first| first - 1);
        let ended = self.ended.partition_point(|(ticket, _)| *ticket <= covers);
        let ended = self.ended.drain(..ended.min(MAX_ENDED));
        let ended: Vec<_> = ended.map(|(_, id)| id).collect();
        let left = self.ended.front().map_or(covers, |(first, _)| first - 1);
        Some(Batch {
            message: wire::encode_with(&leading, &ended),
            covers: covers.min(left),
        })
    }
}

/// Whether nothing needs to be said beside it.
fn is_everything(target: &Target) -> bool {
    target.what == What::Everything && target.scope.is_none() && target.strength == Strength::Hard
}
