//! The one place where a test waits for something by looking again.

use std::time::Duration;

const PAUSE: Duration = Duration::from_millis(5);

/// Calls `probe` until it returns something, and returns that.
///
/// # Panics
///
/// If `limit` passes first; `what` says what was waited for.
pub async fn eventually<T>(
    what: &str,
    limit: Duration,
    mut probe: impl AsyncFnMut() -> Option<T>,
) -> T {
    let looking = async {
        loop {
            if let Some(found) = probe().await {
                return found;
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    match tokio::time::timeout(limit, looking).await {
        Ok(found) => found,
        Err(_) => panic!("{what}: not within {limit:?}"),
    }
}
