//! The one place of the Redis bus that begins a task.

/// The task ends by itself when what it serves is dropped; its caller says how.
#[allow(
    clippy::disallowed_methods,
    reason = "the only task of this bus is owned by the `Rings` it feeds"
)]
pub(super) fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    drop(tokio::spawn(task));
}
