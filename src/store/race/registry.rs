//! All cells by name, and the floor under those that are gone.

use super::cell::Cell;
use super::in_flight::InFlight;
use super::name::{BuildNameHasher, halves};
use super::primitives::Arc;
use super::rules;
use super::tick::{Tick, Ticks};
use std::collections::HashMap;

/// About how many cells one shard holds at the bound: the most that is looked
/// through, or moved when a map grows, in one go.
const CELLS_IN_A_SHARD: usize = 1024;
const MAX_SHARDS: usize = 1024;
/// How many shards are looked through for room before a bind gives up.
const SHARDS_LOOKED_THROUGH: usize = 4;

type Shard = HashMap<u128, Arc<Cell>, BuildNameHasher>;

/// Which cells that nothing holds may be dropped.
#[derive(Clone, Copy)]
enum Unheld {
    /// Those that cost nothing, see [`rules::drops_freely`].
    Free,
    /// All of them; fills in flight may pay for it.
    Any,
}

/// The cells that have a name. Lives behind the core's mutex.
///
/// A reference to a cell is only ever taken under that mutex. So a count of one,
/// seen under it, means that the map alone holds the cell and nobody can come by
/// it: it may go. What it knew is kept by the *floor*, the highest tick ever
/// dropped, where the name's next cell starts. Cells that bonds hold are exact,
/// the floor does not touch them.
#[derive(Debug)]
pub(crate) struct Registry {
    shards: Box<[Shard]>,
    cells: usize,
    max_cells: usize,
    /// Where the search for room goes on.
    cursor: usize,
    pub(super) fills: InFlight,
    floor: Tick,
    floor_raises: u64,
}

impl Registry {
    pub(super) fn new(max_cells: usize) -> Self {
        let shards = (max_cells / CELLS_IN_A_SHARD).clamp(1, MAX_SHARDS);
        Self {
            shards: (0..shards).map(|_| Shard::default()).collect(),
            cells: 0,
            max_cells,
            cursor: 0,
            fills: InFlight::default(),
            floor: Tick::ZERO,
            floor_raises: 0,
        }
    }

    /// Raises the cell of a name. Without one, nobody has to know unless a fill is
    /// in flight that may turn out to bear the name: then a tombstone stays, or,
    /// at the bound, the floor rises for all names without a cell.
    pub(super) fn raise(&mut self, name: u128, raise: Ticks) {
        if let Some(cell) = self.find(name) {
            cell.raise(raise);
        } else if self.fills.len() > 0 {
            self.leave_tombstone(name, raise);
        }
    }

    /// The cell of a name, made if it has none; nothing at the bound.
    pub(super) fn cell(&mut self, name: u128) -> Option<Arc<Cell>> {
        if let Some(cell) = self.find(name) {
            return Some(Arc::clone(cell));
        }
        if self.is_full() {
            self.make_room();
        }
        (!self.is_full()).then(|| self.insert(name, Ticks::ZERO))
    }

    /// What is known of a name: its cell, or else the floor.
    pub(super) fn ticks(&self, name: u128) -> Ticks {
        self.find(name).map_or_else(
            || rules::first(Ticks::ZERO, self.floor),
            |cell| cell.ticks(),
        )
    }

    /// Whether a bond holds the cell of this name.
    pub(super) fn is_borne(&self, name: u128) -> bool {
        let cell = self.find(name);
        cell.is_some_and(|cell| Arc::strong_count(cell) > 1)
    }

    /// Drops the cells of a shard that nothing holds and that cost nothing.
    pub(super) fn drop_free(&mut self, shard: usize) -> usize {
        self.drop_unheld(shard, Unheld::Free)
    }

    pub(super) fn shards(&self) -> usize {
        self.shards.len()
    }

    pub(super) fn cells(&self) -> usize {
        self.cells
    }

    pub(super) fn floor(&self) -> Tick {
        self.floor
    }

    /// How often the floor rose past the reading of a fill in flight.
    pub(super) fn floor_raises(&self) -> u64 {
        self.floor_raises
    }

    fn is_full(&self) -> bool {
        self.cells >= self.max_cells
    }

    fn find(&self, name: u128) -> Option<&Arc<Cell>> {
        self.shards[self.shard(name)].get(&name)
    }

    fn leave_tombstone(&mut self, name: u128, raise: Ticks) {
        if self.is_full() {
            self.lift_floor(rules::floor_at_the_bound(self.floor, raise.newest()));
        } else {
            self.insert(name, raise);
        }
    }

    fn insert(&mut self, name: u128, raise: Ticks) -> Arc<Cell> {
        let cell = Arc::new(Cell::new(rules::first(raise, self.floor)));
        let shard = self.shard(name);
        self.shards[shard].insert(name, Arc::clone(&cell));
        self.cells += 1;
        cell
    }

    fn shard(&self, name: u128) -> usize {
        let [_, high] = halves(name);
        let shards = self.shards.len() as u64;
        usize::try_from(high % shards).unwrap_or(0)
    }

    /// Looks through a few shards for cells to drop, those that cost nothing first.
    fn make_room(&mut self) {
        let looked_through = self.shards.len().min(SHARDS_LOOKED_THROUGH);
        let start = self.cursor;
        for which in [Unheld::Free, Unheld::Any] {
            for step in 0..looked_through {
                self.cursor = (start + step) % self.shards.len();
                if self.drop_unheld(self.cursor, which) > 0 {
                    return;
                }
            }
        }
        self.cursor = (start + looked_through) % self.shards.len();
    }

    fn drop_unheld(&mut self, shard: usize, which: Unheld) -> usize {
        let Some(cells) = self.shards.get_mut(shard) else {
            return 0;
        };
        let (oldest, before) = (self.fills.oldest(), cells.len());
        let mut floor = self.floor;
        cells.retain(|_, cell| {
            let ticks = cell.ticks();
            let goes = Arc::strong_count(cell) == 1
                && (matches!(which, Unheld::Any) || rules::drops_freely(ticks, oldest));
            if goes {
                floor = rules::floor_after_dropping(floor, ticks);
            }
            !goes
        });
        let dropped = before - cells.len();
        self.cells -= dropped;
        self.lift_floor(floor);
        dropped
    }

    fn lift_floor(&mut self, floor: Tick) {
        if floor > self.floor && self.fills.oldest().is_some_and(|oldest| oldest < floor) {
            self.floor_raises += 1;
        }
        self.floor = floor;
    }
}
