//! What of a table does nothing, as far as it shows.

use super::table::RouteTable;
use crate::policy::Policy;
use std::collections::BTreeSet;

impl RouteTable {
    /// What looks like a slip, in sentences: a tag that writes make stale and no read
    /// bears, and a store that no route names. Tags that handlers and closures give are
    /// not seen, so it is no error.
    #[must_use]
    pub fn lint(&self) -> Vec<String> {
        let reads = || self.reads.iter().chain(&self.rpc_reads);
        let borne = reads().flat_map(|route| route.policy.tag_shapes());
        let borne: BTreeSet<String> = borne.collect();
        let closures = reads().any(|route| route.policy.has_tag_closure());
        let mut found = Vec::new();
        for route in &self.writes {
            let path = route.pattern.text();
            for (text, shape) in route.policy.mapping().tag_shapes() {
                if !closures && !borne.contains(&shape) {
                    found.push(format!(
                        "write {path:?}: no read of the table bears a tag like {text:?}"
                    ));
                }
            }
        }
        for store in &self.stores {
            let mut policies = reads().map(|route| &route.policy);
            let names = |policy: &Policy| policy.store_name() == Some(store.name.as_str());
            if !policies.any(names) && !self.default_policy().is_some_and(names) {
                found.push(format!("store {:?}: no route names it", store.name));
            }
        }
        found
    }
}
