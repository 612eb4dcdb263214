//! What a cache says about itself, in numbers.

use super::counters::Counters;
use super::invalidating::Applier;
use super::route_stats::RouteStats;
use crate::coherence::{Figures, Times};
use crate::telemetry;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// What was counted since the cache was made. Counters go up only.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Requests answered from the store.
    pub hits: u64,
    /// Requests answered from the store with what was not fresh any more, by reason:
    /// `while-revalidate`, which are hits, and `if-error`, which are misses.
    pub stale: BTreeMap<&'static str, u64>,
    /// Runs of the handler in the background, to fetch anew what was served stale.
    pub refreshes: u64,
    /// Stored responses that the handler has confirmed with a 304.
    pub confirmed: u64,
    /// Look-ups that found nothing to serve, by reason.
    pub misses: BTreeMap<&'static str, u64>,
    /// Requests passed on without being answered or filled, by reason.
    pub bypasses: BTreeMap<&'static str, u64>,
    /// Runs of the handler to fill the store.
    pub fills: u64,
    /// Requests that waited for somebody else's fill.
    pub waiters: u64,
    /// Responses stored.
    pub stored: u64,
    /// Responses not stored, by reason.
    pub refusals: BTreeMap<&'static str, u64>,
    /// Unsafe requests, and gRPC calls, that were let through.
    pub writes: u64,
    /// Those that were refused, since the bus was down, see
    /// [`BusDown`](crate::policy::BusDown).
    pub refused_writes: u64,
    /// Times that a write made more stale than its route names, since a hole of a
    /// template had nothing that fits, or a closure panicked, see
    /// [`WritePolicy::tags`](crate::policy::WritePolicy::tags).
    pub templates_widened: u64,
    /// Targets invalidated here, whether asked for here or heard of.
    pub invalidations: u64,
    /// Invalidations attached to a response that no layer read, in the process.
    pub invalidations_unread: u64,
    /// What left a full store.
    pub evicted: u64,
    /// Dead entries whose memory the sweeper gave back.
    pub swept: u64,
    /// What the stores hold, as of their last bookkeeping.
    pub entries: u64,
    /// What it weighs, in bytes.
    pub bytes: u64,
    /// Names that stored responses are known by.
    pub cells: u64,
    /// How the log is followed, and what waits for the bus.
    pub bus: BusStats,
    /// The same numbers of requests by route, as far as they were counted there: the
    /// totals above are their sums. A route keeps its numbers when the table is replaced.
    pub routes: Vec<RouteStats>,
}

/// How the log is followed, and what waits for the bus.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct BusStats {
    /// Questions answered by the log.
    pub syncs: u64,
    /// Questions that failed or had no answer in time.
    pub sync_failures: u64,
    /// Batches that the log has taken.
    pub published: u64,
    /// Batches that failed or had no answer in time; each is tried again.
    pub publish_failures: u64,
    /// Batches sent once more, since the log had lost what it had acknowledged.
    pub sent_again: u64,
    /// Waits for everybody ([`WriteConcern::Applied`](crate::WriteConcern::Applied))
    /// that ended because no instance serves the old answer any more.
    pub applied: u64,
    /// Those of them that had to wait out an instance that did not report.
    pub waited_out: u64,
    /// Waits for everybody that took too long.
    pub applied_timeouts: u64,
    /// Writes that the log was told of before they began, see
    /// [`WritePolicy::intent`](crate::policy::WritePolicy::intent).
    pub intents: u64,
    /// Those that should have been, and the log did not take it in time.
    pub intents_untold: u64,
    /// Times that writes elsewhere did not end within their intents, and what they
    /// might have made stale was invalidated here.
    pub intents_ran_out: u64,
    /// Entries heard by the ring.
    pub rings: u64,
    /// What came by the ring and was no entry.
    pub garbage: u64,
    /// Entries of the log that could not be understood, and were read as
    /// everything.
    pub unreadable: u64,
    /// Times something was missed on the ring, and the log was asked.
    pub gaps: u64,
    /// Times this instance could not know what it had missed, and invalidated
    /// everything; the first is its start.
    pub adoptions: u64,
    /// Connections of the ring, the first included.
    pub connections: u64,
    /// How long, in all, there was no proof younger than the staleness bound.
    pub deaf: Duration,
    /// Entries of the log that the ring had not brought when a question asked for them.
    /// A plain `XADD` of somebody else is always one.
    pub found_late: u64,
    /// For how long at most such entries stood in the log unheard, or what an adoption
    /// missed: the time since the proof before. It is below the staleness bound, unless
    /// this instance was deaf.
    pub detection: Times,
    /// How long questions to the log take that are answered.
    pub answers: Times,
    /// How long it takes to append a batch that the log takes.
    pub appends: Times,
    /// Targets that wait to be sent.
    pub outbox: usize,
    /// Times that so many waited that they became *everything*.
    pub widened: u64,
}

