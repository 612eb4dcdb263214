//! Two instances over a real Redis, and what must hold while it is broken.

#[path = "../support/mod.rs"]
mod support;

mod alone;
mod anyone;
mod applied;
mod bad_input;
mod choices;
mod ends;
mod faults;
mod intents;
mod main_job;
mod rig;
mod shop;
mod start;
mod tokens;
mod versions;
mod writes;
