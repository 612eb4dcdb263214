//! The service behind each cache: one type, so that all of them wrap the same.

use crate::support::shop::Ready;
use axum::body::Body;
use http::request::Parts;
use http::{Request, Response};
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use tower::Service;

type Running = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;
type Handler = Box<dyn Fn(Parts, u64) -> Running + Send + Sync>;

/// A service that counts how often it runs.
#[derive(Clone)]
pub struct Origin(Arc<Inner>);

pub struct Inner {
    kind: Kind,
    runs: AtomicU64,
}

enum Kind {
    Ready(Ready),
    Handler(Handler),
}

impl Origin {
    /// Clones a response that is ready.
    pub fn ready(response: Ready) -> Self {
        Self::of(Kind::Ready(response))
    }

    /// Runs a handler, which gets the number of its run: 1, 2, ...
    pub fn new<F, A>(handler: F) -> Self
    where
        F: Fn(Parts, u64) -> A + Send + Sync + 'static,
        A: Future<Output = Response<Body>> + Send + 'static,
    {
        let boxed: Handler = Box::new(move |parts, run| Box::pin(handler(parts, run)));
        Self::of(Kind::Handler(boxed))
    }

    fn of(kind: Kind) -> Self {
        let runs = AtomicU64::new(0);
        Self(Arc::new(Inner { kind, runs }))
    }

    pub fn runs(&self) -> u64 {
        self.0.runs.load(Ordering::SeqCst)
    }
}

impl Inner {
    fn run(&self) -> u64 {
        self.runs.fetch_add(1, Ordering::SeqCst) + 1
    }
}

impl<B> Service<Request<B>> for Origin {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Answer {
        let inner = Arc::clone(&self.0);
        match inner.kind {
            Kind::Ready(_) => Answer::Ready(inner),
            Kind::Handler(_) => {
                let parts = request.into_parts().0;
                Answer::Running(Box::pin(async move {
                    let Kind::Handler(handler) = &inner.kind else {
                        unreachable!("it was one");
                    };
                    handler(parts, inner.run()).await
                }))
            }
        }
    }
}

/// Does nothing before it is polled: one peer calls the inner service on each hit, and drops
/// the future.
pub enum Answer {
    Ready(Arc<Inner>),
    Running(Running),
}

impl Future for Answer {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            Self::Running(running) => running.as_mut().poll(context).map(Ok),
            Self::Ready(inner) => {
                inner.run();
                let Kind::Ready(ready) = &inner.kind else {
                    unreachable!("it was one");
                };
                Poll::Ready(Ok(ready.response().map(Body::new)))
            }
        }
    }
}
