//! Whether anything bears a name.

use super::core::Core;
use super::lock::lock;
use super::name::{Name, Raise};

impl Core {
    /// Whether an entry bears one of these names now, dead or alive. For counting: it
    /// may be another answer a moment later.
    pub(crate) fn is_borne(&self, raises: &[Raise]) -> bool {
        let registry = lock(&self.registry);
        raises.iter().any(|raise| match raise.name {
            Name::Everything => registry.cells() > 0,
            Name::Target(name) => registry.is_borne(name),
        })
    }
}
