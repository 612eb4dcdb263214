//! What a readiness handler needs to know.

use super::counters::Counters;
use super::handle::Mode;
use super::shared::Shared;
use crate::clock::Moment;
use crate::coherence::{Figures, HeardBy};
use std::fmt;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Whether this instance may answer from memory, and what its bus says.
///
/// # Readiness
///
/// [`is_ready`](Self::is_ready) is for the handler that tells a load balancer whether to
/// send requests here. It does not go by `coherent` or `bus_down`: an instance without
/// its bus answers all requests by their handlers, and all instances lose the bus
/// together. One that takes itself off then makes of a slow site one that is down.
/// Alert on them, and on [`BusStats::deaf`](crate::BusStats::deaf).
///
/// ```
/// # #[cfg(feature = "axum")]
/// # fn app() -> axum::Router {
/// use axum::{Router, extract::State, http::StatusCode, routing::get};
/// use tower_coherence::Cache;
///
/// async fn ready(State(cache): State<Cache>) -> (StatusCode, String) {
///     let health = cache.health();
///     let status = match health.is_ready() {
///         true => StatusCode::OK,
///         false => StatusCode::SERVICE_UNAVAILABLE,
///     };
///     (status, health.to_string())
/// }
///
/// let cache = Cache::local();
/// let app = Router::new()
///     .route("/", get(async || "cached"))
///     .layer(cache.layer())
///     .route("/ready", get(ready)) // after the layer: not wrapped
///     .with_state(cache);
/// # app
/// # }
/// ```
///
/// # Log events
#[doc = include_str!("../docs/events.md")]
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Health {
    /// The name of the cache, see
    /// [`CacheBuilder::status_name`](crate::CacheBuilder::status_name).
    pub name: String,
    /// Whether there is a proof younger than the staleness bound. Without one, this
    /// instance is deaf: its handlers answer.
    pub coherent: bool,
    /// Whether the cache is switched on, see [`Cache::set_mode`](crate::Cache::set_mode).
    pub mode: Mode,
    /// Whether [`Cache::shutdown`](crate::Cache::shutdown) has begun.
    pub ended: bool,
    /// The name of the bus: `local` means that no other process is heard.
    pub bus: &'static str,
    /// Whether the last word from the bus was trouble.
    pub bus_down: bool,
    /// How long ago this instance last proved that it had missed nothing.
    /// `None`: never yet.
    pub proof_age: Option<Duration>,
    /// The last entry of the log that was applied here.
    pub position: Option<String>,
    /// The last 32 entries of the log that were applied here, the newest first.
    pub lately: Vec<Heard>,
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

impl Health {
    pub(super) fn of(shared: &Shared) -> Self {
        let coherence = &shared.coherence;
        let figures = coherence.figures();
        Self {
            name: String::from(&*shared.applier.name),
            coherent: coherence.is_coherent(),
            mode: if shared.uses_memory() {
                Mode::Serve
            } else {
                Mode::Bypass
            },
            ended: !shared.serving.load(Ordering::SeqCst),
            bus: coherence.bus(),
            bus_down: figures.is_down(),
            proof_age: figures.lag,
            lately: lately(&figures, shared.clock.now()),
            position: figures.position.map(|position| position.to_string()),
            last_trouble: figures.last_trouble,
            findings: figures.findings.unwrap_or_default(),
            mistakes: shared.mistakes.all(),
            warnings: warnings(&shared.counters),
        }
    }

    /// Whether this instance is to get requests: until its
    /// [`shutdown`](crate::Cache::shutdown) has begun. See above for what it does not
    /// depend on.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        !self.ended
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (ready, heard) = match (self.ended, self.coherent) {
            (true, _) => ("ended", ""),
            (false, true) => ("ready", ", coherent"),
            (false, false) => ("ready", ", deaf"),
        };
        let off = match self.mode {
            Mode::Serve => "",
            Mode::Bypass => ", switched off",
        };
        write!(f, "{ready}{heard}{off}, bus {}", self.bus)?;
        match (&self.last_trouble, self.bus_down) {
            (Some(trouble), true) => write!(f, " down: {trouble}"),
            _ => Ok(()),
        }
    }
}

/// An entry of the log that was applied on this instance, see [`Health::lately`].
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Heard {
    /// Where it stands in the log.
    pub position: String,
    /// How many targets it names. Those of an own entry were applied before.
    pub targets: usize,
    /// Whether this instance has written it. Of others it is not known who has.
    pub own: bool,
    /// How it was heard of.
    pub by: HeardBy,
    /// How long ago.
    pub ago: Duration,
}

fn lately(figures: &Figures, now: Moment) -> Vec<Heard> {
    let heard = figures.lately.iter().map(|entry| Heard {
        position: entry.position.to_string(),
        targets: entry.targets,
        own: entry.own,
        by: entry.by,
        ago: now.since(entry.at),
    });
    heard.collect()
}

/// More are counted and not listed: a table may have any number of routes.
const MOST_WARNINGS: usize = 100;

fn warnings(counters: &Counters) -> Vec<String> {
    let routes = counters.routes.all().into_iter();
    let warnings = routes.filter_map(|(counts, in_use)| in_use.then(|| counts.warning())?);
    warnings.take(MOST_WARNINGS).collect()
}
