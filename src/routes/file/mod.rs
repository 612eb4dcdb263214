//! The route table as a file: TOML with its lines, or any format of serde.
//!
//! | question | file |
//! | --- | --- |
//! | What stands in a file, whatever its format? | `node` |
//! | How does a format get there? | `toml`, `format` |
//! | What does a value say? | `value`, `units`, `inner` |
//! | Which settings are there, and what do they do? | `read_keys`, `write_keys`, `setting` |
//! | Which tables are there, and what comes of the whole? | `tables`, `rpc`, `settings`, `clashes` |
//! | How is a mistake told? | `notes`, `near` |
//!
//! One walk finds all mistakes, so nothing here ends at the first one, and nothing of
//! serde's derives is used: they end there, and lose the line.

mod clashes;
mod format;
#[cfg(all(test, feature = "toml"))]
mod fuzz;
mod inner;
mod near;
mod node;
mod notes;
#[cfg(test)]
mod page;
mod read_keys;
mod rpc;
mod setting;
mod settings;
mod tables;
#[cfg(feature = "toml")]
mod toml;
mod units;
mod value;
mod write_keys;

use super::table::RouteTable;
use crate::policy::{Policy, ScopeOf};
use crate::scope::Scope;
use http::request;
use std::fmt;
use std::sync::Arc;

/// Gives a policy the proof of one type.
type Requiring = fn(Policy) -> Policy;

#[doc = include_str!("../../docs/routes.md")]
#[derive(Clone, Default)]
pub struct RouteFile {
    requires: Vec<(String, Requiring)>,
    scopes: Vec<(String, Arc<ScopeOf>)>,
}

impl RouteTable {
    /// A reader of route tables from files that name what only code has, see
    /// [`RouteFile`].
    #[must_use]
    pub fn file() -> RouteFile {
        RouteFile::default()
    }
}

impl RouteFile {
    /// The type that a file names with `requires = "name"`, see
    /// [`Policy::requires`]: the proof for `authorization = "already-checked"`. Said twice
    /// for one name, the last counts.
    #[must_use]
    pub fn requires<T: Send + Sync + 'static>(mut self, name: &str) -> Self {
        self.requires.retain(|(known, _)| known != name);
        self.requires.push((name.to_owned(), Policy::requires::<T>));
        self
    }

    /// The scope that a file names with `scope = "name"`, see [`Policy::scope`]. Said twice
    /// for one name, the last counts.
    ///
    /// Keep this reader for as long as its tables are replaced by newer ones
    /// ([`Cache::replace_routes`](crate::Cache::replace_routes)): with the closure of
    /// another reader all that was stored under it is dropped.
    #[must_use]
    pub fn scope<F>(mut self, name: &str, scope: F) -> Self
    where
        F: Fn(&request::Parts) -> Option<Scope> + Send + Sync + 'static,
    {
        self.scopes.retain(|(known, _)| known != name);
        self.scopes.push((name.to_owned(), Arc::new(scope)));
        self
    }
}

impl fmt::Debug for RouteFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let requires: Vec<_> = self.requires.iter().map(|(name, _)| name).collect();
        let scopes: Vec<_> = self.scopes.iter().map(|(name, _)| name).collect();
        f.debug_struct("RouteFile")
            .field("requires", &requires)
            .field("scopes", &scopes)
            .finish()
    }
}
