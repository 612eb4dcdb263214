//! Answers hot HTTP requests from memory, and keeps every instance coherent.

pub mod bus;
mod clock;
mod coherence;
mod concern;
mod error;
mod eviction;
mod path;
pub mod policy;
mod position;
mod random;
mod scope;
mod semantics;
mod store;
mod tag;
mod target;
mod tasks;
mod telemetry;
mod wire;
pub use concern::{Reached, Receipt, WriteConcern};
pub use error::{Error, ErrorKind};
pub use scope::Scope;
pub use tag::{MAX_TAG_BYTES, MAX_TAGS, Tag, Tags};
pub use target::Invalidate;
