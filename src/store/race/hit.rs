//! The comparison of a hit.

use super::bond::{Bond, Validity};
use super::core::Core;

impl Core {
    /// Whether an entry is valid now. Takes no lock, hashes and allocates nothing;
    /// while nothing was invalidated anywhere since the last hit, it is one
    /// comparison, however many names the entry bears.
    ///
    /// The clock is read before the cells. If a batch comes in between, the entry
    /// is remembered as compared at the tick before it, and the next hit looks
    /// again.
    pub(crate) fn validity(&self, bond: &Bond) -> Validity {
        let clock = self.clock();
        if bond.compared() == Some(clock) {
            return Validity::Valid;
        }
        let validity = bond.compare(&self.everything);
        if validity == Validity::Valid {
            bond.remember(clock);
        }
        validity
    }
}
