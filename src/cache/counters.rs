//! What one cache counts.

use super::counter::Counter;
use super::tally::Tally;

/// What one cache counts. Each number goes up only.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) hits: Counter,
    /// Those of them that were answered with what is stale, by reason.
    pub(crate) stale: Tally,
    /// Requests of the cache itself, that fetch anew what was served.
    pub(crate) refreshes: Counter,
    /// Stored responses that the handler has confirmed.
    pub(crate) confirmed: Counter,
    /// Look-ups that found nothing to serve, by reason.
    pub(crate) misses: Tally,
    /// Requests that were passed on without a look-up, by reason.
    pub(crate) bypasses: Tally,
    pub(crate) fills: Counter,
    /// Requests that waited for somebody else's fill.
    pub(crate) waiters: Counter,
    pub(crate) stored: Counter,
    /// Responses that were not stored, by reason.
    pub(crate) refusals: Tally,
    pub(crate) writes: Counter,
    /// Unsafe requests answered without the handler, since the bus was down.
    pub(crate) refused_writes: Counter,
    /// Targets invalidated here, asked for on this instance or heard of.
    pub(crate) invalidations: Counter,
    /// Times that a write made more stale than its route names.
    pub(crate) templates_widened: Counter,
    /// Entries that the sweeper removed because they were dead.
    pub(crate) swept: Counter,
}
