//! Values of the invalidation clock.

use super::name::Strength;

/// A value of the invalidation clock: how many batches of invalidations had been
/// applied here.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Tick(pub(super) u64);

impl Tick {
    /// Before the first invalidation.
    pub(crate) const ZERO: Self = Self(0);

    /// The tick of the next batch.
    pub(super) fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// What a cell holds, and what a raise brings: the tick of the last hard and of
/// the last soft invalidation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Ticks {
    pub(super) hard: Tick,
    pub(super) soft: Tick,
}

impl Ticks {
    /// No invalidation of either strength.
    pub(super) const ZERO: Self = Self {
        hard: Tick::ZERO,
        soft: Tick::ZERO,
    };

    /// One invalidation.
    pub(super) fn of(tick: Tick, strength: Strength) -> Self {
        match strength {
            Strength::Hard => Self {
                hard: tick,
                ..Self::ZERO
            },
            Strength::Soft => Self {
                soft: tick,
                ..Self::ZERO
            },
        }
    }

    /// The later one, whatever its strength.
    pub(super) fn newest(self) -> Tick {
        self.hard.max(self.soft)
    }
}
