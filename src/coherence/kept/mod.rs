//! What this instance has appended, in case a log loses what it has acknowledged.

mod batches;
mod rules;

pub(crate) use batches::{Again, Kept};

/// The most batches that are kept, and the most bytes of them.
const MOST: usize = 256;
const MOST_BYTES: usize = 1 << 20;

#[cfg(test)]
mod tests;
