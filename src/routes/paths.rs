//! Which route a path has.

use super::pattern::Pattern;
use http::Method;
use matchit::{InsertError, Router};

/// The routes of the writes, by method.
///
/// Each method that some route names has a router of its own, with all routes that count
/// for it: a route for one method hides no wider route from another one.
#[derive(Clone, Default)]
pub(super) struct ByMethod {
    named: Vec<(Method, Router<usize>)>,
    other: Router<usize>,
}

impl ByMethod {
    pub(super) fn of<'a>(methods: impl Iterator<Item = &'a Method>) -> Self {
        let mut all = Self::default();
        for method in methods {
            if !all.named.iter().any(|(known, _)| known == method) {
                all.named.push((method.clone(), Router::new()));
            }
        }
        all
    }

    /// Adds a route for these methods; `None`: for all that write.
    pub(super) fn insert(
        &mut self,
        methods: Option<&[Method]>,
        pattern: &Pattern,
        route: usize,
    ) -> Result<(), InsertError> {
        for (method, router) in &mut self.named {
            if methods.is_none_or(|methods| methods.contains(method)) {
                insert(router, pattern, route)?;
            }
        }
        if methods.is_none() {
            insert(&mut self.other, pattern, route)?;
        }
        Ok(())
    }

    pub(super) fn at(&self, method: &Method, path: &str) -> Option<usize> {
        let named = self.named.iter().find(|(known, _)| known == method);
        let router = named.map_or(&self.other, |(_, router)| router);
        at(router, path)
    }
}

pub(super) fn insert(
    router: &mut Router<usize>,
    pattern: &Pattern,
    route: usize,
) -> Result<(), InsertError> {
    router.insert(pattern.text(), route)
}

pub(super) fn at(router: &Router<usize>, path: &str) -> Option<usize> {
    router.at(path).ok().map(|found| *found.value)
}
