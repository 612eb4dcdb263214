//! What the hit path looks at.

use super::bond::{Bond, Validity};
use super::core::Core;

/// What a hit knows: decide by the time since `as_of`, read after the look.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Look {
    /// Coherent as of, in nanoseconds; 0 is never.
    pub(crate) as_of: u64,
    pub(crate) validity: Validity,
}

impl Core {
    /// Looks at an entry.
    ///
    /// The proof is read first. It was published after its cells were raised, so
    /// the comparison that follows sees all the proof vouches for. The other way
    /// round, a batch and its proof between the two would make an old comparison
    /// look fresh.
    pub(crate) fn look(&self, bond: &Bond) -> Look {
        let as_of = self.as_of();
        let validity = self.validity(bond);
        Look { as_of, validity }
    }
}
