//! What a route chooses, as data: how its responses are cached, and what is done
//! with its writes.
//!
//! A [`Policy`] is given to a layer with
//! [`CacheLayer::policy`](crate::CacheLayer::policy), or to a whole cache with
//! [`CacheBuilder::default_policy`](crate::CacheBuilder::default_policy); a
//! [`WritePolicy`] to a layer with
//! [`CacheLayer::write_policy`](crate::CacheLayer::write_policy). A
//! [`RouteTable`](crate::RouteTable) gives both to paths. What is done whatever the
//! policy is below.
//!
#![doc = include_str!("../docs/templates.md")]
//!
#![doc = include_str!("../docs/grpc.md")]
//!
#![doc = include_str!("../docs/http.md")]

mod alike;
mod body_key;
mod choosing;
mod classify;
mod directives;
mod downstream;
mod idle;
mod inputs;
mod jitter;
mod mapping;
mod read;
mod rpc;
mod stale;
mod store;
mod storing;
mod write;

pub use crate::eviction::Eviction;
pub use classify::Class;
pub use directives::ClientDirectives;
pub use downstream::Downstream;
pub(crate) use inputs::InputChoices;
pub use inputs::{Authorization, Inputs, Query};
pub(crate) use jitter::Given;
pub use mapping::{After, HangUp, OwnPath};
pub(crate) use read::{OwnStore, Partition, ScopeOf};
pub use read::{Policy, StatusHeader, WhileDeaf};
pub(crate) use stale::{Part, Stale};
pub use storing::SetCookie;
pub use write::{BusDown, WritePolicy};
