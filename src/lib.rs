//! tower-coherence
mod clock;
mod concern;
mod error;
mod path;
mod position;
mod scope;
mod tag;
mod target;

mod bus;
mod coherence;
mod semantics;
mod store;
mod wire;

pub use concern::{Reached, Receipt, WriteConcern};
pub use error::{Error, ErrorKind};
pub use scope::Scope;
pub use tag::{MAX_TAG_BYTES, MAX_TAGS, Tag, Tags};
pub use target::Invalidate;
