//! Broken: a log that has lost the end only has lost nothing.

#[path = "../../../../../src/coherence/kept/rules.rs"]
mod sound;

use crate::bus::{Standing, Verdict};
use crate::position::Mark;
pub(crate) use sound::*;

pub(crate) fn loss(
    standing: Standing,
    held_by: Option<Mark>,
    answering: Option<Mark>,
    verdict: Verdict,
) -> Loss {
    match standing {
        Standing::Cut => Loss::Nothing,
        standing => sound::loss(standing, held_by, answering, verdict),
    }
}
