//! Broken: a fill in flight that nobody knows of.

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
        let reading = self.clock();
        Fill {
            core: Arc::clone(self),
            reading,
        }
    }
}

impl Fill {
    pub(crate) fn reading(&self) -> Tick {
        self.reading
    }
}

impl Drop for Fill {
    fn drop(&mut self) {
        lock(&self.core.registry).fills.deregister(self.reading);
    }
}
