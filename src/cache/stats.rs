//! What a cache says about itself, in numbers.

use super::counters::Counters;
use super::invalidating::Applier;
use super::route_stats::RouteStats;
use super::shared::Shared;
use crate::coherence::Figures;
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
    /// Targets that wait to be sent.
    pub outbox: usize,
    /// Times that so many waited that they became *everything*.
    pub widened: u64,
}

/// Whether this instance may answer from memory, and what its bus says.
///
/// # Log events
#[doc = include_str!("../docs/events.md")]
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Health {
    /// The name of the cache, see
    /// [`CacheBuilder::status_name`](crate::CacheBuilder::status_name).
    pub name: String,
    /// Whether there is a proof younger than the staleness bound.
    pub coherent: bool,
    /// The name of the bus: `local` means that no other process is heard.
    pub bus: &'static str,
    /// Whether the last word from the bus was trouble.
    pub bus_down: bool,
    /// How long ago this instance last proved that it had missed nothing.
    /// `None`: never yet.
    pub proof_age: Option<Duration>,
    /// The last entry of the log that was applied here.
    pub position: Option<String>,
    /// The last trouble with the bus.
    pub last_trouble: Option<String>,
    /// What the bus said about itself when it was first reached, in sentences.
    pub findings: Vec<String>,
    /// What is wrong with the policies that layers were given, in sentences: the first
    /// hundred. A route table and a cache with mistakes are not made at all.
    pub mistakes: Vec<String>,
    /// The routes of which a hundred responses were not stored, and none was, each in a
    /// sentence with the most frequent reason: the first hundred. Each is logged once.
    pub warnings: Vec<String>,
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
            outbox: figures.outbox,
            widened: figures.widened,
        }
    }
}

impl Health {
    pub(super) fn of(shared: &Shared) -> Self {
        let coherence = &shared.coherence;
        let figures = coherence.figures();
        Self {
            name: String::from(&*shared.applier.name),
            coherent: coherence.is_coherent(),
            bus: coherence.bus(),
            bus_down: figures.is_down(),
            proof_age: figures.lag,
            position: figures.position.map(|position| position.to_string()),
            last_trouble: figures.last_trouble,
            findings: figures.findings.unwrap_or_default(),
            mistakes: shared.mistakes.all(),
            warnings: warnings(&shared.counters),
        }
    }
}

/// More are counted and not listed: a table may have any number of routes.
const MOST_WARNINGS: usize = 100;

fn warnings(counters: &Counters) -> Vec<String> {
    let routes = counters.routes.all().into_iter();
    let warnings = routes.filter_map(|(counts, in_use)| in_use.then(|| counts.warning())?);
    warnings.take(MOST_WARNINGS).collect()
}
