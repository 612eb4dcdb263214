//! The bus: where invalidations travel. An ordered log is the truth, a ring
//! (doorbell) only hurries.

mod engine;

pub(crate) use engine::{
    Answer, Appended, BusError, Engine, Form, LogEntry, Question, Ring, Rings, Trouble, Verdict,
};
