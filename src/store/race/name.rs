//! What an invalidation raises.

use std::hash::{BuildHasherDefault, Hasher};

/// What falls: all entries, or those bound to one name.
///
/// A name is a keyed fingerprint of 128 bits, made by the caller: whoever does not
/// know the key cannot make two targets collide.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Name {
    Everything,
    Target(u128),
}

/// How an entry may still be used afterwards.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Strength {
    /// It may be served stale while it is refreshed.
    Soft,
    /// It is never served again.
    Hard,
}

/// One target of a batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Raise {
    pub(crate) name: Name,
    pub(crate) strength: Strength,
}

/// Builds the hasher of a map whose keys are names.
pub(super) type BuildNameHasher = BuildHasherDefault<NameHasher>;

/// Passes the low half of a name through: it is a hash already. The high half
/// picks the shard, so the two do not repeat each other.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct NameHasher(u64);

impl Hasher for NameHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u128(&mut self, name: u128) {
        let [low, _] = halves(name);
        self.0 = low;
    }
}

/// The low and the high half of a name.
pub(super) fn halves(name: u128) -> [u64; 2] {
    const LOW: u128 = u64::MAX as u128;
    [name & LOW, name >> 64].map(|half| u64::try_from(half).unwrap_or(u64::MAX))
}
