//! The handle: starts the tasks, and waits for what they do.

use super::backoff;
use super::everywhere;
use super::figures::Figures;
use super::loops;
use super::outbox::{Kept, Ticket};
use super::settings::{Role, Settings};
use super::shared::Shared;
use super::sink::Sink;
use crate::bus::Engine;
use crate::clock::{Clock, Moment};
use crate::concern::{Applied, Reached, Receipt, WriteConcern};
use crate::error::{Error, ErrorKind};
use crate::target::Target;
use crate::tasks::{self, Task};
use crate::telemetry;
use futures_util::FutureExt;
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Keeps one instance coherent with the log of its bus.
///
/// Its tasks end when it is dropped. They hold the sink and the engine, so
/// neither may hold this.
pub(crate) struct Coherence {
    pub(super) shared: Arc<Shared>,
    /// Held while tasks are started.
    tasks: Mutex<Option<(Task, Task)>>,
}

impl Coherence {
    /// Needs no runtime, and does nothing yet.
    pub(crate) fn new(
        engine: Arc<dyn Engine>,
        clock: Clock,
        settings: Settings,
        sink: Arc<dyn Sink>,
    ) -> Arc<Self> {
        Arc::new(Self {
            shared: Arc::new(Shared::new(engine, clock, settings, sink)),
            tasks: Mutex::new(None),
        })
    }

    /// Starts the tasks on the current runtime unless they run: at the first call,
    /// and when the runtime they were on has ended. Without a runtime they start at
    /// a later call. Costs one load while they run.
    pub(crate) fn ensure_running(&self) {
        if !self.is_running() {
            self.start();
            self.ask_now();
        }
    }

    /// Where the log is inside the process, asks it here and now: no instance is
    /// deaf to what it can look at. Returns whether there is a new proof.
    pub(crate) fn ask_now(&self) -> bool {
        let shared = &self.shared;
        if shared.settings.role == Role::Publisher {
            return false;
        }
        shared.ask_now()
    }

    /// Puts the targets into the outbox: no waiting, and nothing lost from here on.
    pub(crate) fn enqueue(&self, targets: &[Target]) -> Ticket {
        let (ticket, kept) = self.shared.outbox.put(targets);
        if kept == Kept::Widened {
            telemetry::outbox_widened();
        }
        ticket
    }

    /// Waits as far as the concern says, and says how far it has gone.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the wait; what was enqueued is still sent.
    pub(crate) async fn receipt(&self, ticket: Ticket, concern: WriteConcern) -> Receipt {
        let receipt = match concern {
            WriteConcern::Enqueued => Receipt::new(self.reached(ticket)),
            WriteConcern::Published { timeout } => {
                Receipt::new(self.published(ticket, timeout).await)
            }
            WriteConcern::Applied { timeout } => self.applied(ticket, timeout).await,
        };
        receipt.with_token(self.token_of(ticket))
    }

    /// A larger bound than before is in use here. It may be used once the log has
    /// heard of it, see [`has_reported`](Self::has_reported).
    pub(crate) fn widen(&self, bound: Duration) {
        self.shared.everywhere.watch().widen(bound);
        if self.shared.follower().widen(bound) {
            self.shared.due.notify_one();
        }
    }

    /// The largest bound in use here.
    pub(crate) fn largest_bound(&self) -> Duration {
        self.shared.follower().bound()
    }

    /// Whether the log has heard that this instance uses this bound.
    pub(crate) fn has_reported(&self, bound: Duration) -> bool {
        self.shared.has_reported(bound)
    }

    /// Waits until this instance has a proof younger than the bound.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NoRuntime`]: nothing runs that could bring one.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the wait.
    pub(crate) async fn coherent(&self) -> Result<(), Error> {
        self.must_run()?;
        let mut proved = self.shared.proved.subscribe();
        let young = |proof: &Option<Moment>| {
            let age = proof.map(|as_of| self.shared.clock.now().since(as_of));
            age.is_some_and(|age| age <= self.shared.settings.bound)
        };
        // An error would mean that the sender is gone; `shared` holds it.
        let _ = proved.wait_for(young).await;
        Ok(())
    }

    /// Waits until all that was enqueued here before is in the log, and all that
    /// the log had then is applied here.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NoRuntime`]: nothing runs that could do it.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the wait.
    pub(crate) async fn idle(&self) -> Result<(), Error> {
        self.must_run()?;
        let shared = &self.shared;
        shared.outbox.reached(shared.outbox.last()).await;
        let asked = shared.asked.load(Ordering::Relaxed);
        shared.due.notify_one();
        let mut answered = shared.answered.subscribe();
        // As above.
        let _ = answered.wait_for(|number| *number > asked).await;
        Ok(())
    }

    /// Waits until the log has all that was enqueued before.
    pub(crate) async fn drained(&self) {
        self.ensure_running();
        self.shared.outbox.reached(self.shared.outbox.last()).await;
    }

