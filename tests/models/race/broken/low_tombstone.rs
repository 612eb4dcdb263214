//! Broken: a tombstone starts with its own tick only.

#[path = "../../../../src/store/race/rules.rs"]
mod sound;
use super::tick;

use super::tick::{Tick, Ticks};
pub(crate) use sound::*;

pub(crate) fn first(raise: Ticks, floor: Tick) -> Ticks {
    if raise == Ticks::ZERO {
        return sound::first(raise, floor);
    }
    raise
}
