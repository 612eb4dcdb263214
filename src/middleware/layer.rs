//! The layer.

use super::announced::UnderWay;
use super::replay::NoReplay;
use super::service::CacheService;
use crate::cache::{Cache, Rule, Shared, WriteRule};
use crate::policy::{Policy, WritePolicy};
use bytes::Bytes;
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
    rule: Arc<Rule>,
    writes: Arc<WriteRule>,
}

impl Cache {
    /// A layer of this cache, with the cache's default policy.
    #[must_use]
    pub fn layer(&self) -> CacheLayer {
        CacheLayer::new(self)
    }
}

impl CacheLayer {
    /// A layer of this cache, with the cache's default policy.
    #[must_use]
    pub fn new(cache: &Cache) -> Self {
        let policy = cache.shared().settings.policy.clone();
        Self {
            cache: cache.shared().clone(),
            replay: NoReplay,
            rule: cache.shared().rule(policy),
            writes: Arc::new(WriteRule::new(WritePolicy::new())),
        }
    }
}

impl<R> CacheLayer<R> {
    /// The same layer, which makes request bodies of bytes like this: for policies with
    /// the content of requests in the key ([`Policy::body_key`]). It reads that content,
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
            rule: self.rule,
            writes: self.writes,
        }
    }

    /// The same layer with a policy of its own.
    #[must_use]
    pub fn policy(self, policy: Policy) -> Self {
        self.cache.mistakes.note(policy.mistakes(&[]));
        Self {
            rule: self.cache.rule(policy),
            ..self
        }
    }

    /// The same layer with a policy of its own for writes. Without one, they are
    /// as the cache says.
    #[must_use]
    pub fn write_policy(self, writes: WritePolicy) -> Self {
        if let Some(time) = writes.intent_time() {
            self.cache.coherence.uses_intents(UnderWay::lasts(time));
        }
        self.cache.mistakes.note(writes.mistakes(&[]));
        Self {
            writes: Arc::new(WriteRule::new(writes)),
            ..self
        }
    }
}

impl<S, R: Clone> Layer<S> for CacheLayer<R> {
    type Service = CacheService<S, R>;

    fn layer(&self, inner: S) -> CacheService<S, R> {
        let (cache, rule) = (self.cache.clone(), self.rule.clone());
        let replay = self.replay.clone();
        CacheService::new(inner, replay, cache, rule, self.writes.clone())
    }
}

impl<R> fmt::Debug for CacheLayer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheLayer")
            .field("cache", &self.cache)
            .field("rule", &self.rule)
            .field("writes", &self.writes)
            .finish_non_exhaustive()
    }
}
