//! Giving cells back, and counting them.

use super::core::Core;
use super::lock::lock;

/// Where the core stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Figures {
    /// Cells that have a name, tombstones included.
    pub(crate) cells: usize,
    pub(crate) fills_in_flight: usize,
    /// The highest tick ever dropped.
    pub(crate) floor: u64,
    pub(crate) clock: u64,
    /// How often the bound made the floor rise past the reading of a fill in
    /// flight: such a fill is not stored if it bears a name without a cell.
    pub(crate) floor_raises: u64,
}

impl Core {
    /// Drops the cells of one shard that no entry holds and no fill in flight can
    /// need, and says how many. One shard, about a thousand cells, for each hold
    /// of the mutex. A number past [`shards`](Self::shards) is an empty shard.
    pub(crate) fn collect(&self, shard: usize) -> usize {
        lock(&self.registry).drop_free(shard)
    }

    /// How many shards there are.
    pub(crate) fn shards(&self) -> usize {
        lock(&self.registry).shards()
    }

    pub(crate) fn figures(&self) -> Figures {
        let registry = lock(&self.registry);
        Figures {
            cells: registry.cells(),
            fills_in_flight: registry.fills.len(),
            floor: registry.floor().0,
            clock: self.clock().0,
            floor_raises: registry.floor_raises(),
        }
    }
}
