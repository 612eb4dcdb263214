//! What all routes count.

use super::counts::{Counts, RouteKind, RouteName};
use crate::routes::Pattern;
use http::Method;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Tables can be replaced, and what a route has counted is kept. Those beyond this
/// count with what has no route.
const MOST: usize = 10_000;

/// What all routes of a cache count, by their names: a table that is replaced goes on
/// with what the last one has counted.
#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<BTreeMap<RouteName, Arc<Counts>>>);

impl Ledger {
    /// The counts of reads with this pattern; `None`: of those without a route.
    pub(super) fn of_reads(&self, pattern: Option<&Pattern>) -> Arc<Counts> {
        self.of(RouteKind::Read, pattern.map(Pattern::text), String::new())
    }

    /// The counts of writes with this pattern; `None`: of those without a route.
    pub(super) fn of_writes(
        &self,
        pattern: Option<&Pattern>,
        methods: Option<&[Method]>,
    ) -> Arc<Counts> {
        let mut methods: Vec<_> = methods.unwrap_or_default().iter().collect();
        methods.sort_by_key(|method| method.as_str());
        let methods: Vec<_> = methods.into_iter().map(Method::as_str).collect();
        let pattern = pattern.map(Pattern::text);
        self.of(RouteKind::Write, pattern, methods.join(","))
    }

    fn of(&self, kind: RouteKind, pattern: Option<&str>, methods: String) -> Arc<Counts> {
        let name = RouteName {
            kind,
            pattern: pattern.map(str::to_owned),
            methods,
        };
        let mut routes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let name = if routes.len() < MOST || routes.contains_key(&name) {
            name
        } else {
            RouteName {
                kind,
                pattern: None,
                methods: String::new(),
            }
        };
        let counts = routes.entry(name.clone());
        counts
            .or_insert_with(|| Arc::new(Counts::new(name)))
            .clone()
    }

    /// All there are, and whether a table or a layer has them now.
    pub(super) fn all(&self) -> Vec<(Arc<Counts>, bool)> {
        let routes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all = routes.values();
        all.map(|counts| {
            // One is that of the ledger, the others are of rules.
            let in_use = Arc::strong_count(counts) > 1;
            (counts.clone(), in_use)
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_routes_than_are_kept_count_with_what_has_no_route() {
        let ledger = Ledger::default();
        let of = |pattern: &str| ledger.of(RouteKind::Read, Some(pattern), String::new());
        of("/0").hits.one();
        let routes: Vec<_> = (0..MOST + 10).map(|at| of(&format!("/{at}"))).collect();
        assert!(routes.iter().all(|route| Arc::strong_count(route) > 1));
        assert_eq!(ledger.all().len(), MOST + 1);
        let none = ledger.of_reads(None);
        assert!(Arc::ptr_eq(&none, &routes[MOST + 9]));
        assert_eq!(of("/0").hits.get(), 1);
    }

    #[test]
    fn a_route_goes_on_with_its_numbers_when_its_table_is_replaced() {
        let ledger = Ledger::default();
        let methods = [Method::PUT, Method::PATCH];
        let old = ledger.of_writes(None, Some(&methods));
        old.writes.one();
        let in_use = |ledger: &Ledger| {
            ledger
                .all()
                .iter()
                .map(|(_, used)| *used)
                .collect::<Vec<_>>()
        };
        assert_eq!(in_use(&ledger), [true]);
        drop(old);
        assert_eq!(in_use(&ledger), [false]);
        let [put, patch] = methods;
        let new = ledger.of_writes(None, Some(&[patch, put]));
        assert_eq!((new.writes.get(), in_use(&ledger)), (1, vec![true]));
        let other = ledger.of_writes(None, None);
        assert_eq!(other.writes.get(), 0);
    }
}
