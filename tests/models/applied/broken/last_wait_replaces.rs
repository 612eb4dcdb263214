//! Broken: the entry of the last wait is asked about, though it may be the earlier one.

use crate::bus::Stands;
use crate::coherence::outbox::Landed;
use crate::coherence::settings::ALONE_FOR;

pub(super) fn is_whole(since: u64, sent: u64, largest: u64) -> bool {
    sent.saturating_sub(since) >= largest * u64::from(ALONE_FOR)
}

pub(super) fn is_gone(since: u64, sent: u64, bound: u64) -> bool {
    sent.saturating_sub(since) >= bound * u64::from(ALONE_FOR)
}

pub(super) fn reports_count(entry: Stands) -> bool {
    entry == Stands::Yes
}

pub(super) fn passes(taken: u64, largest: u64) -> u64 {
    taken + largest
}

pub(super) fn is_later(_: Landed, _: Landed) -> bool {
    true
}
