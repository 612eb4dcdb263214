//! What the core is put through: threads that fill, write, hit, wait, collect.

mod flying;
mod scenarios;
mod world;

pub(crate) use flying::{flights, handing_on, landing, waiters};
pub(crate) use scenarios::{floor, proof, race, renewal, smallest};
