//! Broken: the clock is published before the cells are raised.

use super::core::Core;
use super::lock::lock;
use super::name::{Name, Raise};
use super::primitives::Ordering;
use super::tick::Ticks;

impl Core {
    pub(crate) fn apply(&self, raises: &[Raise]) {
        if raises.is_empty() {
            return;
        }
        let mut registry = lock(&self.registry);
        let tick = self.clock().next();
        self.clock.store(tick.0, Ordering::SeqCst);
        for raise in raises {
            let ticks = Ticks::of(tick, raise.strength);
            match raise.name {
                Name::Everything => self.everything.raise(ticks),
                Name::Target(name) => registry.raise(name, ticks),
            }
        }
    }
}
