//! How long detached work goes on.

use crate::cache::Shared;
use tokio::sync::oneshot;

/// Runs the future to its end. When its client has gone, it goes on for the fill
/// timeout and is then dropped: `None`.
pub(super) async fn unless_given_up<F: Future, T>(
    cache: &Shared,
    sender: &mut oneshot::Sender<T>,
    future: F,
) -> Option<F::Output> {
    tokio::pin!(future);
    tokio::select! {
        biased;
        output = &mut future => return Some(output),
        () = sender.closed() => {}
    }
    cache
        .clock
        .timeout(cache.settings.fill_timeout, future)
        .await
}
