//! The proof that this instance is coherent.

use super::core::Core;
use super::name::Raise;
use super::primitives::Ordering;

impl Core {
    /// Applies what the bus said, then says as of when the instance is coherent.
    ///
    /// In this order: a hit that reads the proof has to find the cells raised. The
    /// caller vouches that everything accepted up to `as_of` is in these batches
    /// or in ones whose `apply` has returned.
    pub(crate) fn apply_then_prove(&self, raises: &[Raise], as_of: u64) {
        self.apply(raises);
        self.prove(as_of);
    }

    /// Says as of when the instance is coherent, in nanoseconds. An older proof
    /// than the one that stands changes nothing.
    pub(crate) fn prove(&self, as_of: u64) {
        self.proof.fetch_max(as_of, Ordering::SeqCst);
    }

    /// As of when the instance is coherent; 0 is never.
    pub(crate) fn as_of(&self) -> u64 {
        self.proof.load(Ordering::SeqCst)
    }
}
