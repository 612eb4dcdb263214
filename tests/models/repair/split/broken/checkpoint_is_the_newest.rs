//! Broken: only the newest is looked for, and all that is kept is sent
//! again.

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
        Standing::Lacking => Loss::TheKept,
        standing => sound::loss(standing, held_by, answering, verdict),
    }
}
