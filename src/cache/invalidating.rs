//! How an invalidation goes its way: invalid here, then in the outbox, then on
//! the bus.

use super::counters::Counters;
use super::events::Teller;
use super::report;
use super::settling::Settling;
use super::shared::Shared;
use super::shelves::Shelves;
use super::sweeper::Sweeper;
use crate::clock::{Clock, Moment};
use crate::coherence::{Figures, Sink, Ticket};
use crate::concern::{Reached, Receipt};
use crate::store::Names;
use crate::store::race::{Core, Raise};
use crate::target::{Invalidate, Target};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use std::convert::Infallible;
use std::sync::Arc;

impl Shared {
    /// Applies it here and queues it for the bus, with nothing awaited in
    /// between: whoever is dropped, both have happened or neither has.
    pub(crate) fn invalidate_now(&self, what: &Invalidate) -> Option<Ticket> {
        if what.is_empty() {
            return None;
        }
        self.coherence.ensure_running();
        self.applier.apply(what.targets());
        Some(self.coherence.enqueue(what.targets()))
    }

    /// The same, and waits as far as the write concern says.
    pub(crate) async fn invalidate(&self, what: Invalidate) -> Receipt {
        match self.invalidate_now(&what) {
            Some(ticket) => self.receipt(ticket, &what).await,
            None => Receipt::new(Reached::Bus),
        }
    }

    /// Whether something stored here bears one of the targets now.
    pub(crate) fn is_borne(&self, what: &Invalidate) -> bool {
        self.applier.is_borne(what.targets())
    }

    /// Waits as far as the write concern says.
    pub(crate) async fn receipt(&self, ticket: Ticket, what: &Invalidate) -> Receipt {
        let concern = what.write_concern().unwrap_or(self.settings.concern);
        self.coherence.receipt(ticket, concern).await
    }
}

/// Raises cells, for writes here and for what is heard.
pub(crate) struct Applier {
    pub(super) core: Arc<Core>,
    pub(super) names: Arc<Names>,
    pub(super) counters: Arc<Counters>,
    pub(super) teller: Teller,
    pub(super) sweeper: Sweeper,
    pub(super) settling: Settling,
    /// The name of the cache.
    pub(super) name: Box<str>,
}

impl Applier {
    pub(super) fn new(shelves: Shelves, max_cells: usize, clock: Clock, name: Box<str>) -> Self {
        let core = Arc::new(Core::new(max_cells));
        let counters = Arc::new(Counters::default());
        let sweeper = Sweeper {
            core: core.clone(),
            shelves: Arc::new(shelves),
            counters: counters.clone(),
            clock,
        };
        Self {
            core,
            names: Arc::new(Names::new()),
            counters,
            teller: Teller::new(),
            sweeper,
            settling: Settling::default(),
            name,
        }
    }
}

impl Applier {
    fn raises(&self, targets: &[Target]) -> Vec<Raise> {
        let raises = targets.iter().flat_map(|target| self.names.raises(target));
        raises.collect()
    }

    /// The cells of the targets, noted as about to be raised: **first the note,
    /// then the cells**, see [`Settling::note`].
    fn noted(&self, targets: &[Target]) -> Vec<Raise> {
        let raises = self.raises(targets);
        if !raises.is_empty() && self.settling.is_used() {
            self.settling.note(&raises, self.sweeper.clock.now());
        }
        raises
    }

    /// Whether something stored here bears one of the targets now.
    fn is_borne(&self, targets: &[Target]) -> bool {
        self.core.is_borne(&self.raises(targets))
    }

    fn tell(&self, targets: &[Target]) {
        if !targets.is_empty() {
            let count = u64::try_from(targets.len()).unwrap_or(u64::MAX);
            self.counters.invalidations.add(count);
            self.teller.tell(|| targets.iter().cloned().collect());
        }
    }
}

impl Sink for Applier {
    fn apply(&self, targets: &[Target]) {
        self.core.apply(&self.noted(targets));
        self.tell(targets);
    }

    fn apply_then_prove(&self, targets: &[Target], as_of: Moment) {
        self.core.apply_then_prove(&self.noted(targets), as_of.0);
        self.tell(targets);
    }

    fn beat(&self, stand: &dyn Fn() -> Figures) {
        report::beat(self, stand);
    }

    fn upkeep(self: Arc<Self>) -> BoxFuture<'static, Infallible> {
        async move { self.sweeper.run().await }.boxed()
    }
}
