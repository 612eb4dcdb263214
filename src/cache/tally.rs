//! Counts by reason.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// How often each reason was given. Off the hit path: counting takes a lock.
#[derive(Debug, Default)]
pub(crate) struct Tally(Mutex<BTreeMap<&'static str, u64>>);

impl Tally {
    pub(crate) fn add(&self, reason: &'static str) {
        *self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(reason)
            .or_default() += 1;
    }

    /// The reason that was given most often.
    pub(super) fn most(&self) -> Option<(&'static str, u64)> {
        self.snapshot().into_iter().max_by_key(|(_, times)| *times)
    }

    pub(crate) fn snapshot(&self) -> BTreeMap<&'static str, u64> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
