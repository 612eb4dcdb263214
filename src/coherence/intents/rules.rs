//! The decisions about intents that nobody may get wrong. Each is small enough to be
//! replaced by a broken one in a model, to see that the model notices.

use super::machine::Order;

/// When a write is over that was heard of at `now`. It began before, so its handler has
/// committed by then.
pub(super) fn over_at(now: u64, lasts: u64) -> u64 {
    now.saturating_add(lasts)
}

/// Whether the end of a write is believed.
pub(super) fn is_ended(order: Order) -> bool {
    order == Order::Kept
}

/// When all writes are over that somebody may have missed who has missed something at
/// `now`; `None`: nobody announces any.
pub(super) fn missed_are_over_at(now: u64, longest: u64) -> Option<u64> {
    (longest > 0).then(|| now.saturating_add(longest))
}

/// Whether an "everything" that the log says counts as something missed: it may have
/// lost entries.
pub(super) fn everything_is_a_loss() -> bool {
    true
}
