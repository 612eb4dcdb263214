//! What nobody asks for.

use crate::clock::Moment;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// When something was last asked for, and for how long it may not be.
#[derive(Debug)]
pub(crate) struct Idle {
    within: Duration,
    /// A moment. Relaxed: it orders nothing, and who reads a late one lets go of what was
    /// asked for just now.
    last: AtomicU64,
}

impl Idle {
    pub(crate) fn new(within: Duration, now: Moment) -> Self {
        Self {
            within,
            last: AtomicU64::new(now.0),
        }
    }

    /// Whether nobody has asked for too long.
    pub(crate) fn is_over(&self, now: Moment) -> bool {
        now.since(Moment(self.last.load(Ordering::Relaxed))) > self.within
    }

    /// Somebody asks. Threads read the clock side by side: the latest moment counts.
    pub(crate) fn ask(&self, now: Moment) {
        self.last.fetch_max(now.0, Ordering::Relaxed);
    }
}
