//! A write policy with the route it is for.

use crate::policy::WritePolicy;
use crate::routes::Pattern;
use std::sync::Arc;

/// A write policy with the route it is for.
#[derive(Debug, Default)]
pub(crate) struct WriteRule {
    pub(crate) policy: WritePolicy,
    /// A layer's policy has none.
    pattern: Option<Arc<Pattern>>,
}

impl WriteRule {
    pub(crate) fn new(policy: WritePolicy, pattern: Option<Arc<Pattern>>) -> Self {
        Self { policy, pattern }
    }

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