impl Stats {
    pub(super) fn of(applier: &Applier, figures: Figures) -> Self {
        let counters = &applier.counters;
        let shelves = applier.sweeper.shelves.all();
        shelves.iter().for_each(|shelf| shelf.tidy());
        let mut stats = Self {
            invalidations: counters.invalidations.get(),
            invalidations_unread: telemetry::invalidations_unread(),
            evicted: shelves.iter().map(|shelf| shelf.evicted()).sum(),
            swept: counters.swept.get(),
            entries: shelves.iter().map(|shelf| shelf.len()).sum(),
            bytes: shelves.iter().map(|shelf| shelf.bytes()).sum(),
            cells: u64::try_from(applier.core.figures().cells).unwrap_or(u64::MAX),
            bus: figures.into(),
            ..Self::default()
        };
        stats.sum_up(counters);
        stats
    }

    /// What belongs to a request is counted by its route only.
    fn sum_up(&mut self, counters: &Counters) {
        let routes = counters.routes.all();
        let routes = routes.iter();
        self.routes = routes
            .map(|(counts, in_use)| RouteStats::of(counts, *in_use))
            .collect();
        for route in &self.routes {
            self.hits += route.hits;
            add(&mut self.stale, &route.stale);
            self.refreshes += route.refreshes;
            self.confirmed += route.confirmed;
            add(&mut self.misses, &route.misses);
            add(&mut self.bypasses, &route.bypasses);
            self.fills += route.fills;
            self.waiters += route.waiters;
            self.stored += route.stored;
            add(&mut self.refusals, &route.refusals);
            self.writes += route.writes;
            self.refused_writes += route.refused_writes;
            self.templates_widened += route.templates_widened;
        }
    }
}

pub(super) fn add(sum: &mut BTreeMap<&'static str, u64>, more: &BTreeMap<&'static str, u64>) {
    for (reason, times) in more {
        *sum.entry(reason).or_default() += times;
    }
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let misses: u64 = self.misses.values().sum();
        writeln!(
            f,
            "hits {}, misses {misses}, fills {}, waiters {}",
            self.hits, self.fills, self.waiters
        )?;
        writeln!(
            f,
            "entries {}, bytes {}, evicted {}, swept {}",
            self.entries, self.bytes, self.evicted, self.swept
        )?;
        writeln!(
            f,
            "writes {}, invalidations {}, waiting {}",
            self.writes, self.invalidations, self.bus.outbox
        )?;
        write!(
            f,
            "syncs {}, rings {}, gaps {}, adoptions {}, deaf for {:?}",
            self.bus.syncs, self.bus.rings, self.bus.gaps, self.bus.adoptions, self.bus.deaf
        )
    }
}

impl From<Figures> for BusStats {
    fn from(figures: Figures) -> Self {
        Self {
            syncs: figures.syncs,
            sync_failures: figures.sync_failures,
            published: figures.published,
            publish_failures: figures.publish_failures,
            sent_again: figures.sent_again,
            applied: figures.applied,
            waited_out: figures.waited_out,
            applied_timeouts: figures.applied_timeouts,
            intents: figures.intents,
            intents_untold: figures.intents_untold,
            intents_ran_out: figures.intents_ran_out,
            rings: figures.rings,
            garbage: figures.garbage,
            unreadable: figures.unreadable,
            gaps: figures.gaps,
            adoptions: figures.adoptions,
            connections: figures.connections,
            deaf: figures.deaf,
            found_late: figures.found_late,
            detection: figures.detection,
            answers: figures.answers,
            appends: figures.appends,
            outbox: figures.outbox,
            widened: figures.widened,
        }
    }
}
