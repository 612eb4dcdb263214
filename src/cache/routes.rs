//! A route table, made ready.

use super::rule::Rule;
use super::shared::Shared;
use super::shelves::{ShelfId, Shelves};
use super::slot::Slot;
use super::write_rule::WriteRule;
use crate::policy::OwnStore;
use crate::routes::RouteTable;
use crate::store::Shelf;
use http::Method;
use std::sync::Arc;

/// A route table, made ready: what layers look at for each request.
#[derive(Debug)]
pub(crate) struct Routes {
    table: RouteTable,
    reads: Vec<Arc<Rule>>,
    writes: Vec<Arc<WriteRule>>,
}

/// The stores of a table by name.
#[derive(Debug, Default)]
pub(super) struct Stores(Vec<(String, ShelfId, Arc<Shelf<Slot>>)>);

impl Stores {
    fn of(table: &RouteTable, shelves: &Shelves) -> Self {
        let stores = table.stores().iter().map(|store| {
            let (id, shelf) = shelves.of(Some(OwnStore {
                max_bytes: store.max_bytes,
                eviction: store.eviction,
            }));
            (store.name.clone(), id, shelf)
        });
        Self(stores.collect())
    }

    pub(super) fn named(&self, name: &str) -> Option<(ShelfId, Arc<Shelf<Slot>>)> {
        let found = self.0.iter().find(|(known, ..)| known == name);
        found.map(|(_, id, shelf)| (*id, shelf.clone()))
    }
}

impl Shared {
    /// The route table, if there is one.
    pub(crate) fn routes(&self) -> Option<&Arc<Routes>> {
        self.routes.get()
    }

    /// Once, when the cache is made.
    pub(super) fn use_routes(&self, table: RouteTable) {
        self.routes
            .get_or_init(|| Arc::new(Routes::of(self, table)));
    }
}

impl Routes {
    fn of(shared: &Shared, table: RouteTable) -> Self {
        let stores = Stores::of(&table, &shared.shelves);
        let reads = table.reads().iter().map(|route| {
            let pattern = Some(route.pattern.clone());
            shared.rule_at(route.policy.clone(), pattern, &stores)
        });
        let writes = table.writes().iter().map(|route| {
            let pattern = Some(route.pattern.clone());
            Arc::new(WriteRule::new(route.policy.clone(), pattern))
        });
        Self {
            reads: reads.collect(),
            writes: writes.collect(),
            table,
        }
    }

    /// The rule for reads of this path, if there is one.
    pub(crate) fn read(&self, path: &str) -> Option<&Arc<Rule>> {
        self.reads.get(self.table.read_at(path)?)
    }

    /// The rule for writes to this path, if there is one.
    pub(crate) fn write(&self, method: &Method, path: &str) -> Option<&Arc<WriteRule>> {
        self.writes.get(self.table.write_at(method, path)?)
    }

    pub(crate) fn writes(&self) -> &[Arc<WriteRule>] {
        &self.writes
    }
}
