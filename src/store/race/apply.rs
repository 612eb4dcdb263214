//! Applying invalidations.

use super::core::Core;
use super::lock::lock;
use super::name::{Name, Raise};
use super::primitives::Ordering;
use super::tick::Ticks;

impl Core {
    /// Applies a batch of invalidations: when it returns, no hit serves what they
    /// cover. Costs one look into a map for each target, whatever hangs on it.
    ///
    /// One mutex orders all batches, so ticks enter the cells in their order. The
    /// clock comes last: a hit or a fill that reads this tick must find it in the
    /// cells, else the hit would remember as compared what it has not seen.
    pub(crate) fn apply(&self, raises: &[Raise]) {
        if raises.is_empty() {
            return;
        }
        let mut registry = lock(&self.registry);
        let tick = self.clock().next();
        for raise in raises {
            let ticks = Ticks::of(tick, raise.strength);
            match raise.name {
                Name::Everything => self.everything.raise(ticks),
                Name::Target(name) => registry.raise(name, ticks),
            }
        }
        self.clock.store(tick.0, Ordering::SeqCst);
    }
}
