//! The route table.

use super::builder::RouteTableBuilder;
use super::paths::{self, ByMethod};
use super::pattern::Pattern;
use crate::eviction::Eviction;
use crate::policy::{Policy, WritePolicy};
use http::Method;
use matchit::Router;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// Which policy a request has, by its method and the path that the client asked for.
///
/// Given to a cache with [`CacheBuilder::routes`](crate::CacheBuilder::routes); its
/// layers then choose by it. A read without a route has the default policy, a write
/// without one is as the cache says.
///
/// ```
/// use std::time::Duration;
/// use tower_coherence::policy::WritePolicy;
/// use tower_coherence::{Policy, RouteTable};
/// let minutes = Duration::from_secs(600);
/// let routes = RouteTable::builder()
///     .read("/products/{id}", Policy::lifetime(minutes).tags(["product:{id:int}"]))
///     .write("/products/{id}", WritePolicy::new().tags(["product:{id:int}", "products"]))
///     .build()?;
/// # let _ = routes;
/// # Ok::<(), tower_coherence::Error>(())
/// ```
///
/// Patterns are those of axum 0.8: `/a/{id}` matches one segment, `/a/{*rest}` one or
/// more, and the most specific one wins. They match the whole path as the client sent it,
/// also inside of `Router::nest`. `/a` and `/a/` are two.
///
/// Costs one walk down the patterns for each request, which allocates nothing with up to
/// four parameters, and a second one for a write.
#[derive(Clone, Default)]
pub struct RouteTable {
    pub(super) default_policy: Option<Policy>,
    pub(super) reads: Vec<ReadRoute>,
    pub(super) rpc_reads: Vec<ReadRoute>,
    pub(super) writes: Vec<WriteRoute>,
    pub(super) stores: Vec<NamedStore>,
    pub(super) read_paths: Router<usize>,
    pub(super) write_paths: ByMethod,
    /// The methods of gRPC that read, by their paths.
    pub(super) rpc_paths: HashMap<Box<str>, usize>,
}

/// What reads of a path do.
#[derive(Clone, Debug)]
pub(crate) struct ReadRoute {
    pub(crate) pattern: Arc<Pattern>,
    pub(crate) policy: Policy,
}

/// What writes to a path do.
#[derive(Clone, Debug)]
pub(crate) struct WriteRoute {
    pub(crate) pattern: Arc<Pattern>,
    /// `None`: all that write.
    pub(crate) methods: Option<Vec<Method>>,
    pub(crate) policy: WritePolicy,
}

/// A store that several routes share.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct NamedStore {
    pub(crate) name: String,
    pub(crate) max_bytes: u64,
    pub(crate) eviction: Eviction,
}

impl RouteTable {
    /// Begins to make a table.
    pub fn builder() -> RouteTableBuilder {
        RouteTableBuilder::default()
    }

    /// The pattern that a request has: for GET, HEAD and QUERY that of its reads, for a POST
    /// to a gRPC method that reads that of the method, for other methods that of its writes;
    /// a POST that reads by [`Policy::classify`] has that of the reads all the same. `None`:
    /// no route is for it.
    #[must_use]
    pub fn pattern_of(&self, method: &Method, path: &str) -> Option<&str> {
        let pattern = match method.as_str() {
            "GET" | "HEAD" | "QUERY" => &self.reads.get(self.read_at(path)?)?.pattern,
            "POST" if self.rpc_at(path).is_some() => {
                &self.rpc_reads.get(self.rpc_at(path)?)?.pattern
            }
            _ => &self.writes.get(self.write_at(method, path)?)?.pattern,
        };
        Some(pattern.text())
    }

    /// The policy of reads without a route, where the table says one.
    pub(crate) fn default_policy(&self) -> Option<&Policy> {
        self.default_policy.as_ref()
    }

    /// The place of the route in `reads`.
    pub(crate) fn read_at(&self, path: &str) -> Option<usize> {
        paths::at(&self.read_paths, path)
    }

    /// The place of the route in `writes`.
    pub(crate) fn write_at(&self, method: &Method, path: &str) -> Option<usize> {
        self.write_paths.at(method, path)
    }

    /// The place of the gRPC method in `rpc_reads`.
    pub(crate) fn rpc_at(&self, path: &str) -> Option<usize> {
        self.rpc_paths.get(path).copied()
    }

    pub(crate) fn rpc_reads(&self) -> &[ReadRoute] {
        &self.rpc_reads
    }

    pub(crate) fn reads(&self) -> &[ReadRoute] {
        &self.reads
    }

    pub(crate) fn writes(&self) -> &[WriteRoute] {
        &self.writes
    }

    pub(crate) fn stores(&self) -> &[NamedStore] {
        &self.stores
    }
}

impl fmt::Debug for RouteTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RouteTable")
            .field("default_policy", &self.default_policy)
            .field("reads", &self.reads)
            .field("rpc_reads", &self.rpc_reads)
            .field("writes", &self.writes)
            .field("stores", &self.stores)
            .finish_non_exhaustive()
    }
}
