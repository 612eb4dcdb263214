//! What a route does with its writes.

use super::mapping::Mapping;
use crate::concern::WriteConcern;
use std::time::Duration;

/// What a route does with its unsafe requests, as data.
///
/// Given to a layer with
/// [`CacheLayer::write_policy`](crate::CacheLayer::write_policy). What it does not
/// say is as the cache says.
///
/// ```
/// use std::time::Duration;
/// use tower_coherence::WriteConcern;
/// use tower_coherence::policy::{BusDown, WritePolicy};
/// let timeout = Duration::from_secs(5);
/// let writes = WritePolicy::new()
///     .concern(WriteConcern::Applied { timeout })
///     .while_bus_down(BusDown::RefuseWrites);
/// # let _ = writes;
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a write policy does nothing until it is given to a layer"]
pub struct WritePolicy {
    concern: Option<WriteConcern>,
    while_bus_down: Option<BusDown>,
    intent: Option<Duration>,
    pub(super) mapping: Mapping,
}

/// What becomes of unsafe requests while the bus is known to be down.
///
/// It is known when the last word from the bus was trouble, as
/// [`Health::bus_down`](crate::Health::bus_down) says. A call that is still under
/// way is no trouble yet: the first writes of an outage are accepted and queued.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum BusDown {
    /// They run, and what they make stale is sent when the bus is back. Until then
    /// other instances may serve it for one staleness bound. The default.
    #[default]
    Queue,
    /// They are answered 503 with `Retry-After: 1` before the handler runs. Reads
    /// go on.
    ///
    /// A gRPC call may be a read, and nothing in it says so. It is refused only
    /// where the layer's own [`WritePolicy`] says this, and then with the gRPC
    /// status `UNAVAILABLE`. Any client can call its request a gRPC call: where
    /// that must not let a write through, give the layer a policy of its own.
    RefuseWrites,
}

impl WritePolicy {
    /// As the cache says.
    pub fn new() -> Self {
        Self::default()
    }

    /// How far what the writes of this layer make stale has to travel before their
    /// responses leave. Where an [`Invalidate::concern`](crate::Invalidate::concern)
    /// waits for more, that counts. With a timeout of zero nothing is waited for,
    /// as with [`WriteConcern::Enqueued`].
    pub fn concern(mut self, concern: WriteConcern) -> Self {
        self.concern = Some(match concern {
            WriteConcern::Published { timeout } | WriteConcern::Applied { timeout }
                if timeout.is_zero() =>
            {
                WriteConcern::Enqueued
            }
            concern => concern,
        });
        self
    }

    /// What becomes of writes while the bus is known to be down, see [`BusDown`].
    pub fn while_bus_down(mut self, choice: BusDown) -> Self {
        self.while_bus_down = Some(choice);
        self
    }

    /// Tells the other instances before the handler runs what the request is about to
    /// make stale, so that they see to it even if this process ends in the middle of
    /// it: killed between the handler's commit and the publishing, it would leave
    /// nobody who knows. `time` is how long the handler takes at most. Off unless said.
    ///
    /// Known before is the path of the request, with all its queries, and what the route
    /// makes of the request. What a response
    /// names, and what a handler marks, is not; and a gRPC call says nothing of what it
    /// makes stale.
    ///
    /// Should the write not end, the others invalidate its path `time` and half a
    /// second after they heard of it, with the next proof. So nobody serves what it
    /// made stale for longer than `time`, half a second and two staleness bounds from
    /// the start of the write; an instance that was cut off or started meanwhile, for
    /// longer than the longest such time of all writers, half a second and one bound
    /// after it was coherent again. To keep that, it invalidates everything a second
    /// time then, and also that long after the log has said *everything*.
    ///
    /// The log remembers the longest time that anybody in the namespace has ever used.
    ///
    /// Limits: a handler that commits later than `time` *and* whose process ends before
    /// it is published is not covered. After the log and all beside it were lost, an
    /// instance knows of the times that its own layers use and of those it has heard of
    /// since its start.
    ///
    /// Costs one more append to the log for each write, waited for before the handler
    /// runs: half a second at most. If the log has not taken it then, or the bus is
    /// known to be down, the handler runs all the same, or the write is refused, as
    /// [`while_bus_down`](Self::while_bus_down) says.
    /// [`BusStats::intents_untold`](crate::BusStats::intents_untold) counts both.
    ///
    /// Zero is none; more than an hour counts as an hour.
    pub fn intent(mut self, time: Duration) -> Self {
        let longest = Duration::from_secs(3600);
        self.intent = Some(time.min(longest)).filter(|time| !time.is_zero());
        self
    }

    pub(crate) fn intent_time(&self) -> Option<Duration> {
        self.intent
    }

    pub(crate) fn own_concern(&self) -> Option<WriteConcern> {
        self.concern
    }

    pub(crate) fn bus_down_choice(&self) -> Option<BusDown> {
        self.while_bus_down
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_timeout_of_zero_waits_for_nothing() {
        let timeout = Duration::ZERO;
        for concern in [
            WriteConcern::Published { timeout },
            WriteConcern::Applied { timeout },
        ] {
            let own = WritePolicy::new().concern(concern).own_concern();
            assert_eq!(own, Some(WriteConcern::Enqueued));
        }
    }
}
