//! Broken: adopting a position invalidates nothing.

use super::step::Invalidation;
use crate::position::Position;

pub(super) fn follows(position: Option<Position>, previous: Option<Position>) -> bool {
    position.is_some() && position == previous
}

pub(super) fn belongs(outstanding: u64, answered: u64) -> bool {
    outstanding == answered
}

pub(super) fn on_adoption() -> Invalidation {
    Invalidation::Nothing
}
