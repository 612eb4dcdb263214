//! The race core: whether an entry is still valid, and who fills.
//!
//! Each instance has a counter, the invalidation clock. Applying an invalidation
//! takes the next tick and raises the cells of its targets; a fill reads the clock
//! before its handler starts; an entry is valid while none of its cells is newer
//! than that reading. So an invalidation costs the same whatever hangs on it, and
//! a fill that began too early fails the same comparison however late it comes.
//!
//! The orders that everything stands on, each argued where it is kept:
//!
//! - a fill registers and reads the clock in one step, before the handler ([`fill`]);
//! - a batch raises its cells, then publishes the clock ([`apply`]);
//! - a hit reads the clock, then compares, then remembers that clock ([`hit`]);
//! - the follower raises, then proves ([`prove`]); a hit reads the proof, then
//!   compares ([`look`]);
//! - a leader takes its verdict when it binds, before the flight ends, and the
//!   verdict knows its clock ([`verdict`]);
//! - a fill begins, then looks at the answer that it would renew ([`renew`]);
//! - a flight leaves the table and gets its outcome in one step ([`flight`]).
//!
//! Two locks, never held together: the registry's, and the table of flights (with
//! a flight's own inside it). Hits take neither.
//!
//! The files use `std` and each other only, with the primitives that
//! [`primitives`] names: `tests/race_model.rs` runs the same files under a model
//! checker, and once more for each way to break them, with one file swapped.

mod apply;
mod bind;
mod bond;
mod borne;
mod cell;
mod core;
mod fill;
mod flight;
mod flights;
mod hit;
mod in_flight;
mod lead;
mod listen;
mod lock;
mod look;
mod name;
mod primitives;
mod prove;
mod registry;
mod renew;
mod rules;
mod sweep;
#[cfg(test)]
mod tests;
mod tick;
mod verdict;
mod wait;

pub(crate) use bind::Unbound;
pub(crate) use bond::{Bond, Validity};
pub(crate) use core::Core;
pub(crate) use fill::Fill;
pub(crate) use flights::{Flights, Seat};
pub(crate) use lead::Lead;
pub(crate) use name::{Name, Raise, Strength};
#[cfg(test)]
pub(crate) use sweep::Figures;
pub(crate) use tick::Tick;
pub(crate) use verdict::Verdict;
pub(crate) use wait::Landing;
#[cfg(test)]
pub(crate) use wait::Wait;
