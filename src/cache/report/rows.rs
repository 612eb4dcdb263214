//! The names: one row for each, as the docs have them.

use super::super::counts::TargetStats;
use super::super::route_stats::RouteStats;
use super::super::stats::Stats;
use crate::coherence::Times;
use metrics::Unit;
use std::collections::BTreeMap;
use std::time::Duration;

/// One number, and where it comes from.
pub(super) struct Row<F> {
    pub(super) name: &'static str,
    pub(super) unit: Unit,
    pub(super) help: &'static str,
    pub(super) of: F,
}

/// Where things stand.
pub(super) struct Stand {
    pub(super) coherent: bool,
    pub(super) bus_down: bool,
    pub(super) proof_age: Option<Duration>,
    pub(super) stats: Stats,
}

type OfRoute = fn(&RouteStats) -> u64;
type ByReason = fn(&RouteStats) -> &BTreeMap<&'static str, u64>;
type OfTarget = fn(&TargetStats) -> u64;
type OfCache = fn(&Stats) -> u64;
/// `None`: not known yet.
type Level = fn(&Stand) -> Option<f64>;

const fn count<F>(name: &'static str, help: &'static str, of: F) -> Row<F> {
    Row {
        name,
        unit: Unit::Count,
        help,
        of,
    }
}

const fn level(name: &'static str, unit: Unit, help: &'static str, of: Level) -> Row<Level> {
    Row {
        name,
        unit,
        help,
        of,
    }
}

fn longest(times: &Times) -> Option<f64> {
    Some(times.longest.as_secs_f64())
}

#[allow(
    clippy::cast_precision_loss,
    reason = "a gauge is a float, and exact up to 2^53"
)]
fn float(number: u64) -> f64 {
    number as f64
}

/// Of each read route.
pub(super) const READS: &[Row<OfRoute>] = &[
    count(
        "tower_coherence_hits_total",
        "Requests answered from memory",
        |route| route.hits,
    ),
    count(
        "tower_coherence_fills_total",
        "Runs of the handler to fill the store",
        |route| route.fills,
    ),
    count(
        "tower_coherence_refreshes_total",
        "Runs of the handler in the background",
        |route| route.refreshes,
    ),
    count(
        "tower_coherence_confirmed_total",
        "Stored responses that the handler confirmed",
        |route| route.confirmed,
    ),
    count(
        "tower_coherence_waiters_total",
        "Requests that waited for another one's fill",
        |route| route.waiters,
    ),
    count(
        "tower_coherence_stored_total",
        "Responses stored",
        |route| route.stored,
    ),
];

/// Of each read route, by reason.
pub(super) const BY_REASON: &[Row<ByReason>] = &[
    count(
        "tower_coherence_misses_total",
        "Look-ups that found nothing to serve",
        |route| &route.misses,
    ),
    count(
        "tower_coherence_bypasses_total",
        "Requests passed on without being answered or filled",
        |route| &route.bypasses,
    ),
    count(
        "tower_coherence_refusals_total",
        "Responses not stored",
        |route| &route.refusals,
    ),
    count(
        "tower_coherence_stale_total",
        "Requests answered with what was stale",
        |route| &route.stale,
    ),
];

/// Of each write route.
pub(super) const WRITES: &[Row<OfRoute>] = &[
    count(
        "tower_coherence_writes_total",
        "Unsafe requests and gRPC calls let through",
        |route| route.writes,
    ),
    count(
        "tower_coherence_refused_writes_total",
        "Writes refused while the bus was down",
        |route| route.refused_writes,
    ),
    count(
        "tower_coherence_templates_widened_total",
        "Times that a write made more stale than its route names",
        |route| route.templates_widened,
    ),
];

/// Of what the policy of a write route names.
pub(super) const OF_TARGETS: &[Row<OfTarget>] = &[
    count(
        "tower_coherence_targets_named_total",
        "Writes that named this",
        |target| target.named,
    ),
    count(
        "tower_coherence_targets_met_total",
        "Those that something stored here bore",
        |target| target.met,
    ),
];

