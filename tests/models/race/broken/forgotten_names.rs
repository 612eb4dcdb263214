//! Broken: a renewed answer is bound to what the handler names this time only.

use super::bind::Unbound;
use super::bond::{Bond, Validity};
use super::core::Core;
use super::fill::Fill;

impl Core {
    pub(crate) fn may_renew(&self, _begun: &Fill, old: &Bond) -> Validity {
        self.validity(old)
    }

    pub(crate) fn renew(&self, fill: &Fill, _old: &Bond, names: &[u128]) -> Result<Bond, Unbound> {
        self.bind(fill, names)
    }
}
