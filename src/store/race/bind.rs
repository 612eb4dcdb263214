//! Binding what a fill made.

use super::bond::{Bond, Validity};
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
        let mut registry = lock(&self.registry);
        let (reading, at) = (fill.reading(), self.clock());
        let cells: Option<Box<[Arc<_>]>> = names.iter().map(|name| registry.cell(*name)).collect();
        let Some(cells) = cells else {
            let newest = self.newest(&registry, names);
            return Err(unbound(newest, reading, at));
        };
        let bond = Bond::new(reading, cells);
        match bond.compare(&self.everything) {
            Validity::Dead => return Err(unbound(self.newest(&registry, names), reading, at)),
            Validity::Soft => {}
            Validity::Valid => bond.remember(at),
        }
        Ok(bond)
    }

    /// All that is known of the names, as one cell would hold it.
    fn newest(&self, registry: &Registry, names: &[u128]) -> Ticks {
        names
            .iter()
            .map(|name| registry.ticks(*name))
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
