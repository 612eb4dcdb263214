//! Broken: the clock is read after the handler.

use super::core::Core;
use super::lock::lock;
use super::primitives::Arc;
use super::tick::Tick;
#[derive(Debug)]
#[must_use = "the fill ends when this is dropped"]
pub(crate) struct Fill {
    core: Arc<Core>,
    reading: Tick,
}

impl Core {
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
    pub(crate) fn reading(&self) -> Tick {
        self.core.clock()
    }
}

impl Drop for Fill {
    fn drop(&mut self) {
        lock(&self.core.registry).fills.deregister(self.reading);
    }
}
