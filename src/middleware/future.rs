//! The future of a response.

use super::body::CacheBody;
use futures_util::future::BoxFuture;
use http::Response;
use http_body::Body;
use pin_project_lite::pin_project;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// The future of a [`CacheService`](crate::CacheService).
    ///
    /// # Cancel safety
    ///
    /// Dropping it ends the wait of this client only: a fill goes on for the
    /// others and for the store, an unsafe request goes on to its response head,
    /// and what handlers noted counts.
    pub struct ResponseFuture<F, X: Body, E> {
        #[pin]
        state: State<F, X, E>,
    }
}

pin_project! {
    #[project = Projected]
    enum State<F, X: Body, E> {
        /// From memory. Taken by the first poll.
        Hit { response: Option<Response<CacheBody<X>>> },
        /// The inner service's own future, untouched.
        Inner { #[pin] future: F },
        /// All that takes more than one step.
        Steps { future: BoxFuture<'static, Result<Response<CacheBody<X>>, E>> },
    }
}

impl<F, X: Body, E> ResponseFuture<F, X, E> {
    pub(super) fn hit(response: Response<CacheBody<X>>) -> Self {
        Self {
            state: State::Hit {
                response: Some(response),
            },
        }
    }

    pub(super) fn inner(future: F) -> Self {
        Self {
            state: State::Inner { future },
        }
    }

    pub(super) fn steps(
        future: impl Future<Output = Result<Response<CacheBody<X>>, E>> + Send + 'static,
    ) -> Self {
        Self {
            state: State::Steps {
                future: Box::pin(future),
            },
        }
    }
}

impl<F, X, E> Future for ResponseFuture<F, X, E>
where
    F: Future<Output = Result<Response<X>, E>>,
    X: Body,
{
    type Output = Result<Response<CacheBody<X>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            Projected::Hit { response } => match response.take() {
                Some(response) => Poll::Ready(Ok(response)),
                // Polled again after it was ready, which no caller may do.
                None => Poll::Pending,
            },
            Projected::Inner { future } => {
                let answer = ready!(future.poll(cx));
                Poll::Ready(answer.map(|response| response.map(CacheBody::through)))
            }
            Projected::Steps { future } => future.as_mut().poll(cx),
        }
    }
}

impl<F, X: Body, E> fmt::Debug for ResponseFuture<F, X, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
