//! Under which reading of its route a response was stored.

use super::shared::Shared;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// One reading of a route. When the table is replaced and the route changes in what is in
/// a key or in what is bound to an entry, it has another edition, and what was stored
/// under the one before is found no more.
#[derive(Debug, Default)]
pub(crate) struct Edition {
    /// Sets its fingerprints apart from those of others. Made like a fingerprint, so
    /// that nobody outside knows what two of them have in common.
    salt: u128,
    /// Set once, when no table has it any more: the sweeper then takes its entries.
    retired: AtomicBool,
}

/// Numbers the editions of one cache, from 1.
#[derive(Debug, Default)]
pub(super) struct Editions(AtomicU64);

impl Edition {
    pub(super) fn salt(&self) -> u128 {
        self.salt
    }

    pub(super) fn retire(&self) {
        self.retired.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_retired(&self) -> bool {
        self.retired.load(Ordering::Relaxed)
    }
}

impl Shared {
    pub(super) fn new_edition(&self) -> Arc<Edition> {
        let number = self.editions.0.fetch_add(1, Ordering::Relaxed) + 1;
        let salt = self.names.of_key(|hasher| {
            use std::hash::Hasher;
            hasher.write_u8(b'e');
            hasher.write_u64(number);
        });
        Arc::new(Edition {
            salt,
            retired: AtomicBool::new(false),
        })
    }
}
