//! Broken: the cells are compared before the proof is read.

use super::bond::{Bond, Validity};
use super::core::Core;
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Look {
    pub(crate) as_of: u64,
    pub(crate) validity: Validity,
}

impl Core {
    pub(crate) fn look(&self, bond: &Bond) -> Look {
        let validity = self.validity(bond);
        let as_of = self.as_of();
        Look { as_of, validity }
    }
}
