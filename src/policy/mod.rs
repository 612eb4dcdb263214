//! What a route chooses: how its responses are cached, as data.
//!
//! A [`Policy`] is given to a layer with
//! [`CacheLayer::policy`](crate::CacheLayer::policy), or to a whole cache with
//! [`CacheBuilder::default_policy`](crate::CacheBuilder::default_policy).

mod read;

pub use crate::eviction::Eviction;
pub(crate) use read::{OwnStore, Partition};
pub use read::{Policy, WhileDeaf};
