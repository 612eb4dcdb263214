//! Broken: the next number follows on the position.

use super::step::Invalidation;
use crate::position::Position;

pub(super) fn follows(position: Option<Position>, previous: Option<Position>) -> bool {
    let number = |position: Option<Position>| position.map(|position| position.sequence);
    position.is_some() && number(position) == number(previous)
}

pub(super) fn belongs(outstanding: u64, answered: u64) -> bool {
    outstanding == answered
}

pub(super) fn on_adoption() -> Invalidation {
    Invalidation::Everything
}
