//! The cell of one target.

use super::bond::Validity;
use super::primitives::{AtomicU64, Ordering};
use super::rules;
use super::tick::{Tick, Ticks};

/// The last hard and the last soft tick of one target.
///
/// Written under the registry's mutex only, read without it by hits. A reader that
/// comes between the two stores sees an invalidation that is not applied yet, or
/// only half of it: both are allowed until the clock is published.
#[derive(Debug)]
pub(crate) struct Cell {
    hard: AtomicU64,
    soft: AtomicU64,
}

impl Cell {
    pub(super) fn new(ticks: Ticks) -> Self {
        Self {
            hard: AtomicU64::new(ticks.hard.0),
            soft: AtomicU64::new(ticks.soft.0),
        }
    }

    /// Raises it. The caller holds the registry's mutex.
    pub(super) fn raise(&self, raise: Ticks) {
        let ticks = rules::raised(self.ticks(), raise);
        self.hard.store(ticks.hard.0, Ordering::SeqCst);
        self.soft.store(ticks.soft.0, Ordering::SeqCst);
    }

    pub(super) fn ticks(&self) -> Ticks {
        Ticks {
            hard: Tick(self.hard.load(Ordering::SeqCst)),
            soft: Tick(self.soft.load(Ordering::SeqCst)),
        }
    }

    /// What it says of a fill with this reading.
    pub(super) fn compare(&self, reading: Tick) -> Validity {
        Validity::of(self.ticks(), reading)
    }
}
