//! The decisions of the core, each a pure function. The model checker swaps this
//! file for ones with a single wrong line and must notice every time.

use super::tick::{Tick, Ticks};

/// What a cell holds after a raise: the later tick *of each strength*. Writing the
/// raise instead would let a soft invalidation forget the hard one before it.
pub(crate) fn raised(held: Ticks, raise: Ticks) -> Ticks {
    Ticks {
        hard: held.hard.max(raise.hard),
        soft: held.soft.max(raise.soft),
    }
}

/// What a new cell starts with, tombstone or not: its own tick, and the floor for
/// the invalidations that an earlier cell of the name may have known.
pub(crate) fn first(raise: Ticks, floor: Tick) -> Ticks {
    let floor = Ticks {
        hard: floor,
        soft: floor,
    };
    raised(floor, raise)
}

/// The floor after a cell was dropped: the highest tick ever dropped. A soft tick
/// counts as a hard one here (wider, never lost).
pub(crate) fn floor_after_dropping(floor: Tick, dropped: Ticks) -> Tick {
    floor.max(dropped.newest())
}

/// The floor after an invalidation that found the bound hit and could leave no
/// tombstone: every name without a cell counts as invalidated by it.
pub(crate) fn floor_at_the_bound(floor: Tick, tick: Tick) -> Tick {
    floor.max(tick)
}

/// Whether dropping a cell costs nothing: no fill in flight has a reading older
/// than its ticks, so none would be judged otherwise by the floor it leaves.
pub(crate) fn drops_freely(held: Ticks, oldest: Option<Tick>) -> bool {
    oldest.is_none_or(|oldest| held.newest() <= oldest)
}
