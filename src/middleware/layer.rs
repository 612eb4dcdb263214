//! The layer.

use super::announced::UnderWay;
use super::service::CacheService;
use crate::cache::{Cache, Rule, Shared};
use crate::policy::{Policy, WritePolicy};
use crate::telemetry;
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
#[derive(Clone, Debug)]
pub struct CacheLayer {
    cache: Arc<Shared>,
    rule: Arc<Rule>,
    writes: WritePolicy,
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
            rule: cache.shared().rule(policy),
            writes: WritePolicy::new(),
        }
    }

    /// The same layer with a policy of its own.
    #[must_use]
    pub fn policy(self, policy: Policy) -> Self {
        if let Some(mistake) = policy.mistake() {
            telemetry::mistaken_policy(mistake);
        }
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
        Self { writes, ..self }
    }
}

impl<S> Layer<S> for CacheLayer {
    type Service = CacheService<S>;

    fn layer(&self, inner: S) -> CacheService<S> {
        let (cache, rule) = (self.cache.clone(), self.rule.clone());
        CacheService::new(inner, cache, rule, self.writes.clone())
    }
}
