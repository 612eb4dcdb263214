//! What the coherence of an instance acts on.

use super::figures::Figures;
use crate::clock::Moment;
use crate::target::Target;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, pending};
use std::convert::Infallible;
use std::sync::Arc;

/// The store, as far as coherence goes. Steps come one at a time. They must not wait,
/// and must not call back.
pub(crate) trait Sink: Send + Sync + 'static {
    /// Raises the cells of all targets. When it returns, no hit that reads a later
    /// proof is answered with what they cover.
    fn apply(&self, targets: &[Target]);

    /// The same, then publishes the proof: all that the log accepted before `as_of`
    /// is applied. It never goes back. **Cells first, then the proof**: the hit path
    /// reads them in the opposite order.
    fn apply_then_prove(&self, targets: &[Target], as_of: Moment);

    /// A heartbeat has gone by; `stand` says where things stand.
    fn beat(&self, stand: &dyn Fn() -> Figures) {
        let _ = stand;
    }

    /// Work that goes on for ever beside, in a task of its own.
    fn upkeep(self: Arc<Self>) -> BoxFuture<'static, Infallible> {
        pending().boxed()
    }
}
