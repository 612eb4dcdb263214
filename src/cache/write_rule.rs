//! A write policy with the route it is for.

use crate::policy::WritePolicy;

/// A write policy with the route it is for.
#[derive(Debug)]
pub(crate) struct WriteRule {
    pub(crate) policy: WritePolicy,
}

impl WriteRule {
    pub(crate) fn new(policy: WritePolicy) -> Self {
        Self { policy }
    }

    /// What stands in the path before the segment of this parameter.
    #[allow(clippy::unused_self, reason = "a layer's policy has no pattern")]
    pub(crate) fn before<'p>(&self, _path: &'p str, _parameter: &str) -> Option<&'p str> {
        None
    }
}
