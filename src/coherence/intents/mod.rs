//! Writes that others have begun, and what becomes stale should they never end.

mod machine;
mod rules;
#[cfg(test)]
mod tests;

pub(crate) use machine::{Begun, Due, Heard, Intents, Order};
