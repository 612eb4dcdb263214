//! A route table, made ready.

use super::replaced::Replaced;
use super::rule::Rule;
use super::shared::Shared;
use super::shelves::{ShelfId, Shelves};
use super::slot::Slot;
use super::write_rule::WriteRule;
use crate::policy::{OwnPath, OwnStore, WritePolicy};
use crate::routes::{NamedStore, ReadRoute, RouteTable};
use crate::store::Shelf;
use crate::telemetry;
use crate::write_intent::WriteIntent;
use arc_swap::{ArcSwap, Guard};
use http::Method;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// A route table, made ready: what layers look at for each request.
#[derive(Debug)]
pub(crate) struct Routes {
    table: RouteTable,
    reads: Vec<Arc<Rule>>,
    rpc_reads: Vec<Arc<Rule>>,
    writes: Vec<Arc<WriteRule>>,
    /// For reads without a route, and for writes without one.
    rule: Arc<Rule>,
    write_rule: Arc<WriteRule>,
    /// For writes of which nothing counts but what their handlers note.
    silent: Arc<WriteRule>,
    stores: Stores,
}

/// The table that is in use. Looking at it takes no lock.
#[derive(Debug, Default)]
pub(super) struct InUse {
    routes: OnceLock<ArcSwap<Routes>>,
    /// Held while it is replaced: each table is compared with the one before.
    replacing: Mutex<()>,
}

/// The stores of a table by name.
#[derive(Debug, Default)]
pub(super) struct Stores(Vec<(NamedStore, ShelfId, Arc<Shelf<Slot>>)>);

impl Stores {
    /// A store that the old table has too stays.
    fn of(table: &RouteTable, shelves: &Shelves, old: Option<&Self>) -> Self {
        let stores = table.stores().iter().map(|store| {
            let known = old.iter().flat_map(|old| &old.0);
            let known = known.clone().find(|(known, ..)| known == store);
            known.cloned().unwrap_or_else(|| {
                let (id, shelf) = shelves.of(Some(OwnStore {
                    max_bytes: store.max_bytes,
                    eviction: store.eviction,
                }));
                (store.clone(), id, shelf)
            })
        });
        Self(stores.collect())
    }

    pub(super) fn named(&self, name: &str) -> Option<(ShelfId, Arc<Shelf<Slot>>)> {
        let found = self.0.iter().find(|(known, ..)| known.name == name);
        found.map(|(_, id, shelf)| (*id, shelf.clone()))
    }
}

impl Shared {
    /// The route table that is in use; without one, an empty table.
    pub(crate) fn routes(&self) -> Guard<Arc<Routes>> {
        self.table_in_use().load()
    }

    /// The same, to be kept for the time of a request.
    pub(crate) fn routes_for_a_while(&self) -> Arc<Routes> {
        self.table_in_use().load_full()
    }

    fn table_in_use(&self) -> &ArcSwap<Routes> {
        let empty = || ArcSwap::from_pointee(Routes::of(self, RouteTable::default(), None));
        self.routes.routes.get_or_init(empty)
    }

    /// The first table, before the first request.
    pub(super) fn use_routes(&self, table: RouteTable) {
        let routes = Routes::of(self, table, None);
        self.routes
            .routes
            .get_or_init(|| ArcSwap::from_pointee(routes));
    }

    pub(super) fn replace_routes(&self, table: RouteTable) -> Replaced {
        let replacing = &self.routes.replacing;
        let _replacing = replacing.lock().unwrap_or_else(PoisonError::into_inner);
        let in_use = self.table_in_use();
        let old = in_use.load_full();
        let new = Arc::new(Routes::of(self, table, Some(&old)));
        // What comes from now on finds nothing of the editions that are gone.
        in_use.store(new.clone());
        let replaced = old.retire_all_but(&new);
        telemetry::routes_replaced(new.reads.len(), new.writes.len(), &replaced.dropped);
        replaced
    }
}

