//! What is repaired behind a write: a history of the log that was lost, a replica of
//! the handler's database that lags, and a writer that was killed. The production files in all states that a
//! small world can reach, breadth first; and the same worlds with one mistake in
//! them, for each mistake that must not be made.

#![allow(
    clippy::duplicate_mod,
    reason = "a variant is the production files with one of them replaced"
)]

#[path = "../src/position.rs"]
#[allow(dead_code, reason = "a production file, of which a model uses a part")]
mod position;

#[path = "../src/clock.rs"]
#[allow(dead_code, reason = "a production file, of which a model uses a part")]
mod clock;

#[allow(
    dead_code,
    unreachable_pub,
    reason = "production files, of which a model uses a part"
)]
#[path = "models/repair"]
mod bus {
    #[path = "../../../src/bus/engine.rs"]
    mod engine;
    #[path = "../../../src/bus/members.rs"]
    mod members;
    pub(crate) use engine::{Answer, Form, LogEntry, Question, Verdict};
    pub(crate) use members::{Census, Checkpoint, Inquiry, List, Report, Standing, Stands};
}

#[path = "models/search.rs"]
mod search;

/// The one word of it that a model needs.
mod write_intent {
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
    pub(crate) struct IntentId(pub(crate) u64);
}

#[path = "models/repair/intents/mod.rs"]
mod intents;
#[path = "models/repair/settle/mod.rs"]
mod settle;
#[path = "models/repair/split/mod.rs"]
mod split;
