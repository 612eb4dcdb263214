//! Another route table while the cache runs.

use super::handle::Cache;
use crate::routes::RouteTable;

/// What became of a table that was replaced, see [`Cache::replace_routes`].
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Replaced {
    /// The patterns of the old table whose stored responses were dropped; `None` is for
    /// what has no route.
    pub dropped: Vec<Option<String>>,
}

impl Cache {
    /// Puts another table in the place of the one that is in use, for all layers of this
    /// cache that are given no policy of their own. It counts for requests that come from
    /// now on; those under way go on by the old one. A cache that was made without a table
    /// gets one.
    ///
    /// What was stored under a pattern stays if its policy is the same but for times:
    /// a shorter lifetime counts at once, a longer one for what is stored from now on.
    /// It is dropped if the pattern is gone, or if anything else has changed that is in
    /// keys or entries: inputs, scope, tags, body key, statuses, overrides, stale windows,
    /// settle window, idle time, what those behind are told, or the store. A closure is the same only
    /// if the policy is a clone of the old one. A store that both tables have with the same
    /// name, size and eviction stays.
    ///
    /// A table is whole before it gets here: one with mistakes is an error where it is made,
    /// and the old one stays in use.
    ///
    /// Costs a comparison of both tables. The memory of what was dropped is free after the
    /// next walk of the sweeper, within half a minute.
    ///
    /// Writes of other instances keep the names that their table gives them. To rename a
    /// tag, make both names for one release.
    pub fn replace_routes(&self, table: RouteTable) -> Replaced {
        self.shared().replace_routes(table)
    }
}
