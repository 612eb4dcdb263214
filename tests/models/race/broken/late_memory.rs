//! Broken: the clock that is remembered is read after comparing.

use super::bond::{Bond, Validity};
use super::core::Core;

impl Core {
    pub(crate) fn validity(&self, bond: &Bond) -> Validity {
        let clock = self.clock();
        if bond.compared() == Some(clock) {
            return Validity::Valid;
        }
        let validity = bond.compare(&self.everything);
        if validity == Validity::Valid {
            bond.remember(self.clock());
        }
        validity
    }
}
