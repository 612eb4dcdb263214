//! For processes that only write.

use crate::bus::Bus;
use crate::bus::sealed::AnyEngine;
use crate::clock::{Clock, Moment};
use crate::coherence::{Coherence, DEFAULT_BOUND, Role, Settings, Sink};
use crate::concern::{Reached, Receipt};
use crate::error::Error;
use crate::target::{Invalidate, Target};
use std::sync::Arc;
use std::time::Duration;

/// Sends invalidations from a process that serves nothing from memory: a worker,
/// a job, a command.
///
/// It has no store, follows no log, and is no member: nobody waits for it. What
/// it was given is kept and retried as long as it lives; clones share one queue.
///
/// ```
/// use tower_coherence::{Publisher, Tag, bus::Local};
/// # async fn work() -> Result<(), tower_coherence::Error> {
/// let bus = Local::new(); // or Redis::new("redis://127.0.0.1/", "shop")?
/// let publisher = Publisher::new(bus)?;
/// publisher.invalidate(Tag::of("product", 7)).await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Publisher {
    coherence: Arc<Coherence>,
}

/// There is no store to apply anything to.
struct Nothing;

impl Sink for Nothing {
    fn apply(&self, _: &[Target]) {}

    fn apply_then_prove(&self, _: &[Target], _: Moment) {}
}

impl Publisher {
    /// A publisher on this bus. Needs no runtime: it starts to send with the first
    /// invalidation inside one.
    ///
    /// # Errors
    ///
    /// What the bus says about its settings, such as a URL it cannot use.
    pub fn new(bus: impl Bus) -> Result<Self, Error> {
        let AnyEngine(engine) = bus.into_engine()?;
        let settings = Settings {
            role: Role::Publisher,
            ..Settings::new(DEFAULT_BOUND, Duration::from_secs(1))
        };
        let coherence = Coherence::new(engine, Clock::Real, settings, Arc::new(Nothing));
        Ok(Self { coherence })
    }

    /// Queues it for the bus and waits as far as its
    /// [`WriteConcern`](crate::WriteConcern) says: unless it says something, until the log has it, at
    /// most 500 ms.
    ///
    /// A publisher has no staleness bound of its own. Where
    /// [`WriteConcern::Applied`](crate::WriteConcern::Applied) has to wait for time, it
    /// waits for 3 s, or for the largest bound that an instance has reported, if that is
    /// longer.
    ///
    /// # Cancel safety
    ///
    /// It is queued before the first wait: dropping the future after its first
    /// poll ends the wait and loses nothing.
    pub async fn invalidate(&self, what: impl Into<Invalidate>) -> Receipt {
        let what = what.into();
        let concern = what.write_concern().unwrap_or_default();
        if what.is_empty() {
            return Receipt::new(Reached::Bus);
        }
        let ticket = self.coherence.enqueue(what.targets());
        self.coherence.receipt(ticket, concern).await
    }

    /// Queues it without waiting, for callbacks and `Drop`.
    pub fn invalidate_now(&self, what: impl Into<Invalidate>) {
        self.coherence.enqueue(what.into().targets());
        self.coherence.ensure_running();
    }

    pub(super) fn coherence(&self) -> &Coherence {
        &self.coherence
    }

    /// How many targets wait to be sent.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.coherence.figures().outbox
    }
}
