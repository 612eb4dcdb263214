//! Broken: the proof is published before the cells are raised.

use super::core::Core;
use super::name::Raise;
use super::primitives::Ordering;

impl Core {
    pub(crate) fn apply_then_prove(&self, raises: &[Raise], as_of: u64) {
        self.prove(as_of);
        self.apply(raises);
    }
    pub(crate) fn prove(&self, as_of: u64) {
        self.proof.fetch_max(as_of, Ordering::SeqCst);
    }
    pub(crate) fn as_of(&self) -> u64 {
        self.proof.load(Ordering::SeqCst)
    }
}
