//! Renewing an answer that the handler has confirmed.
//!
//! The handler says that what is stored still holds, without saying it all again. It
//! may say so by no more than a date in whole seconds, and it does not name again
//! what the answer bears. So nothing that was invalidated is ever confirmed, and a
//! renewed answer bears all that the old one bore.

use super::bind::Unbound;
use super::bond::{Bond, Validity};
use super::core::Core;
use super::fill::Fill;

impl Core {
    /// What this fill may ask the handler to confirm, if not dead.
    ///
    /// Looked at after the fill has begun, as the argument shows: an invalidation
    /// that is in the reading of the fill is seen here, and a later one when the
    /// answer is bound. Looked at before, one in between would be seen by neither.
    pub(crate) fn may_renew(&self, _begun: &Fill, old: &Bond) -> Validity {
        self.validity(old)
    }

    /// Binds a confirmed answer to these names and to all that the old one bore, whose
    /// cells are held by it.
    ///
    /// # Errors
    ///
    /// As for [`bind`](Self::bind).
    pub(crate) fn renew(&self, fill: &Fill, old: &Bond, names: &[u128]) -> Result<Bond, Unbound> {
        self.bind_with(fill, names, old.cells())
    }
}
