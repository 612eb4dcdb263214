//! How a route table is made, and what is wrong with it.

use super::paths::{self, ByMethod};
use super::pattern::{Pattern, told};
use super::rpc;
use super::table::{NamedStore, ReadRoute, RouteTable, WriteRoute};
use crate::error::Error;
use crate::eviction::Eviction;
use crate::policy::{Policy, WritePolicy};
use http::Method;
use matchit::Router;
use std::collections::HashMap;
use std::sync::Arc;

/// Makes a [`RouteTable`].
#[derive(Clone, Debug, Default)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct RouteTableBuilder {
    default_policy: Option<Policy>,
    reads: Vec<(String, Policy)>,
    pub(super) rpc_reads: Vec<(String, Policy)>,
    writes: Vec<(Option<Vec<Method>>, String, WritePolicy)>,
    stores: Vec<NamedStore>,
    pub(super) mistakes: Vec<String>,
}

impl RouteTableBuilder {
    /// The policy of reads without a route, in layers that are given none. Without it,
    /// that of the cache, see
    /// [`CacheBuilder::default_policy`](crate::CacheBuilder::default_policy). Said more
    /// than once, the last counts; that of a table which is [nested](Self::nest) does not.
    pub fn default_policy(mut self, policy: Policy) -> Self {
        self.default_policy = Some(policy);
        self
    }

    /// What GET and HEAD requests to this path do, QUERY requests with
    /// [`Policy::body_key`], and the POST requests that read by [`Policy::classify`]: the
    /// others have the write route of the path, as without it. The tags of the policy may
    /// name its parameters, see
    /// [Templates](crate::policy#templates). Its [scope](Policy::scope) is also that of the
    /// writes to the path.
    pub fn read(mut self, path: &str, policy: Policy) -> Self {
        self.reads.push((path.to_owned(), policy));
        self
    }

    /// What all requests that may write do at this path: every method but the safe ones.
    /// The templates of the policy may name its parameters.
    pub fn write(mut self, path: &str, policy: WritePolicy) -> Self {
        self.writes.push((None, path.to_owned(), policy));
        self
    }

    /// The same for these methods only.
    pub fn write_on(mut self, methods: &[Method], path: &str, policy: WritePolicy) -> Self {
        let route = (Some(methods.to_vec()), path.to_owned(), policy);
        self.writes.push(route);
        self
    }

    /// A store that the routes share whose policies name it, see [`Policy::store`]: with
    /// this many bytes and this order of eviction. With 0 bytes nothing is stored.
    pub fn store(mut self, name: &str, max_bytes: u64, eviction: Eviction) -> Self {
        if self.stores.iter().any(|known| known.name == name) {
            let twice = format!("store {name:?}: it is there twice");
            self.mistakes.push(twice);
        }
        self.stores.push(NamedStore {
            name: name.to_owned(),
            max_bytes,
            eviction,
        });
        self
    }

    /// All routes of another table below this path, as axum's `Router::nest` has them:
    /// its `/` is the prefix itself. What the policies of that table name by
    /// [`WritePolicy::paths`] and [`WritePolicy::prefixes`] are whole paths and stay as
    /// they are. Its stores are shared with those of the same name, size and eviction here.
    pub fn nest(mut self, prefix: &str, table: RouteTable) -> Self {
        if prefix.is_empty() || prefix == "/" || prefix.contains("{*") {
            self.mistakes.push(format!(
                "nest {prefix:?}: a prefix is a path below `/`, without a rest"
            ));
            return self;
        }
        for route in table.reads {
            let path = below(prefix, route.pattern.text());
            self.reads.push((path, route.policy));
        }
        for route in table.rpc_reads {
            let path = below(prefix, route.pattern.text());
            self.rpc_reads.push((path, route.policy));
        }
        for route in table.writes {
            let path = below(prefix, route.pattern.text());
            self.writes.push((route.methods, path, route.policy));
        }
        for store in table.stores {
            if !self.stores.contains(&store) {
                self = self.store(&store.name, store.max_bytes, store.eviction);
            }
        }
        self
    }

    /// Makes the table.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration), with a line for
    /// each mistake: a path that is no pattern, two routes for the same requests, a
    /// template that is none or names a parameter that the path does not have, a method
    /// that does not write, a store that is not there.
    pub fn build(self) -> Result<RouteTable, Error> {
        let mut making = Making {
            mistakes: self.mistakes,
            table: RouteTable {
                default_policy: None,
                reads: Vec::new(),
                rpc_reads: Vec::new(),
                rpc_paths: HashMap::new(),
                writes: Vec::new(),
                stores: self.stores,
                read_paths: Router::new(),
                write_paths: ByMethod::of(
                    self.writes.iter().filter_map(|it| it.0.as_ref()).flatten(),
                ),
            },
        };
        if let Some(policy) = self.default_policy {
            making.default_policy(policy);
        }
        for (path, policy) in self.reads {
            making.read(&path, policy);
        }
        for (methods, path, policy) in self.writes {
            making.write(methods, &path, policy);
        }
        for (path, policy) in self.rpc_reads {
            making.rpc_read(&path, policy);
        }
        match making.mistakes.as_slice() {
            [] => Ok(making.table),
            mistakes => Err(Error::configuration(format!(
                "the route table has mistakes:\n{}",
                mistakes.join("\n")
            ))),
        }
    }
}

