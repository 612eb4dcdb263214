//! For how long what nobody asks for is kept.

use super::Policy;
use std::time::Duration;

impl Policy {
    /// Lets a response go that nobody has asked for within this time, though it is fresh:
    /// the memory of what was asked for once is there for others before it expires, and
    /// without pushing anything out. Off unless said: the order of
    /// [eviction](crate::policy::Eviction) alone decides what a full store keeps.
    ///
    /// Each request that finds it counts, if it is the handler that answers in the end too.
    /// Once the time is over it is not served any more, stale neither
    /// (`misses["idle"]`); its memory is given back within half a minute.
    ///
    /// Costs one write to memory, that all threads share, for each request that finds such
    /// a response.
    pub fn idle(mut self, time: Duration) -> Self {
        self.idle = Some(time);
        self
    }

    pub(crate) fn idle_time(&self) -> Option<Duration> {
        self.idle
    }
}
