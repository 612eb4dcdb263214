#![doc = include_str!("docs/guide.md")]

mod clock;
mod concern;
mod error;
mod eviction;
#[cfg(test)]
mod fuzz;
mod path;
mod position;
mod random;
mod scope;
mod tag;
mod target;
mod tasks;
mod template;
mod token;
mod write_intent;

pub mod bus;
mod cache;
mod coherence;
mod middleware;
pub mod policy;
mod routes;
mod semantics;
mod store;
mod telemetry;
pub mod test_util;
mod wire;

pub use cache::{
    BusStats, Cache, CacheBuilder, Event, Events, Health, Heard, Mode, Publisher, Replaced,
    RouteKind, RouteStats, ScopedCache, Stats, TargetStats, Unsent,
};
pub use coherence::{HeardBy, Times};
pub use concern::{Applied, Reached, Receipt, WriteConcern};
pub use error::{Error, ErrorKind};
#[cfg(feature = "axum")]
pub use middleware::NoCacheLayer;
pub use middleware::{
    CacheBody, CacheContext, CacheLayer, CacheService, EmptyBody, NoReplay, Replay, ResponseFuture,
    Resumed, WarmedUp,
};
pub use policy::Policy;
pub use routes::{RouteFile, RouteTable, RouteTableBuilder};
pub use scope::Scope;
pub use tag::{MAX_TAG_BYTES, MAX_TAGS, Tag, TagField, Tags};
pub use target::Invalidate;
pub use token::Token;

/// The programs of the README, compiled as tests.
#[cfg(all(doctest, feature = "redis", feature = "axum"))]
#[doc = include_str!("../README.md")]
#[derive(Debug)]
pub struct ReadmePrograms;
