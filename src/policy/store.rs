//! The store that a policy names.

use super::Policy;

impl Policy {
    /// Keeps the responses of this policy in the store of this name, see
    /// [`RouteTableBuilder::store`](crate::RouteTableBuilder::store): what others store
    /// does not push them out. Only a route table has such stores. A layer that is given
    /// the policy without one stores nothing, and says so in
    /// [`Health::mistakes`](crate::Health::mistakes).
    pub fn store(mut self, name: &str) -> Self {
        self.store = Some(name.into());
        self
    }

    pub(crate) fn store_name(&self) -> Option<&str> {
        self.store.as_deref()
    }

    /// What is wrong with its store where there are these.
    pub(super) fn store_mistake(&self, stores: &[&str]) -> Option<String> {
        let name = self.store_name()?;
        if self.own().is_some() {
            return Some(format!(
                "it has a store of its own, and names the store {name:?}"
            ));
        }
        let known = match stores {
            [] => "there are none".to_owned(),
            stores => format!("there is {}", stores.join(", ")),
        };
        (!stores.contains(&name)).then(|| format!("there is no store {name:?}: {known}"))
    }
}
