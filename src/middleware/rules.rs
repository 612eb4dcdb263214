//! Which rule a request has.

use super::outside;
use crate::cache::{Routes, Rule, Shared, WriteRule};
use crate::policy::{Policy, WritePolicy};
use crate::write_intent::WriteIntent;
use http::request;
use std::sync::Arc;

/// The rules of a layer. Where it was given none, the route table of its cache counts.
#[derive(Clone, Debug, Default)]
pub(super) struct Rules {
    read: Option<Arc<Rule>>,
    write: Option<Arc<WriteRule>>,
}

impl Rules {
    /// All reads have this policy.
    pub(super) fn reading(&self, cache: &Shared, policy: Policy) -> Self {
        cache.mistakes.note(policy.mistakes(&[], &[]));
        Self {
            read: Some(cache.rule(policy)),
            ..self.clone()
        }
    }

    /// All writes have this policy.
    pub(super) fn writing(&self, cache: &Shared, policy: WritePolicy) -> Self {
        if let Some(time) = policy.intent_time() {
            cache.coherence.uses_intents(WriteIntent::lasts_for(time));
        }
        cache.mistakes.note(policy.mistakes(&[]));
        Self {
            write: Some(cache.write_rule(policy)),
            ..self.clone()
        }
    }

    pub(super) fn read<'a>(
        &'a self,
        routes: &'a Routes,
        request: &request::Parts,
    ) -> &'a Arc<Rule> {
        let own = self.read.as_ref();
        own.unwrap_or_else(|| routes.read(|| outside::uri(request).path()))
    }

    /// The rule of a gRPC method that reads.
    pub(super) fn rpc<'a>(
        &self,
        routes: &'a Routes,
        request: &request::Parts,
    ) -> Option<&'a Arc<Rule>> {
        match self.read {
            None => routes.rpc(outside::uri(request).path()),
            Some(_) => None,
        }
    }

    pub(super) fn write<'a>(
        &'a self,
        routes: &'a Routes,
        request: &request::Parts,
    ) -> &'a Arc<WriteRule> {
        let own = self.write.as_ref();
        own.unwrap_or_else(|| routes.write(&request.method, outside::uri(request).path()))
    }
}
