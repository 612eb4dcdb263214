//! Broken: what was invalidated before the fill began may be confirmed by it.

use super::bind::Unbound;
use super::bond::{Bond, Validity};
use super::core::Core;
use super::fill::Fill;

impl Core {
    pub(crate) fn may_renew(&self, _begun: &Fill, _old: &Bond) -> Validity {
        let _ = self.clock();
        Validity::Valid
    }

    pub(crate) fn renew(&self, fill: &Fill, old: &Bond, names: &[u128]) -> Result<Bond, Unbound> {
        self.bind_with(fill, names, old.cells())
    }
}
