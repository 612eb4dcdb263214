//! Broken: the note that comes last counts, whoever read the clock first.

#[path = "../../../../../src/cache/settling/rules.rs"]
mod sound;

use crate::clock::Moment;
pub(crate) use sound::*;

pub(crate) fn renewed(_: Moment, now: Moment) -> Moment {
    now
}
