//! How far an invalidation has to travel, and how far it went.

use crate::error::{Error, ErrorKind};
use crate::token::Token;
use std::time::Duration;

/// How far an invalidation has to travel before a write's response leaves.
///
/// Whatever the concern, the instance that made it no longer serves what it
/// covers, and nothing that was accepted is dropped: what cannot be published
/// now is kept, merged and retried.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum WriteConcern {
    /// Do not wait for the bus.
    Enqueued,
    /// Wait until the log has it, at most this long, and not at all while the
    /// bus is known to be down. The default, with 500 ms.
    Published {
        /// The longest time to wait.
        timeout: Duration,
    },
    /// Wait until no instance serves what became stale any more: until all have
    /// reported that they applied it, or, where one does not, until the largest
    /// staleness bound of any of them has passed since the log took it. At most
    /// this long, and not at all while the bus is known to be down.
    ///
    /// With a timeout that is longer than the staleness bound, an instance that
    /// has crashed or hangs makes writes wait for a bound each, and not fail; after
    /// ten bounds it counts as gone. A process that has just started waits for a
    /// bound at each write too, until it has watched the instances for ten bounds.
    /// Where a route of any instance serves without a bound ([`ServeUntilExpiry`]),
    /// the outcome is always [`Applied::TimedOut`]: nobody knows for how long an
    /// instance that is not heard of may go on.
    ///
    /// Costs a call of the bus or two beyond the append, and one sync of each
    /// instance; writes that wait at the same time share them.
    ///
    /// [`ServeUntilExpiry`]: crate::policy::WhileDeaf::ServeUntilExpiry
    Applied {
        /// The longest time to wait.
        timeout: Duration,
    },
}

impl Default for WriteConcern {
    fn default() -> Self {
        Self::Published {
            timeout: Self::PUBLISHED_WITHIN,
        }
    }
}

impl WriteConcern {
    /// How long is waited for the log unless somebody says so.
    pub(crate) const PUBLISHED_WITHIN: Duration = Duration::from_millis(500);

    /// The one that waits for more.
    pub(crate) fn stronger(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        match (one, other) {
            (Some(Self::Published { timeout: a }), Some(Self::Published { timeout: b })) => {
                Some(Self::Published { timeout: a.max(b) })
            }
            (Some(Self::Applied { timeout: a }), Some(Self::Applied { timeout: b })) => {
                Some(Self::Applied { timeout: a.max(b) })
            }
            (Some(Self::Enqueued) | None, Some(other)) => Some(other),
            (Some(Self::Published { .. }), Some(applied @ Self::Applied { .. })) => Some(applied),
            (one, _) => one,
        }
    }
}

/// How far an invalidation has gone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum Reached {
    /// It is applied on this instance and queued for the bus.
    Here,
    /// The log of the bus has it.
    Bus,
    /// No instance serves what it covers any more.
    Everyone,
}

/// How a wait for [`WriteConcern::Applied`] ended.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Applied {
    /// No instance serves what became stale.
    Everywhere {
        /// How many instances have reported that they applied it.
        by: usize,
        /// How many have not, and were waited out: they have no proof any more that
        /// would let them serve.
        waited_out: usize,
    },
    /// Some instance may still serve it. The invalidation goes on its way.
    TimedOut {
        /// How many instances have reported that they applied it.
        by: usize,
        /// The ids of those that have not; none, where nobody could be asked.
        missing: Vec<String>,
    },
}

/// What became of an invalidation.
///
/// It is no `Result`: nothing was lost, whatever it says. A caller that wants to
/// retry on its own asks with [`at_least`](Self::at_least).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Receipt {
    reached: Reached,
    applied: Option<Applied>,
    token: Option<Token>,
}

impl Receipt {
    pub(crate) fn new(reached: Reached) -> Self {
        Self {
            reached,
            applied: None,
            token: None,
        }
    }

    /// How a wait for everybody ended.
    pub(crate) fn of_applied(reached: Reached, applied: Applied) -> Self {
        let reached = match applied {
            Applied::Everywhere { .. } => Reached::Everyone,
            Applied::TimedOut { .. } => reached,
        };
        Self {
            reached,
            applied: Some(applied),
            token: None,
        }
    }

    pub(crate) fn with_token(self, token: Token) -> Self {
        let token = Some(token);
        Self { token, ..self }
    }

    /// The token of what was invalidated: a request that carries it is answered with
    /// nothing older, see [`CacheBuilder::token_header`]. `None` if there was nothing
    /// to invalidate.
    ///
    /// If it had not reached the log when the wait ended, only this instance can
    /// satisfy the token. The others answer who carries it past their stores.
    ///
    /// [`CacheBuilder::token_header`]: crate::CacheBuilder::token_header
    #[must_use]
    pub fn token(&self) -> Option<&Token> {
        self.token.as_ref()
    }

    /// How the wait ended, if the concern was [`WriteConcern::Applied`].
    #[must_use]
    pub fn applied(&self) -> Option<&Applied> {
        self.applied.as_ref()
    }

    /// How far it had gone when the wait ended. The retries go on behind.
    #[must_use]
    pub fn reached(&self) -> Reached {
        self.reached
    }

    /// The receipt, if it went at least as far as this.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotReached`] if it has not. The invalidation is still queued
    /// and will be retried: an error here never means that it was dropped.
    pub fn at_least(self, reached: Reached) -> Result<Self, Error> {
        if self.reached >= reached {
            return Ok(self);
        }
        let message = format!(
            "the invalidation has reached {:?}, not {reached:?}; it is queued",
            self.reached
        );
        Err(Error::new(ErrorKind::NotReached, message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_concerns_the_stronger_stays() {
        let short = WriteConcern::Published {
            timeout: Duration::from_secs(1),
        };
        let long = WriteConcern::Published {
            timeout: Duration::from_secs(2),
        };
        assert_eq!(WriteConcern::stronger(Some(short), Some(long)), Some(long));
        assert_eq!(
            WriteConcern::stronger(Some(WriteConcern::Enqueued), Some(short)),
            Some(short)
        );
        assert_eq!(
            WriteConcern::stronger(Some(short), Some(WriteConcern::Enqueued)),
            Some(short)
        );
        assert_eq!(WriteConcern::stronger(None, None), None);
    }

    #[test]
    fn a_receipt_that_went_less_far_is_an_error_that_says_it_is_queued() {
        let error = Receipt::new(Reached::Here)
            .at_least(Reached::Bus)
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotReached);
        assert!(error.to_string().contains("queued"));
    }
}
