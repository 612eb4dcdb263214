//! The store: what is kept and whether it still counts.
//!
//! Two parts that do not know each other. The *race core* decides validity and
//! who fills; the *shelf* keeps the bytes. [`Names`] turns targets into the
//! fingerprints that the race core compares.

mod names;
pub(crate) mod race;
mod shelf;

pub(crate) use names::{EntryNames, Names};
pub(crate) use shelf::{Shelf, Weigh};
