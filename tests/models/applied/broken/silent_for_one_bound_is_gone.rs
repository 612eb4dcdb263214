//! Broken: who has not reported for one bound counts as gone, though what it has
//! fetched since proves itself for another.

use crate::bus::Stands;
use crate::coherence::outbox::Landed;

pub(super) fn is_whole(since: u64, sent: u64, largest: u64) -> bool {
    sent.saturating_sub(since) >= largest
}

pub(super) fn is_gone(since: u64, sent: u64, bound: u64) -> bool {
    sent.saturating_sub(since) >= bound
}

pub(super) fn reports_count(entry: Stands) -> bool {
    entry == Stands::Yes
}

pub(super) fn passes(taken: u64, largest: u64) -> u64 {
    taken + largest
}

pub(super) fn is_later(newest: Landed, landed: Landed) -> bool {
    let order = |landed: Landed| (landed.at, landed.position.sequence);
    order(newest) < order(landed)
}
