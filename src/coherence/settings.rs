//! How coherence is kept.

use std::time::Duration;

/// For how many staleness bounds after its last proof an instance may still serve
/// anything: what was filled since proves itself for one bound. Beyond that it
/// serves nothing, so that others need not wait for one that is gone.
pub(crate) const ALONE_FOR: u32 = 10;

/// The staleness bound, unless it is set.
pub(crate) const DEFAULT_BOUND: Duration = Duration::from_secs(3);

/// The durations and bounds of one instance.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Settings {
    pub(crate) role: Role,
    /// The largest staleness bound in use here.
    pub(crate) bound: Duration,
    /// The longest time between two questions while the bus answers.
    pub(crate) heartbeat: Duration,
    /// The longest time that one call to the bus may take. A bus has shorter
    /// limits of its own, after which it also gives its connection up.
    pub(crate) call: Duration,
    /// The most targets that wait to be sent; more become "everything".
    pub(crate) waiting_targets: usize,
    /// The most bytes that wait to be sent; more become "everything".
    pub(crate) waiting_bytes: usize,
}

/// What a process is to the bus.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Role {
    /// It serves from memory: it follows the log and reports.
    Instance,
    /// It only sends.
    Publisher,
}

impl Settings {
    /// These durations, and the defaults for the rest.
    pub(crate) fn new(bound: Duration, heartbeat: Duration) -> Self {
        Self {
            role: Role::Instance,
            bound,
            heartbeat,
            call: heartbeat.max(Duration::from_secs(5)),
            waiting_targets: 10_000,
            waiting_bytes: 4 << 20,
        }
    }
}