    /// Asks nothing any more and takes this instance off the list of members,
    /// within this time. It must serve nothing from here on. Returns whether it is
    /// off the list.
    pub(crate) async fn leave(&self, within: Duration) -> bool {
        let shared = &self.shared;
        shared.leaving.store(true, Ordering::Relaxed);
        let left = async {
            // A question that is out would put it on the list again.
            let _asking = shared.asking.lock().await;
            let (member, counter) = shared.follower().signature();
            shared.engine.sign_off(member, counter).await.is_ok()
        };
        shared.clock.timeout(within, left).await == Some(true)
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// Whether there is a proof younger than the bound.
    pub(crate) fn is_coherent(&self) -> bool {
        let heard = self.shared.heard_until();
        heard.is_some_and(|until| self.shared.clock.now() <= until)
    }

    /// Whether the bus is known to be down.
    pub(crate) fn is_down(&self) -> bool {
        self.shared.figures().is_down()
    }

    /// What this knows about itself.
    pub(crate) fn figures(&self) -> Figures {
        self.shared.stand()
    }

    /// The short name of the bus.
    pub(crate) fn bus(&self) -> &'static str {
        self.shared.engine.name()
    }

    async fn published(&self, ticket: Ticket, timeout: Duration) -> Reached {
        if self.can_wait() {
            let reached = self.shared.outbox.reached(ticket);
            self.shared.clock.timeout(timeout, reached).await;
        }
        self.reached(ticket)
    }

    async fn applied(&self, ticket: Ticket, timeout: Duration) -> Receipt {
        let shared = &self.shared;
        let everywhere = async {
            shared.outbox.reached(ticket).await;
            match shared.outbox.landed(ticket) {
                Some(landed) => everywhere::wait(shared, landed).await,
                // Another thousand went after it before this could look.
                None => std::future::pending().await,
            }
        };
        let applied = if self.can_wait() {
            let waited = shared.clock.timeout(timeout, everywhere).await;
            waited.unwrap_or_else(|| shared.everywhere.timed_out())
        } else {
            Applied::TimedOut {
                by: 0,
                missing: Vec::new(),
            }
        };
        shared.figures().count(&applied);
        telemetry::applied(&applied);
        Receipt::of_applied(self.reached(ticket), applied)
    }

    /// Outside of a runtime there is no timer to wait with.
    pub(super) fn can_wait(&self) -> bool {
        self.ensure_running();
        let can_wait = tasks::runtime().is_some() && self.is_running();
        can_wait && !self.is_down()
    }

    fn reached(&self, ticket: Ticket) -> Reached {
        if self.shared.outbox.has_reached(ticket) {
            Reached::Bus
        } else {
            Reached::Here
        }
    }

    fn must_run(&self) -> Result<(), Error> {
        self.ensure_running();
        if self.is_running() {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::NoRuntime,
            "the background work of a cache starts inside a tokio runtime, and there is none here",
        ))
    }

    fn is_running(&self) -> bool {
        self.shared.running.load(Ordering::Relaxed) != 0
    }

    fn start(&self) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_running() {
            return;
        }
        // Without a runtime the work is dropped here, and its mark with it.
        let mark = RunMark::set(&self.shared);
        let upkeep = self.shared.clone();
        *tasks = Task::start(run(mark)).zip(Task::start(async move {
            watched(&upkeep, "upkeep", || upkeep.sink.clone().upkeep()).await;
        }));
    }
}

impl fmt::Debug for Coherence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Coherence")
            .field("bus", &self.bus())
            .finish_non_exhaustive()
    }
}

/// Says that tasks run, for as long as they do: it goes with them, whether they
/// end or their runtime does.
struct RunMark {
    shared: Arc<Shared>,
    /// Not zero, and different each time.
    number: u64,
}

impl RunMark {
    /// Called with the lock of the task held.
    fn set(shared: &Arc<Shared>) -> Self {
        let number = crate::random::number().max(1);
        shared.running.store(number, Ordering::Relaxed);
        Self {
            shared: shared.clone(),
            number,
        }
    }
}

impl Drop for RunMark {
    /// Leaves the mark of newer tasks alone.
    fn drop(&mut self) {
        let relaxed = Ordering::Relaxed;
        let _ = self
            .shared
            .running
            .compare_exchange(self.number, 0, relaxed, relaxed);
    }
}

/// One task for all loops: they wait nearly all of the time, and so no two of them
/// are ever in the middle of something.
async fn run(mark: RunMark) {
    let shared = &mark.shared;
    if shared.settings.role == Role::Publisher {
        tokio::join!(
            watched(shared, "send", || loops::send(shared)),
            watched(shared, "census", || everywhere::count(shared)),
        );
        return;
    }
    tokio::join!(
        watched(shared, "ask", || loops::ask(shared)),
        watched(shared, "send", || loops::send(shared)),
        watched(shared, "listen", || loops::listen(shared)),
        watched(shared, "look", || loops::look(shared)),
        watched(shared, "repair", || loops::repair(shared)),
        watched(shared, "census", || everywhere::count(shared)),
        watched(shared, "beat", || loops::beat(shared)),
    );
}

/// Runs a loop, and again if it panics.
async fn watched<F>(shared: &Shared, name: &'static str, begin: impl Fn() -> F)
where
    F: Future<Output = Infallible>,
{
    let mut panics = 0;
    while AssertUnwindSafe(begin()).catch_unwind().await.is_err() {
        telemetry::task_panicked(name);
        shared.figures().panics += 1;
        shared.forget();
        panics += 1;
        let wait = backoff::after(panics, shared.settings.heartbeat);
        shared.clock.sleep(wait).await;
    }
}
