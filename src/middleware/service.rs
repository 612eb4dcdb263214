//! The service.

use super::body::CacheBody;
use super::future::ResponseFuture;
use super::plan::{Plan, Planner};
use super::replay::{NoReplay, Replay};
use super::rules::Rules;
use super::token;
use crate::cache::Shared;
use crate::semantics::Content;
use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower_service::Service;

/// Answers requests from memory, or passes them to the service it wraps.
///
/// Made by a [`CacheLayer`](crate::CacheLayer). The error type is the inner
/// service's: the cache itself never fails a request. The service that was polled
/// ready is the one that is called.
///
/// Fills and unsafe requests run in tasks of the cache: the request, its
/// extensions and the tracing span go along, task-locals of the caller do not.
#[derive(Clone)]
pub struct CacheService<S, R = NoReplay> {
    pub(super) inner: S,
    pub(super) replay: R,
    pub(super) cache: Arc<Shared>,
    pub(super) rules: Arc<Rules>,
}

/// A request body type of which an empty one can be made.
///
/// The cache makes requests of its own to refresh what it stored. It holds for
/// the bodies of axum and tonic, for `http_body_util`'s boxed, full and empty
/// bodies; not for `hyper::body::Incoming`. Under plain hyper, box the body first:
///
/// ```
/// # use http_body_util::BodyExt;
/// # use tower::ServiceBuilder;
/// # type Incoming = http_body_util::Full<bytes::Bytes>;
/// # let cache = tower_coherence::Cache::local();
/// let builder = ServiceBuilder::new()
///     .map_request(|request: http::Request<Incoming>| request.map(BodyExt::boxed_unsync))
///     .layer(cache.layer());
/// # let _ = builder;
/// ```
pub trait EmptyBody: Default + Send + 'static {}

impl<B: Default + Send + 'static> EmptyBody for B {}

impl<S, R> CacheService<S, R> {
    pub(super) fn new(inner: S, replay: R, cache: Arc<Shared>, rules: Arc<Rules>) -> Self {
        Self {
            inner,
            replay,
            cache,
            rules,
        }
    }
}

impl<S, R, B, X> Service<Request<B>> for CacheService<S, R>
where
    R: Replay<B>,
    S: Service<Request<B>, Response = Response<X>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    B: Body + EmptyBody,
    X: Body<Data = Bytes> + Send + 'static,
    X::Error: Send + 'static,
{
    type Response = Response<CacheBody<X>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, X, S::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let content = Content::of(request.body());
        let (mut parts, body) = request.into_parts();
        let carried = token::take(&self.cache, &mut parts.headers);
        let routes = self.cache.routes();
        if let Some(rule) = self.called(&routes, &parts) {
            return self.grpc(rule, parts, body, carried);
        }
        let rule = self.rules.read(&routes, &parts);
        if self.reads(rule, &parts, &body) {
            let rule = rule.clone();
            return self.read_first(rule, parts, body, carried);
        }
        let planner = Planner {
            cache: &self.cache,
            rule,
            rules: &self.rules,
            routes: &routes,
        };
        let plan = planner.plan(&parts, content, carried);
        if let Plan::Answer(response) = plan {
            return ResponseFuture::hit(response);
        }
        // The service that was polled ready is the one that is called.
        let next = self.inner.clone();
        let ready = std::mem::replace(&mut self.inner, next);
        let request = Request::from_parts(parts, body);
        plan.carry_out(&self.cache, planner.rule, ready, request)
    }
}

impl<S: fmt::Debug, R> fmt::Debug for CacheService<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheService")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}
