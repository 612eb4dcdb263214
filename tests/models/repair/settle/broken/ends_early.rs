//! Broken: a fill that begins when the window is just over has settled.

#[path = "../../../../../src/cache/settling/rules.rs"]
mod sound;

use crate::clock::Moment;
use std::time::Duration;
pub(crate) use sound::*;

pub(crate) fn has_settled(noted: Moment, began: Moment, window: Duration) -> bool {
    began.since(noted) >= window
}
