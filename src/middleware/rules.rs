//! Which rule a request has.

use super::announced::UnderWay;
use super::outside;
use crate::cache::{Routes, Rule, Shared, WriteRule};
use crate::policy::{Policy, WritePolicy};
use http::request;
use std::sync::Arc;

/// The rules of a layer: its own, or by the route table of its cache.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    /// Where the layer was given no policy, and there is a table.
    reads: Option<Arc<Routes>>,
    writes: Option<Arc<Routes>>,
    /// For what has no route.
    rule: Arc<Rule>,
    write_rule: Arc<WriteRule>,
}

impl Rules {
    pub(super) fn of(cache: &Shared) -> Self {
        let routes = cache.routes().cloned();
        for route in routes.iter().flat_map(|routes| routes.writes()) {
            uses(cache, &route.policy);
        }
        Self {
            reads: routes.clone(),
            writes: routes,
            rule: cache.rule(cache.settings.policy.clone()),
            write_rule: Arc::new(WriteRule::new(WritePolicy::new(), None)),
        }
    }

    /// All reads have this policy.
    pub(super) fn reading(&self, cache: &Shared, policy: Policy) -> Self {
        cache.mistakes.note(policy.mistakes(&[], &[]));
        Self {
            reads: None,
            rule: cache.rule(policy),
            ..self.clone()
        }
    }

    /// All writes have this policy.
    pub(super) fn writing(&self, cache: &Shared, policy: WritePolicy) -> Self {
        uses(cache, &policy);
        cache.mistakes.note(policy.mistakes(&[]));
        Self {
            writes: None,
            write_rule: Arc::new(WriteRule::new(policy, None)),
            ..self.clone()
        }
    }

    pub(super) fn read(&self, request: &request::Parts) -> &Arc<Rule> {
        let routes = self.reads.as_ref();
        let found = routes.and_then(|routes| routes.read(outside::uri(request).path()));
        found.unwrap_or(&self.rule)
    }

    pub(super) fn write(&self, request: &request::Parts) -> &Arc<WriteRule> {
        let routes = self.writes.as_ref();
        let found =
            routes.and_then(|routes| routes.write(&request.method, outside::uri(request).path()));
        found.unwrap_or(&self.write_rule)
    }
}

fn uses(cache: &Shared, writes: &WritePolicy) {
    if let Some(time) = writes.intent_time() {
        cache.coherence.uses_intents(UnderWay::lasts(time));
    }
}
