//! The outbox: what was invalidated here and has still to reach the log.

mod landed;
mod queue;

use crate::target::Target;
use crate::write_intent::IntentId;
use bytes::Bytes;
use queue::Queue;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, watch};

pub(crate) use landed::Landed;
pub(super) use queue::Limits;

/// Stands for what was put in at one time, and all before it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Ticket(u64);

impl Ticket {
    pub(super) fn of(number: u64) -> Self {
        Self(number)
    }

    pub(super) fn number(self) -> u64 {
        self.0
    }
}

/// The queue, and who waits for it. It forgets nothing when the task that empties
/// it ends: the next one sends the same message again.
#[derive(Debug)]
pub(super) struct Outbox {
    queue: Mutex<Queue>,
    /// Something was put in.
    filled: Notify,
    /// The ticket up to which the log has everything.
    acknowledged: watch::Sender<u64>,
    /// The last acknowledgements, oldest first.
    landed: Mutex<VecDeque<(Ticket, Landed)>>,
}

/// How many acknowledgements are remembered.
const REMEMBERED: usize = 1024;

/// What became of the limits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kept {
    AsItIs,
    /// The queue was full, and what waited is "everything" now.
    Widened,
}

impl Outbox {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            queue: Mutex::new(Queue::new(limits)),
            filled: Notify::new(),
            acknowledged: watch::Sender::new(0),
            landed: Mutex::default(),
        }
    }

    /// Puts the targets in. Nothing to wait for, and nothing to lose.
    pub(super) fn put(&self, targets: &[Target]) -> (Ticket, Kept) {
        if targets.is_empty() {
            return (Ticket(0), Kept::AsItIs);
        }
        let mut queue = self.queue();
        let before = queue.widened();
        let ticket = Ticket(queue.put(targets));
        let kept = if queue.widened() == before {
            Kept::AsItIs
        } else {
            Kept::Widened
        };
        drop(queue);
        self.filled.notify_one();
        (ticket, kept)
    }

    /// A write has ended, and all that it made stale was put in before.
    pub(super) fn end(&self, id: IntentId) {
        self.queue().end(id);
        self.filled.notify_one();
    }

    /// Waits for the next message. The same one until it is acknowledged.
    pub(super) async fn message(&self) -> Bytes {
        loop {
            let message = self.queue().message();
            if let Some(message) = message {
                return message;
            }
            self.filled.notified().await;
        }
    }

    /// The log has the message. Where it stands is remembered before anybody is
    /// told that it does.
    pub(super) fn acknowledge(&self, landed: Landed) {
        if let Some(covers) = self.queue().acknowledge() {
            let mut all = self.landed.lock().unwrap_or_else(PoisonError::into_inner);
            if all.len() >= REMEMBERED {
                all.pop_front();
            }
            all.push_back((Ticket(covers), landed));
            drop(all);
            self.acknowledged
                .send_modify(|done| *done = covers.max(*done));
        }
    }

    /// Whether the log has it.
    pub(super) fn has_reached(&self, ticket: Ticket) -> bool {
        *self.acknowledged.borrow() >= ticket.0
    }

    /// Where the last of it stands, if the log has it and that is remembered. A
    /// ticket covers all that was put in before it, and the batches of one outbox
    /// are in the log in their order.
    pub(super) fn landed(&self, ticket: Ticket) -> Option<Landed> {
        let all = self.landed.lock().unwrap_or_else(PoisonError::into_inner);
        let first = all.partition_point(|(covers, _)| *covers < ticket);
        all.get(first).map(|(_, landed)| *landed)
    }

    /// Waits until the log has it.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the wait and changes nothing.
    pub(super) async fn reached(&self, ticket: Ticket) {
        let mut acknowledged = self.acknowledged.subscribe();
        // An error would mean that the sender is gone; `self` holds it.
        let _ = acknowledged.wait_for(|done| *done >= ticket.0).await;
    }

    /// The last ticket given out.
    pub(super) fn last(&self) -> Ticket {
        Ticket(self.queue().issued())
    }

    pub(super) fn len(&self) -> usize {
        self.queue().len()
    }

    pub(super) fn widened(&self) -> u64 {
        self.queue().widened()
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
