//! A write policy with the route it is for.

use super::counts::Counts;
use super::shared::Shared;
use crate::policy::WritePolicy;
use crate::routes::Pattern;
use http::Method;
use std::sync::Arc;

/// A write policy with the route it is for.
#[derive(Debug)]
pub(crate) struct WriteRule {
    pub(crate) policy: WritePolicy,
    /// What it counts.
    pub(crate) counts: Arc<Counts>,
    /// A layer's policy has none.
    pattern: Option<Arc<Pattern>>,
}

impl WriteRule {
    /// The parameters of this path, as they stand in it.
    pub(crate) fn parameters<'p>(&'p self, path: &'p str) -> Vec<(&'p str, &'p str)> {
        let pattern = self.pattern.as_ref();
        pattern.map_or_else(Vec::new, |pattern| pattern.parameters(path))
    }

    /// What stands in the path before the segment of this parameter.
    pub(crate) fn before<'p>(&self, path: &'p str, parameter: &str) -> Option<&'p str> {
        self.pattern.as_ref()?.before(path, parameter)
    }
}

impl Shared {
    /// The policy of a layer, made ready for use.
    pub(crate) fn write_rule(&self, policy: WritePolicy) -> Arc<WriteRule> {
        self.write_rule_at(policy, None, None)
    }

    /// The same for a route; `methods`: only for these.
    pub(super) fn write_rule_at(
        &self,
        policy: WritePolicy,
        pattern: Option<Arc<Pattern>>,
        methods: Option<&[Method]>,
    ) -> Arc<WriteRule> {
        let counts = self.counters.routes.of_writes(pattern.as_deref(), methods);
        Arc::new(WriteRule {
            policy,
            counts,
            pattern,
        })
    }
}
