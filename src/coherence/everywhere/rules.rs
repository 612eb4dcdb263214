//! The decisions of a wait for everybody that nobody may get wrong. A model
//! replaces this file by ones with a mistake.

use crate::bus::Stands;
use crate::coherence::outbox::Landed;
use crate::coherence::settings::ALONE_FOR;

/// Whether a list that has been the same since then names everybody who may serve:
/// whoever does has a proof that is younger, and reported before it had that.
pub(super) fn is_whole(since: u64, sent: u64, largest: u64) -> bool {
    sent.saturating_sub(since) >= alone_for(largest)
}

/// Whether a member whose last report has been the same since then serves nothing
/// any more. `u64::MAX`: it uses no bound.
pub(super) fn is_gone(since: u64, sent: u64, bound: u64) -> bool {
    bound != u64::MAX && sent.saturating_sub(since) >= alone_for(bound)
}

/// Whether reports count: those of a log that has lost the entry are about
/// something else.
pub(super) fn reports_count(entry: Stands) -> bool {
    entry == Stands::Yes
}

/// Whether who has reported `landed` has applied `newest` too. Waits do not begin
/// in the order of their entries, and a log that was wiped counts anew; but the
/// batches of one outbox are acknowledged in their order.
pub(super) fn is_later(newest: Landed, landed: Landed) -> bool {
    let order = |landed: Landed| (landed.at, landed.position.sequence);
    order(newest) < order(landed)
}

/// When nobody may serve any more what an entry covers that the log took before
/// this instant.
pub(super) fn passes(taken: u64, largest: u64) -> u64 {
    taken.saturating_add(largest)
}

/// For how long after its last proof a member may serve anything.
fn alone_for(bound: u64) -> u64 {
    bound.saturating_mul(u64::from(ALONE_FOR))
}