impl Routes {
    fn of(shared: &Shared, table: RouteTable, old: Option<&Self>) -> Self {
        let stores = Stores::of(&table, &shared.shelves, old.map(|old| &old.stores));
        let rule = |route: &ReadRoute, before: Option<&Arc<Rule>>| {
            let pattern = Some(route.pattern.clone());
            shared.rule_at(route.policy.clone(), pattern, &stores, before)
        };
        let reads = table.reads().iter();
        let reads = reads.map(|route| rule(route, old.and_then(|old| old.read_of(route))));
        let rpc_reads = table.rpc_reads().iter();
        let rpc_reads = rpc_reads.map(|route| rule(route, old.and_then(|old| old.rpc_of(route))));
        let writes = table.writes().iter().map(|route| {
            if let Some(time) = route.policy.intent_time() {
                let lasts = WriteIntent::lasts_for(time);
                shared.coherence.uses_intents(lasts);
            }
            let pattern = Some(route.pattern.clone());
            shared.write_rule_at(route.policy.clone(), pattern, route.methods.as_deref())
        });
        let policy = table.default_policy();
        let policy = policy.unwrap_or(&shared.settings.policy).clone();
        Self {
            rule: shared.rule_at(policy, None, &stores, old.map(|old| &old.rule)),
            write_rule: shared.write_rule(WritePolicy::new()),
            silent: shared.write_rule(WritePolicy::new().own_path(OwnPath::Off)),
            reads: reads.collect(),
            rpc_reads: rpc_reads.collect(),
            writes: writes.collect(),
            stores,
            table,
        }
    }

    /// The rule for reads of this path.
    pub(crate) fn read<'a>(&self, path: impl FnOnce() -> &'a str) -> &Arc<Rule> {
        if self.reads.is_empty() {
            return &self.rule;
        }
        let found = self.table.read_at(path());
        found
            .and_then(|at| self.reads.get(at))
            .unwrap_or(&self.rule)
    }

    /// The rule for calls of this gRPC method, if it reads.
    pub(crate) fn rpc(&self, path: &str) -> Option<&Arc<Rule>> {
        self.rpc_reads.get(self.table.rpc_at(path)?)
    }

    /// The rule for writes to this path.
    pub(crate) fn write(&self, method: &Method, path: &str) -> &Arc<WriteRule> {
        let found = self.table.write_at(method, path);
        found
            .and_then(|at| self.writes.get(at))
            .unwrap_or(&self.write_rule)
    }

    pub(crate) fn silent(&self) -> &Arc<WriteRule> {
        &self.silent
    }

    /// What this table says of the pattern of that route.
    fn read_of(&self, route: &ReadRoute) -> Option<&Arc<Rule>> {
        self.reads.get(place_of(self.table.reads(), route)?)
    }

    fn rpc_of(&self, route: &ReadRoute) -> Option<&Arc<Rule>> {
        self.rpc_reads.get(place_of(self.table.rpc_reads(), route)?)
    }

    fn rules(&self) -> impl Iterator<Item = &Arc<Rule>> {
        let routes = self.reads.iter().chain(&self.rpc_reads);
        std::iter::once(&self.rule).chain(routes)
    }

    /// Lets go of what was stored by this table and is none of the new one.
    fn retire_all_but(&self, new: &Self) -> Replaced {
        let mut dropped = Vec::new();
        for rule in self.rules() {
            let edition = &rule.edition;
            if new.rules().any(|new| Arc::ptr_eq(&new.edition, edition)) {
                continue;
            }
            edition.retire();
            let pattern = rule.pattern.as_ref();
            dropped.push(pattern.map(|pattern| pattern.text().to_owned()));
        }
        Replaced { dropped }
    }
}

fn place_of(routes: &[ReadRoute], route: &ReadRoute) -> Option<usize> {
    let pattern = route.pattern.text();
    routes.iter().position(|old| old.pattern.text() == pattern)
}
