//! Two instances over a real Redis, and what must hold while it is broken.

#[path = "../support/mod.rs"]
mod support;

mod alone;
mod anyone;
mod applied;
mod bad_input;
mod choices;
mod denials;
mod ends;
mod faults;
mod histories;
mod intents;
mod main_job;
mod pauses;
mod rig;
mod shop;
mod start;
mod storms;
mod tokens;
mod two_masters;
mod versions;
mod writes;
