//! The fills in flight.

use super::tick::Tick;
use std::collections::BTreeMap;

/// The readings of the fills in flight, each with their number. As long as there
/// is one, an invalidation of a name without a cell leaves a tombstone.
#[derive(Default, Debug)]
pub(crate) struct InFlight {
    readings: BTreeMap<Tick, usize>,
    fills: usize,
}

impl InFlight {
    pub(super) fn register(&mut self, reading: Tick) {
        *self.readings.entry(reading).or_default() += 1;
        self.fills += 1;
    }

    pub(super) fn deregister(&mut self, reading: Tick) {
        let Some(fills) = self.readings.get_mut(&reading) else {
            return;
        };
        *fills -= 1;
        if *fills == 0 {
            self.readings.remove(&reading);
        }
        self.fills -= 1;
    }

    /// The reading of the fill that began first.
    pub(super) fn oldest(&self) -> Option<Tick> {
        self.readings.keys().next().copied()
    }

    pub(super) fn len(&self) -> usize {
        self.fills
    }
}
