//! Binding what a fill made.

use super::bond::{Bond, Validity};
use super::cell::Cell;
use super::core::Core;
use super::fill::Fill;
use super::lock::lock;
use super::primitives::Arc;
use super::registry::Registry;
use super::rules;
use super::tick::{Tick, Ticks};

/// Why an answer cannot be stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unbound {
    /// Something it bears was invalidated, last `by` this tick, since the fill
    /// began; or may have been, as far as the floor knows.
    Invalidated { by: Tick },
    /// Nothing it bears was invalidated up to this tick, softly or not; but the
    /// number of cells is at the bound.
    Full { at: Tick },
}

impl Core {
    /// Binds the answer of a fill to its names, if no hard invalidation of them
    /// was applied since the fill began. A soft one lets it bind, but it reads as
    /// soft from the start.
    ///
    /// One step under the mutex: a batch is applied before, and is seen here, or
    /// after, and finds the cells. Making room may lift the floor over the fill's
    /// own reading, so the cells are compared after they were taken.
    ///
    /// # Errors
    ///
    /// The answer must not be stored.
    pub(crate) fn bind(&self, fill: &Fill, names: &[u128]) -> Result<Bond, Unbound> {
        self.bind_with(fill, names, &[])
    }

    /// Binds it to these cells too, which live as long as their holder does.
    pub(super) fn bind_with(
        &self,
        fill: &Fill,
        names: &[u128],
        held: &[Arc<Cell>],
    ) -> Result<Bond, Unbound> {
        let mut registry = lock(&self.registry);
        let (reading, at) = (fill.reading(), self.clock());
        let named: Option<Vec<_>> = names.iter().map(|name| registry.cell(*name)).collect();
        let Some(mut cells) = named else {
            let newest = self.newest(&registry, names, held);
            return Err(unbound(newest, reading, at));
        };
        for cell in held {
            if !cells.iter().any(|known| Arc::ptr_eq(known, cell)) {
                cells.push(Arc::clone(cell));
            }
        }
        let bond = Bond::new(reading, cells.into());
        match bond.compare(&self.everything) {
            Validity::Dead => {
                let newest = self.newest(&registry, names, held);
                return Err(unbound(newest, reading, at));
            }
            Validity::Soft => {}
            Validity::Valid => bond.remember(at),
        }
        Ok(bond)
    }

    /// All that is known of the names and in the cells, as one cell would hold it.
    fn newest(&self, registry: &Registry, names: &[u128], held: &[Arc<Cell>]) -> Ticks {
        let named = names.iter().map(|name| registry.ticks(*name));
        named
            .chain(held.iter().map(|cell| cell.ticks()))
            .fold(self.everything.ticks(), rules::raised)
    }
}

fn unbound(newest: Ticks, reading: Tick, at: Tick) -> Unbound {
    match Validity::of(newest, reading) {
        Validity::Dead => Unbound::Invalidated { by: newest.hard },
        Validity::Soft => Unbound::Full { at: reading },
        Validity::Valid => Unbound::Full { at },
    }
}
