//! What a route decides by closures of its own: which requests use the cache, and which
//! responses are stored.

use super::Policy;
use super::alike::same;
use bytes::Bytes;
use http::{request, response};
use std::fmt;
use std::sync::Arc;

type StoreIf = dyn Fn(&request::Parts, &response::Parts, &Bytes) -> bool + Send + Sync;
type Unless = dyn Fn(&request::Parts) -> bool + Send + Sync;

/// The closures of a route.
#[derive(Clone, Default)]
pub(crate) struct Choosing {
    store_if: Option<Arc<StoreIf>>,
    unless: Option<Arc<Unless>>,
}

impl Policy {
    /// Stores only the responses for which this says so, by their whole body: a GraphQL
    /// answer with `errors` in a 200 is none to keep. It runs once for each response that
    /// may be stored, when its body is there, with the fields that are stored. What it
    /// refuses is counted (`refusals["store-if"]`), goes out, and to those who wait for
    /// it. If it panics the response is not stored.
    pub fn store_if<F>(mut self, store: F) -> Self
    where
        F: Fn(&request::Parts, &response::Parts, &Bytes) -> bool + Send + Sync + 'static,
    {
        self.choosing.store_if = Some(Arc::new(store));
        self
    }

    /// Requests for which this says so pass the cache by: they are not answered from
    /// memory, and what they get is not stored (`bypasses["unless"]`). It runs for every
    /// read; if it panics, that panic is the caller's.
    pub fn unless<F>(mut self, bypass: F) -> Self
    where
        F: Fn(&request::Parts) -> bool + Send + Sync + 'static,
    {
        self.choosing.unless = Some(Arc::new(bypass));
        self
    }

    pub(crate) fn stores(
        &self,
        request: &request::Parts,
        response: impl FnOnce() -> response::Parts,
        body: &Bytes,
    ) -> bool {
        let store_if = self.choosing.store_if.as_ref();
        store_if.is_none_or(|store| store(request, &response(), body))
    }

    pub(crate) fn passes_by(&self, request: &request::Parts) -> bool {
        let unless = self.choosing.unless.as_ref();
        unless.is_some_and(|unless| unless(request))
    }
}

impl Choosing {
    /// Whether both would store the same responses.
    pub(super) fn stores_like(&self, old: &Self) -> bool {
        same(self.store_if.as_ref(), old.store_if.as_ref())
    }
}

impl fmt::Debug for Choosing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Choosing")
            .field("store_if", &self.store_if.is_some())
            .field("unless", &self.unless.is_some())
            .finish()
    }
}
