//! The graceful end.

use super::handle::Cache;
use super::publisher::Publisher;
use super::shared::Shared;
use crate::coherence::Coherence;
use crate::tasks;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// What was left when the time for a graceful end was up.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Unsent {
    /// Targets that the log has not taken. Other instances may serve them until
    /// they expire: nobody else knows of them.
    pub targets: usize,
    /// Fills and writes that were still running.
    pub running: usize,
    /// Whether the bus still counts this instance as a member: a write that waits
    /// for [`WriteConcern::Applied`](crate::WriteConcern::Applied) elsewhere waits
    /// this one out.
    pub still_member: bool,
}

impl Unsent {
    /// Whether nothing was left.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

impl Cache {
    /// Ends gracefully, within this time for all steps together: answers nothing
    /// from memory any more, waits for the fills and writes that are running, sends
    /// what waits for the bus, and takes this instance off the list of members, in
    /// this order. What is left then is told, and stays queued as long as a handle
    /// lives.
    ///
    /// Outside of a tokio runtime nothing can be waited for, and all is left.
    ///
    /// Call it when the server has stopped taking requests. Requests that come all
    /// the same are passed on, and writes still invalidate.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the wait. Nothing is answered from memory from the
    /// first poll on; the step that was interrupted may not have happened.
    pub async fn shutdown(self, within: Duration) -> Unsent {
        let shared = self.shared();
        // Before anything else: one that has signed off serves nothing.
        shared.serving.store(false, Ordering::SeqCst);
        let until = shared.clock.now().plus(within);
        let left = || until.since(shared.clock.now());
        let coherence = &shared.coherence;
        let mut still_member = true;
        // Outside of a runtime nothing can be waited for.
        if tasks::runtime().is_some() {
            let ended = shared.all_ended();
            let _ = shared.clock.timeout(left(), ended).await;
            let _ = shared.clock.timeout(left(), coherence.drained()).await;
            still_member = !coherence.leave(left()).await;
        }
        Unsent {
            targets: waiting(coherence),
            running: shared.running(),
            still_member,
        }
    }
}

impl Publisher {
    /// Sends what waits for the bus, within this time, and tells what is left. That
    /// is gone with the last clone of this publisher.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the wait and loses nothing.
    pub async fn shutdown(self, within: Duration) -> Unsent {
        let coherence = self.coherence();
        if tasks::runtime().is_some() {
            let _ = coherence.clock().timeout(within, coherence.drained()).await;
        }
        Unsent {
            targets: waiting(coherence),
            ..Unsent::default()
        }
    }
}

fn waiting(coherence: &Coherence) -> usize {
    coherence.figures().outbox
}

impl Shared {
    /// Waits until no fill and no write runs in a task.
    async fn all_ended(&self) {
        let all = u32::try_from(self.max_tasks).unwrap_or(u32::MAX);
        // An error would mean that the semaphore is closed; nobody closes it.
        drop(self.permits.acquire_many(all).await);
    }

    fn running(&self) -> usize {
        self.max_tasks - self.permits.available_permits()
    }
}