/// Of the cache.
pub(super) const TOTALS: &[Row<OfCache>] = &[
    count(
        "tower_coherence_invalidations_total",
        "Targets invalidated here",
        |stats| stats.invalidations,
    ),
    count(
        "tower_coherence_invalidations_unread_total",
        "Invalidations on responses that no layer read, in the process",
        |stats| stats.invalidations_unread,
    ),
    count(
        "tower_coherence_evicted_total",
        "What left a full store",
        |stats| stats.evicted,
    ),
    count(
        "tower_coherence_swept_total",
        "Dead entries removed",
        |stats| stats.swept,
    ),
    count(
        "tower_coherence_syncs_total",
        "Questions answered by the log",
        |stats| stats.bus.syncs,
    ),
    count(
        "tower_coherence_sync_failures_total",
        "Questions that failed",
        |stats| stats.bus.sync_failures,
    ),
    count(
        "tower_coherence_published_total",
        "Batches that the log has taken",
        |stats| stats.bus.published,
    ),
    count(
        "tower_coherence_publish_failures_total",
        "Batches that failed, each is tried again",
        |stats| stats.bus.publish_failures,
    ),
    count(
        "tower_coherence_sent_again_total",
        "Batches that the log had lost",
        |stats| stats.bus.sent_again,
    ),
    count(
        "tower_coherence_applied_total",
        "Waits for everybody that ended well",
        |stats| stats.bus.applied,
    ),
    count(
        "tower_coherence_waited_out_total",
        "Those that waited out an instance",
        |stats| stats.bus.waited_out,
    ),
    count(
        "tower_coherence_applied_timeouts_total",
        "Waits for everybody that took too long",
        |stats| stats.bus.applied_timeouts,
    ),
    count(
        "tower_coherence_intents_total",
        "Writes announced to the log",
        |stats| stats.bus.intents,
    ),
    count(
        "tower_coherence_intents_untold_total",
        "Writes that the log was not told of in time",
        |stats| stats.bus.intents_untold,
    ),
    count(
        "tower_coherence_intents_ran_out_total",
        "Times that writes elsewhere outlived their intents",
        |stats| stats.bus.intents_ran_out,
    ),
    count(
        "tower_coherence_rings_total",
        "Entries heard by the ring",
        |stats| stats.bus.rings,
    ),
    count(
        "tower_coherence_garbage_total",
        "What came by the ring and was no entry",
        |stats| stats.bus.garbage,
    ),
    count(
        "tower_coherence_unreadable_total",
        "Entries of the log read as everything",
        |stats| stats.bus.unreadable,
    ),
    count(
        "tower_coherence_gaps_total",
        "Times that something was missed on the ring",
        |stats| stats.bus.gaps,
    ),
    count(
        "tower_coherence_found_late_total",
        "Entries of the log that no ring had brought when they were asked for",
        |stats| stats.bus.found_late,
    ),
    count(
        "tower_coherence_adoptions_total",
        "Times that everything was invalidated, since what was missed is unknown",
        |stats| stats.bus.adoptions,
    ),
    count(
        "tower_coherence_connections_total",
        "Connections of the ring",
        |stats| stats.bus.connections,
    ),
    count(
        "tower_coherence_outbox_widened_total",
        "Times that a full outbox became everything",
        |stats| stats.bus.widened,
    ),
];

/// What goes up and down.
pub(super) const GAUGES: &[Row<Level>] = &[
    level(
        "tower_coherence_coherent",
        Unit::Count,
        "1 while there is a proof younger than the staleness bound",
        |stand| Some(f64::from(stand.coherent)),
    ),
    level(
        "tower_coherence_bus_down",
        Unit::Count,
        "1 while the last word from the bus was trouble",
        |stand| Some(f64::from(stand.bus_down)),
    ),
    level(
        "tower_coherence_proof_age_seconds",
        Unit::Seconds,
        "How long ago it was proved that nothing was missed",
        |stand| stand.proof_age.map(|age| age.as_secs_f64()),
    ),
    level(
        "tower_coherence_deaf_seconds",
        Unit::Seconds,
        "How long, in all, there was no young proof",
        |stand| Some(stand.stats.bus.deaf.as_secs_f64()),
    ),
    level(
        "tower_coherence_detection_longest_seconds",
        Unit::Seconds,
        "For how long at most something was missed until it was noticed",
        |stand| longest(&stand.stats.bus.detection),
    ),
    level(
        "tower_coherence_answer_longest_seconds",
        Unit::Seconds,
        "The longest time that the log took to answer",
        |stand| longest(&stand.stats.bus.answers),
    ),
    level(
        "tower_coherence_append_longest_seconds",
        Unit::Seconds,
        "The longest time that the log took to take a batch",
        |stand| longest(&stand.stats.bus.appends),
    ),
    level(
        "tower_coherence_outbox_targets",
        Unit::Count,
        "Targets that wait to be sent",
        |stand| Some(float(stand.stats.bus.outbox as u64)),
    ),
    level(
        "tower_coherence_entries",
        Unit::Count,
        "What the stores hold",
        |stand| Some(float(stand.stats.entries)),
    ),
    level(
        "tower_coherence_bytes",
        Unit::Bytes,
        "What that weighs",
        |stand| Some(float(stand.stats.bytes)),
    ),
    level(
        "tower_coherence_cells",
        Unit::Count,
        "Names that stored responses are known by",
        |stand| Some(float(stand.stats.cells)),
    ),
];
