//! What an instance that is deaf may still answer with: what it has just fetched.
//!
//! The handler reads after its fill has begun. So whatever the bus had accepted by
//! then is in the response, heard of or not, and what it accepted later may be
//! missing from it for one bound. While deaf, the store is a cache with the bound
//! for a lifetime: the origin sees one call for each key and bound, not one for
//! each request, and no request is answered with anything older than the promise.
//! Where the handler reads a lagging replica, its fill counts as begun that much
//! earlier.
//!
//! Two instances never answer so:
//!
//! - One that never had a proof. It has not reported to the bus, so a write that
//!   waits for all instances does not know of it.
//! - One that has been deaf for [`ALONE_FOR`] times the bound. A write that
//!   waits for all instances must at some time give one up that says nothing, and
//!   may then trust that it serves nothing. Sooner it may not.

use crate::clock::Moment;
use crate::coherence::ALONE_FOR;
use std::time::Duration;

/// Whether what a fill read is news enough by itself. `within` is how old news may
/// be on this route.
pub(super) fn proves_itself(within: Duration, now: Moment, as_of: Moment, began: Moment) -> bool {
    let was_proven = as_of != Moment::default();
    let longest = within.saturating_mul(ALONE_FOR);
    was_proven && now.since(began) <= within && now.since(as_of) <= longest
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUND: Duration = Duration::from_secs(3);
    const NANO: Duration = Duration::from_nanos(1);

    fn at(since_start: Duration) -> Moment {
        Moment(1).plus(since_start)
    }

    #[test]
    fn a_fill_proves_itself_for_one_bound() {
        let began = at(BOUND);
        let answers = |now| proves_itself(BOUND, now, at(Duration::ZERO), began);
        assert!(answers(began.plus(BOUND)));
        assert!(!answers(began.plus(BOUND + NANO)));
    }

    #[test]
    fn an_instance_that_was_never_proven_answers_nothing() {
        // However short the time since the clock's beginning is.
        let (began, now) = (at(NANO), at(2 * NANO));
        assert!(!proves_itself(BOUND, now, Moment::default(), began));
    }

    #[test]
    fn an_instance_that_is_deaf_for_long_answers_nothing() {
        let answers = |alone| {
            let now = at(alone);
            proves_itself(BOUND, now, at(Duration::ZERO), now)
        };
        assert!(answers(BOUND * ALONE_FOR));
        assert!(!answers(BOUND * ALONE_FOR + NANO));
    }
}
