//! Broken: who adopts a position does not count with writes that it did not hear of.

use super::machine::Order;

pub(super) fn over_at(now: u64, lasts: u64) -> u64 {
    now.saturating_add(lasts)
}

pub(super) fn is_ended(order: Order) -> bool {
    order == Order::Kept
}

pub(super) fn missed_are_over_at(now: u64, longest: u64) -> Option<u64> {
    let _ = (now, longest);
    None
}

pub(super) fn everything_is_a_loss() -> bool {
    true
}
