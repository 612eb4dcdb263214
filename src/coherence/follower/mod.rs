//! The follower: what one instance knows about the log, and what that proves.
//!
//! It has no input, no output and no clock, so that the same type runs under
//! tokio and in a model checker. The parts are files of their own, and the
//! decisions that must not be got wrong are in `rules`, so that a model can
//! replace exactly one of them and show that it breaks.

mod history;
mod machine;
mod rules;
mod step;

pub(crate) use machine::Follower;
pub(crate) use step::{Ask, Ear, Invalidation, Member, Step};

#[cfg(test)]
mod tests;
