//! Where the bus meets the store.
//!
//! The [follower](follower) decides what the log proves, the [outbox](outbox)
//! keeps what has still to reach it, and [`Coherence`] drives both with the
//! tasks that it owns.

mod announce;
mod backoff;
mod driver;
mod everywhere;
mod figures;
mod follower;
mod intents;
mod kept;
mod lately;
mod loops;
mod outbox;
mod sent;
mod settings;
mod shared;
mod sink;
mod tokens;

pub(crate) use announce::Announced;
pub(crate) use driver::Coherence;
pub(crate) use figures::Figures;
pub use lately::{HeardBy, Times};
pub(crate) use outbox::Ticket;
pub(crate) use settings::{ALONE_FOR, DEFAULT_BOUND, Role, Settings};
pub(crate) use sink::Sink;
pub(crate) use tokens::Satisfied;

#[cfg(test)]
mod tests;
