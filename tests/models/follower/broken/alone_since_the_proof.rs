//! Broken: what was fetched since the last proof answers for as long as an instance
//! may be without one.

use crate::clock::Moment;
use crate::coherence::ALONE_FOR;
use std::time::Duration;

pub(super) fn proves_itself(within: Duration, now: Moment, as_of: Moment, began: Moment) -> bool {
    let was_proven = as_of != Moment::default();
    let longest = within.saturating_mul(ALONE_FOR);
    was_proven && began >= as_of && now.since(as_of) <= longest
}
