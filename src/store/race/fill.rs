//! The beginning and the end of a fill.

use super::core::Core;
use super::lock::lock;
use super::primitives::Arc;
use super::tick::Tick;

/// A fill in flight: the right to bind what the handler answers. It ends when this
/// is dropped.
#[derive(Debug)]
#[must_use = "the fill ends when this is dropped"]
pub(crate) struct Fill {
    core: Arc<Core>,
    reading: Tick,
}

impl Core {
    /// Begins a fill. Call it before the handler starts: the reading says which
    /// invalidations the answer can have seen.
    ///
    /// Reading the clock and registering are one step under the mutex, so that
    /// every batch is either in the reading or finds the fill in flight and leaves
    /// a tombstone for it.
    pub(crate) fn begin_fill(self: &Arc<Self>) -> Fill {
        let mut registry = lock(&self.registry);
        let reading = self.clock();
        registry.fills.register(reading);
        Fill {
            core: Arc::clone(self),
            reading,
        }
    }
}

impl Fill {
    /// The clock when it began.
    pub(crate) fn reading(&self) -> Tick {
        self.reading
    }
}

impl Drop for Fill {
    fn drop(&mut self) {
        lock(&self.core.registry).fills.deregister(self.reading);
    }
}
