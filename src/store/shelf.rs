//! The shelf: where slots are kept by fingerprint, weighed in bytes, evicted
//! when it is full. The only file that names moka.

use crate::eviction::Eviction;
use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What something takes in memory.
pub(crate) trait Weigh {
    /// In bytes.
    fn weight(&self) -> usize;
}

/// Slots by fingerprint. Reading takes no lock that a writer holds for long, and
/// allocates nothing.
pub(crate) struct Shelf<V> {
    slots: moka::sync::Cache<u128, Arc<V>, Folded>,
    /// Slots that left because the shelf was full.
    evicted: Arc<AtomicU64>,
    /// What was put here since the last bookkeeping, in bytes.
    untidied: AtomicU64,
    /// How much that may be. moka makes room after a *number* of puts, which may be
    /// many times what fits.
    tidy_after: u64,
}

/// The part of a shelf that it may be too full by between bookkeepings.
const SLACK: u64 = 16;

impl<V: Weigh + Send + Sync + 'static> Shelf<V> {
    pub(crate) fn new(max_bytes: u64, eviction: Eviction) -> Self {
        let policy = match eviction {
            Eviction::Lru => moka::policy::EvictionPolicy::lru(),
            Eviction::TinyLfu => moka::policy::EvictionPolicy::tiny_lfu(),
        };
        let evicted = Arc::new(AtomicU64::new(0));
        let count = evicted.clone();
        let slots = moka::sync::Cache::builder()
            .max_capacity(max_bytes)
            .weigher(|_, slot: &Arc<V>| u32::try_from(slot.weight()).unwrap_or(u32::MAX))
            .eviction_policy(policy)
            .eviction_listener(move |_, _, cause| {
                if cause == moka::notification::RemovalCause::Size {
                    count.fetch_add(1, Ordering::Relaxed);
                }
            })
            .build_with_hasher(Folded(0));
        Self {
            slots,
            evicted,
            untidied: AtomicU64::new(0),
            tidy_after: max_bytes / SLACK,
        }
    }

    /// The slot of this fingerprint, as used just now.
    pub(crate) fn get(&self, fingerprint: u128) -> Option<Arc<V>> {
        self.slots.get(&fingerprint)
    }

    /// Whether there is one; does not count as use.
    pub(crate) fn contains(&self, fingerprint: u128) -> bool {
        self.slots.contains_key(&fingerprint)
    }

    pub(crate) fn put(&self, fingerprint: u128, slot: Arc<V>) {
        let weight = u64::try_from(slot.weight()).unwrap_or(u64::MAX);
        self.slots.insert(fingerprint, slot);
        let before = self.untidied.fetch_add(weight, Ordering::Relaxed);
        if before.saturating_add(weight) >= self.tidy_after {
            self.tidy();
        }
    }

    /// Removes the slot if it is still one that `dead` holds of: a slot put there
    /// meanwhile stays.
    pub(crate) fn remove_if(&self, fingerprint: u128, dead: impl Fn(&V) -> bool) -> bool {
        use moka::ops::compute::{CompResult, Op};
        let result = self
            .slots
            .entry(fingerprint)
            .and_compute_with(|slot| match slot {
                Some(slot) if dead(slot.value()) => Op::Remove,
                _ => Op::Nop,
            });
        matches!(result, CompResult::Removed(_))
    }

    /// All slots, for the sweeper. May miss what is put meanwhile.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u128, Arc<V>)> + '_ {
        self.slots
            .iter()
            .map(|(fingerprint, slot)| (*fingerprint, slot))
    }

    /// Does the bookkeeping that moka has put off: it has no thread of its own.
    pub(crate) fn tidy(&self) {
        self.untidied.store(0, Ordering::Relaxed);
        self.slots.run_pending_tasks();
    }

    /// How many slots there are, as of the last bookkeeping.
    pub(crate) fn len(&self) -> u64 {
        self.slots.entry_count()
    }

    /// How many left because the shelf was full.
    pub(crate) fn evicted(&self) -> u64 {
        self.evicted.load(Ordering::Relaxed)
    }

    /// Their weight in bytes, as of the last bookkeeping.
    pub(crate) fn bytes(&self) -> u64 {
        self.slots.weighted_size()
    }
}

impl<V> fmt::Debug for Shelf<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shelf").finish_non_exhaustive()
    }
}

/// A fingerprint is a keyed hash already; it is only folded to 64 bits.
#[derive(Clone, Copy, Default)]
struct Folded(u64);

impl BuildHasher for Folded {
    type Hasher = Self;

    fn build_hasher(&self) -> Self {
        Self(0)
    }
}

impl Hasher for Folded {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    #[allow(clippy::cast_possible_truncation, reason = "both halves are kept")]
    fn write_u128(&mut self, fingerprint: u128) {
        self.0 = (fingerprint as u64) ^ ((fingerprint >> 64) as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Stone(usize);

    impl Weigh for Stone {
        fn weight(&self) -> usize {
            self.0
        }
    }

    #[test]
    fn a_full_shelf_lets_go_of_the_least_recently_used() {
        let shelf = Shelf::new(100, Eviction::Lru);
        for key in 0..20 {
            shelf.put(key, Arc::new(Stone(10)));
            shelf.tidy();
        }
        assert!(shelf.bytes() <= 100, "{}", shelf.bytes());
        assert!(shelf.get(0).is_none());
        assert!(shelf.get(19).is_some());
    }

    #[test]
    fn a_slot_that_weighs_more_than_the_shelf_is_not_kept() {
        let shelf = Shelf::new(100, Eviction::TinyLfu);
        shelf.put(1, Arc::new(Stone(101)));
        shelf.tidy();
        assert_eq!((shelf.len(), shelf.bytes()), (0, 0));
    }

    #[test]
    fn a_shelf_holds_its_bound_while_it_is_filled() {
        for (weight, count) in [(10_000, 300), (1_000, 2_000), (60_000, 50)] {
            let shelf = Shelf::new(100_000, Eviction::Lru);
            let mut most = 0;
            for key in 0..count {
                shelf.put(key, Arc::new(Stone(weight)));
                let held: usize = shelf.iter().map(|(_, stone)| stone.0).sum();
                most = most.max(held);
            }
            assert!(most <= 120_000, "{most} of {weight}");
        }
    }

    #[test]
    fn only_a_slot_that_is_dead_when_it_is_looked_at_is_removed() {
        let shelf = Shelf::new(100, Eviction::Lru);
        shelf.put(1, Arc::new(Stone(1)));
        assert!(!shelf.remove_if(1, |stone| stone.0 == 2));
        assert!(shelf.get(1).is_some());
        assert!(shelf.remove_if(1, |stone| stone.0 == 1));
        assert!(shelf.get(1).is_none());
    }
}
