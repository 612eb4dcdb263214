//! The bus that several processes share: a Redis stream is the log, a channel
//! the ring.
//!
//! ```text
//! settings ──► engine ──► scripts ──► connection      one command connection, ours to drop
//!                 │           └─────► reply           what the scripts return, untrusted
//!                 ├─────────► ring                    a connection of its own for each listener
//!                 └─────────► look                    what is missing, in sentences
//!              trouble: what went wrong, and how to fix it
//! ```
//!
//! Each verb is one script, one atomic step of the server (see `append.lua`,
//! `sync.lua`, `common.lua`). Keys, fields and the form of a ring do not change
//! between versions of this crate.

mod connection;
mod engine;
mod keys;
mod look;
mod reply;
mod ring;
mod scripts;
mod settings;
mod trouble;

#[cfg(test)]
mod tests;

pub use settings::Redis;

/// A payload that is longer is not kept: the entry then carries an empty one,
/// which is no envelope.
const MAX_PAYLOAD_BYTES: usize = 1 << 20;
