//! From a task of the cache to the future of the client that waits for it.

use super::body::CacheBody;
use http::Response;
use http_body::Body;
use std::any::Any;
use std::panic::resume_unwind;
use tokio::sync::oneshot;

/// What the inner service made of the request, for its client.
#[allow(
    clippy::large_enum_variant,
    reason = "it is moved once, and a panic is rare"
)]
pub(super) enum Outcome<X: Body, E> {
    /// It answered, or failed with its own error.
    Answered(Result<Response<CacheBody<X>>, E>),
    /// It panicked, with this. The panic goes on in the client's own future.
    Panicked(Box<dyn Any + Send>),
}

pub(super) type Sender<X, E> = oneshot::Sender<Outcome<X, E>>;
pub(super) type Receiver<X, E> = oneshot::Receiver<Outcome<X, E>>;

pub(super) fn channel<X: Body, E>() -> (Sender<X, E>, Receiver<X, E>) {
    oneshot::channel()
}

/// The answer, once the task has it.
///
/// # Panics
///
/// With the panic of the inner service: it belongs to the client's own future,
/// where the application catches it, or not.
pub(super) async fn received<X: Body, E>(
    receiver: Receiver<X, E>,
) -> Result<Response<CacheBody<X>>, E> {
    match receiver.await {
        Ok(Outcome::Answered(answer)) => answer,
        Ok(Outcome::Panicked(panic)) => resume_unwind(panic),
        // The runtime is shutting down and dropped the task; it drops this
        // future too. There is no error of the service to give.
        Err(_) => std::future::pending().await,
    }
}
