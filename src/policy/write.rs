//! What a route does with its writes.

use crate::concern::WriteConcern;

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
