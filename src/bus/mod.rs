//! The bus: where invalidations travel. An ordered log is the truth, a ring
//! (doorbell) only hurries.
//!
#![doc = include_str!("../docs/coherence.md")]
//!
#![doc = include_str!("../docs/faults.md")]

#[cfg(test)]
pub(crate) mod contract;
mod engine;
mod everything;
mod local;
mod members;
#[cfg(feature = "redis")]
mod redis;

use crate::error::Error;
use std::sync::Arc;

#[cfg(test)]
pub(crate) use engine::Trouble;
pub(crate) use engine::{
    Answer, Appended, BusError, Engine, Form, InProcess, LogEntry, Question, Ring, Rings, Verdict,
};
pub(crate) use everything::everything_payload;
pub use local::Local;
pub(crate) use members::{Census, Checkpoint, Inquiry, List, Report, RollCall, Standing, Stands};
#[cfg(feature = "redis")]
pub use redis::Redis;

/// A bus that a cache can use: [`Local`], or `Redis`.
///
/// It cannot be implemented outside of this crate.
pub trait Bus: sealed::Sealed {}

pub(crate) mod sealed {
    #![allow(
        unreachable_pub,
        reason = "a public trait may not rest on narrower things"
    )]
    use super::{Arc, Engine, Error};

    /// What makes a bus, out of the public's sight.
    pub trait Sealed {
        fn into_engine(self) -> Result<AnyEngine, Error>;
    }

    /// The engine of some bus.
    #[derive(Debug)]
    pub struct AnyEngine(pub(crate) Arc<dyn Engine>);
}