/// A table, and what was wrong so far.
struct Making {
    table: RouteTable,
    mistakes: Vec<String>,
}

impl Making {
    fn default_policy(&mut self, policy: Policy) {
        let mistakes = policy.mistakes(&[], &self.store_names());
        self.note("the default policy", mistakes);
        self.table.default_policy = Some(policy);
    }

    fn store_names(&self) -> Vec<&str> {
        let stores = self.table.stores.iter();
        stores.map(|store| store.name.as_str()).collect()
    }

    fn read(&mut self, path: &str, policy: Policy) {
        let whose = format!("read {path:?}");
        let Some(pattern) = self.pattern(&whose, path) else {
            return;
        };
        let at = self.table.reads.len();
        let inserted = paths::insert(&mut self.table.read_paths, &pattern, at);
        let mut mistakes = policy.mistakes(&pattern.names(), &self.store_names());
        mistakes.extend(inserted.err().map(|error| told(&error)));
        self.note(&whose, mistakes);
        let pattern = Arc::new(pattern);
        self.table.reads.push(ReadRoute { pattern, policy });
    }

    /// The writes are there already.
    fn rpc_read(&mut self, path: &str, policy: Policy) {
        let whose = format!("rpc_read {path:?}");
        if let Err(what) = rpc::check(path) {
            return self.note(&whose, vec![what.to_owned()]);
        }
        let Some(pattern) = self.pattern(&whose, path) else {
            return;
        };
        let mut mistakes = policy.mistakes(&[], &self.store_names());
        mistakes.extend(policy.call_mistake());
        let at = self.table.rpc_reads.len();
        if self.table.rpc_paths.insert(path.into(), at).is_some() {
            mistakes.push("it is there twice".to_owned());
        }
        let written = self.table.write_at(&Method::POST, path);
        let written = written.and_then(|at| self.table.writes.get(at));
        if written.is_some_and(|route| route.pattern.text() == path) {
            mistakes.push("it is also a write".to_owned());
        }
        self.note(&whose, mistakes);
        self.table.rpc_reads.push(ReadRoute {
            pattern: Arc::new(pattern),
            policy: policy.for_calls(),
        });
    }

    fn write(&mut self, methods: Option<Vec<Method>>, path: &str, policy: WritePolicy) {
        let names = methods.iter().flatten().map(Method::as_str);
        let names: Vec<_> = names.collect();
        let whose = format!("write {}{path:?}", spaced(&names));
        if let Some(methods) = &methods {
            let safe = methods.iter().filter(|method| method.is_safe());
            let safe: Vec<_> = safe.map(|it| format!("{it} does not write")).collect();
            self.note(&whose, safe);
            if methods.is_empty() {
                self.note(&whose, vec!["it is for no method".to_owned()]);
            }
        }
        let Some(pattern) = self.pattern(&whose, path) else {
            return;
        };
        let at = self.table.writes.len();
        let inserted = self
            .table
            .write_paths
            .insert(methods.as_deref(), &pattern, at);
        let mut mistakes = policy.mistakes(&pattern.names());
        mistakes.extend(inserted.err().map(|error| told(&error)));
        self.note(&whose, mistakes);
        self.table.writes.push(WriteRoute {
            pattern: Arc::new(pattern),
            methods,
            policy,
        });
    }

    fn pattern(&mut self, whose: &str, path: &str) -> Option<Pattern> {
        match Pattern::parse(path) {
            Ok(pattern) => Some(pattern),
            Err(what) => {
                self.note(whose, vec![what]);
                None
            }
        }
    }

    fn note(&mut self, whose: &str, mistakes: Vec<String>) {
        let lines = mistakes.into_iter().map(|what| format!("{whose}: {what}"));
        self.mistakes.extend(lines);
    }
}

fn spaced(names: &[&str]) -> String {
    names.iter().map(|name| format!("{name} ")).collect()
}

/// As axum joins the two.
fn below(prefix: &str, path: &str) -> String {
    match (prefix.strip_suffix('/'), path) {
        (Some(prefix), path) => format!("{prefix}{path}"),
        (None, "/") => prefix.to_owned(),
        (None, path) => format!("{prefix}{path}"),
    }
}
