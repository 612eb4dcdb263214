//! What one cache counts.

use super::counter::Counter;
use super::ledger::Ledger;

/// What one cache counts. Each number goes up only.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// What belongs to a request belongs to its route.
    pub(crate) routes: Ledger,
    /// Targets invalidated here, asked for on this instance or heard of.
    pub(crate) invalidations: Counter,
    /// Entries that the sweeper removed because they were dead.
    pub(crate) swept: Counter,
}
