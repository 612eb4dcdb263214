//! The one place where the primitives of the core are chosen. A model checker
//! includes the other files next to a `primitives` of its own.

pub(crate) use std::sync::atomic::{AtomicU64, Ordering};
pub(crate) use std::sync::{Arc, Mutex, MutexGuard};
