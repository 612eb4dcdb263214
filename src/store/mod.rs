//! The store: whether what is kept still counts.
pub(crate) mod race;
