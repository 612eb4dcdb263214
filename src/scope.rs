//! Scopes: a partition of keys, tags, paths and purges.

use std::fmt;
use std::sync::Arc;

/// One tenant: a partition of keys, tags, paths and purges.
///
/// An invalidation inside a scope reaches the entries of that scope only; one
/// without a scope reaches the entries without a scope only, except
/// [`Invalidate::everything`](crate::Invalidate::everything), which reaches all.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope(Arc<str>);

impl Scope {
    /// The scope of this name.
    #[must_use]
    pub fn new(name: impl AsRef<str>) -> Self {
        Self(Arc::from(name.as_ref()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scope({:?})", &*self.0)
    }
}

impl From<&str> for Scope {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

impl From<String> for Scope {
    fn from(name: String) -> Self {
        Self(Arc::from(name))
    }
}
