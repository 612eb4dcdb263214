//! The core itself.

use super::cell::Cell;
use super::primitives::{AtomicU64, Mutex, Ordering};
use super::registry::Registry;
use super::tick::{Tick, Ticks};

/// Says whether an entry is still valid.
///
/// All atomics of the core are read and written in one total order (`SeqCst`): the
/// arguments below are about which of two came first, and the model checker knows
/// no weaker order. On the hit path these are plain loads on x86 and
/// load-acquires on ARM.
#[derive(Debug)]
pub(crate) struct Core {
    /// The invalidation clock. Written under the mutex, *after* all cells of the
    /// tick are raised: who reads `c` finds every tick up to `c` in its cells.
    pub(super) clock: AtomicU64,
    /// The cell that every entry is bound to. Written under the mutex.
    pub(super) everything: Cell,
    /// Coherent as of, in nanoseconds; 0 is never. Only grows. Written after the
    /// cells of everything it vouches for are raised.
    pub(super) proof: AtomicU64,
    pub(super) registry: Mutex<Registry>,
}

impl Core {
    /// Keeps at most this many cells.
    pub(crate) fn new(max_cells: usize) -> Self {
        Self {
            clock: AtomicU64::new(Tick::ZERO.0),
            everything: Cell::new(Ticks::ZERO),
            proof: AtomicU64::new(0),
            registry: Mutex::new(Registry::new(max_cells)),
        }
    }

    /// The clock now: the reading of a request that arrives.
    pub(crate) fn clock(&self) -> Tick {
        Tick(self.clock.load(Ordering::SeqCst))
    }
}
