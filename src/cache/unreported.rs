//! Without the feature `metrics` nobody is told of numbers.

use super::invalidating::Applier;
use crate::coherence::Figures;

pub(super) fn beat(_: &Applier, _: &dyn Fn() -> Figures) {}
