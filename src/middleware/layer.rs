//! The layer.

use super::replay::NoReplay;
use super::resumed::Resumed;
use super::rules::Rules;
use super::service::CacheService;
use crate::cache::{Cache, Shared};
use crate::policy::{Policy, WritePolicy};
use bytes::Bytes;
use http_body::Body;
use std::fmt;
use std::sync::Arc;
use tower_layer::Layer;

/// Answers requests from memory and carries what writes made stale to the other
/// instances.
///
/// Made by [`Cache::layer`]. A clone shares everything with its original.
///
/// Layers *inside* this one run on fills only; layers *outside* run on every
/// request. So authentication, tenant, CORS and grpc-web belong outside, and
/// compression inside.
///
/// `R` is how it makes request bodies of bytes, see [`replay`](Self::replay).
#[derive(Clone)]
pub struct CacheLayer<R = NoReplay> {
    cache: Arc<Shared>,
    replay: R,
    rules: Arc<Rules>,
}

impl Cache {
    /// A layer of this cache: by its route table, and for what has no route with its
    /// default policy.
    #[must_use]
    pub fn layer(&self) -> CacheLayer {
        CacheLayer::new(self)
    }
}

impl CacheLayer {
    /// A layer of this cache, as [`Cache::layer`] makes it.
    #[must_use]
    pub fn new(cache: &Cache) -> Self {
        let cache = cache.shared().clone();
        Self {
            rules: Arc::default(),
            replay: NoReplay,
            cache,
        }
    }
}

impl<R> CacheLayer<R> {
    /// The same layer, which makes request bodies of bytes like this: for policies with
    /// the content of requests in the key ([`Policy::body_key`], [`Policy::classify`]). It reads that content,
    /// and the handler gets a body with the same bytes.
    ///
    /// ```
    /// use tower_coherence::{Cache, Policy};
    /// let queries = Policy::from_headers().body_key(16 * 1024);
    /// let layer = Cache::local().layer().policy(queries).replay(axum::body::Body::from);
    /// # let _ = layer;
    /// ```
    #[must_use]
    pub fn replay<B>(self, body: fn(Bytes) -> B) -> CacheLayer<fn(Bytes) -> B> {
        CacheLayer {
            cache: self.cache,
            replay: body,
            rules: self.rules,
        }
    }

    /// The same layer, which gives on request bodies that it has begun to read like this:
    /// for the gRPC methods of
    /// [`RouteTableBuilder::rpc_read`](crate::RouteTableBuilder::rpc_read), whose message is
    /// read before the look-up. What turns out to be a stream, or is too long, goes on to the
    /// method as it came. It also does what [`replay`](Self::replay) does.
    ///
    /// ```
    /// # use tower_coherence::Cache;
    /// let layer = Cache::local().layer().resume(tonic::body::Body::new);
    /// # let _ = layer;
    /// ```
    #[must_use]
    pub fn resume<B: Body>(self, body: fn(Resumed<B>) -> B) -> CacheLayer<fn(Resumed<B>) -> B> {
        CacheLayer {
            cache: self.cache,
            replay: body,
            rules: self.rules,
        }
    }

    /// The same layer with a policy of its own, for all reads: the route table of the
    /// cache says nothing of them.
    #[must_use]
    pub fn policy(self, policy: Policy) -> Self {
        Self {
            rules: Arc::new(self.rules.reading(&self.cache, policy)),
            ..self
        }
    }

    /// The same layer with a policy of its own for all writes: the route table of the
    /// cache says nothing of them. Without one, they are as the table says, or the cache.
    #[must_use]
    pub fn write_policy(self, writes: WritePolicy) -> Self {
        Self {
            rules: Arc::new(self.rules.writing(&self.cache, writes)),
            ..self
        }
    }
}

impl<S, R: Clone> Layer<S> for CacheLayer<R> {
    type Service = CacheService<S, R>;

    fn layer(&self, inner: S) -> CacheService<S, R> {
        let (cache, rules) = (self.cache.clone(), self.rules.clone());
        CacheService::new(inner, self.replay.clone(), cache, rules)
    }
}

impl<R> fmt::Debug for CacheLayer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheLayer")
            .field("cache", &self.cache)
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}
