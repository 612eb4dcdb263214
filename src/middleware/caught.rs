//! Running the inner service so that its panic can be carried to its client.

use futures_util::FutureExt;
use std::any::Any;
use std::panic::AssertUnwindSafe;

/// What the inner service came to.
pub(super) type Caught<T> = Result<T, Box<dyn Any + Send>>;

/// Runs the future to its end or its panic. Nothing of ours is shared with it but
/// the context, whose lock forgives a panic.
pub(super) async fn caught<F: Future>(future: F) -> Caught<F::Output> {
    AssertUnwindSafe(future).catch_unwind().await
}
