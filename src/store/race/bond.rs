//! What ties an entry to the cells of its targets.

use super::cell::Cell;
use super::primitives::{Arc, AtomicU64, Ordering};
use super::tick::{Tick, Ticks};

/// What the cells say of an entry; the later one of two wins.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Validity {
    /// Nothing it bears was invalidated since its fill began.
    Valid,
    /// It may be served stale while it is refreshed.
    Soft,
    /// It is never served again.
    Dead,
}

impl Validity {
    pub(super) fn of(ticks: Ticks, reading: Tick) -> Self {
        if ticks.hard > reading {
            Self::Dead
        } else if ticks.soft > reading {
            Self::Soft
        } else {
            Self::Valid
        }
    }
}

/// The reading of an entry's fill and the cells of its names. As long as it lives
/// these cells stay exact, whatever is collected around them.
#[derive(Debug)]
pub(crate) struct Bond {
    pub(super) reading: Tick,
    cells: Box<[Arc<Cell>]>,
    /// A clock value that was read *before* all cells were compared and found
    /// valid, or [`NEVER`]. Any such value is true for ever, so hits may write it
    /// in any order.
    compared: AtomicU64,
}

/// No clock value.
const NEVER: u64 = u64::MAX;

impl Bond {
    pub(super) fn new(reading: Tick, cells: Box<[Arc<Cell>]>) -> Self {
        Self {
            reading,
            cells,
            compared: AtomicU64::new(NEVER),
        }
    }

    pub(super) fn compare(&self, everything: &Cell) -> Validity {
        self.cells
            .iter()
            .map(|cell| cell.compare(self.reading))
            .fold(everything.compare(self.reading), Validity::max)
    }

    /// How many names it has.
    pub(crate) fn names(&self) -> usize {
        self.cells.len()
    }

    /// The cells of its names, the one of everything aside.
    pub(super) fn cells(&self) -> &[Arc<Cell>] {
        &self.cells
    }

    /// About how many bytes it takes, with its share of the cells: most of them
    /// are its own.
    pub(crate) fn weight(&self) -> usize {
        const CELL_IN_ITS_MAP: usize = 96;
        self.cells.len() * (size_of::<Arc<Cell>>() + CELL_IN_ITS_MAP)
    }

    /// The clock value up to which the cells are known to have been valid.
    pub(super) fn compared(&self) -> Option<Tick> {
        let compared = self.compared.load(Ordering::SeqCst);
        (compared != NEVER).then_some(Tick(compared))
    }

    pub(super) fn remember(&self, compared: Tick) {
        self.compared.store(compared.0, Ordering::SeqCst);
    }
}
