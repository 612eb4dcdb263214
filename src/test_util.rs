//! For tests of applications that use the cache: a clock that the test sets, and
//! several instances in one process.

use crate::bus::Local;
use crate::cache::{Cache, CacheBuilder};
use crate::clock;
use crate::error::Error;
use std::sync::Arc;
use std::time::Duration;

/// A clock that goes on only when the test says so. Clones are the same clock.
///
/// ```
/// use std::time::Duration;
/// use tower_coherence::{Cache, test_util::Clock};
/// let clock = Clock::new();
/// let cache = Cache::builder().clock(clock.clone()).build().unwrap();
/// clock.advance(Duration::from_secs(60)); // what was stored is a minute older
/// # let _ = cache;
/// ```
#[derive(Clone, Debug)]
pub struct Clock(Arc<clock::SetClock>);

impl Clock {
    /// A clock that stands still.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(clock::SetClock::new()))
    }

    /// Lets this much time pass.
    pub fn advance(&self, by: Duration) {
        self.0.advance(by);
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

impl CacheBuilder {
    /// The clock of the cache, for tests: freshness, staleness bound, heartbeats
    /// and timeouts go by it.
    pub fn clock(self, clock: Clock) -> Self {
        self.with_clock(clock::Clock::Set(clock.0))
    }
}

impl Cache {
    /// Waits until all that was invalidated here before is in the log, and all that
    /// the log had then is applied here.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NoRuntime`](crate::ErrorKind::NoRuntime) outside a tokio
    /// runtime.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the wait.
    pub async fn idle(&self) -> Result<(), Error> {
        self.shared().coherence.idle().await
    }
}

/// Several instances on one in-process bus, with the defaults.
///
/// # Panics
///
/// Never: the defaults are possible.
#[must_use]
#[allow(clippy::missing_panics_doc, reason = "the defaults are possible")]
pub fn instances<const N: usize>() -> [Cache; N] {
    let bus = Local::new();
    std::array::from_fn(|_| {
        let instance = Cache::builder().bus(bus.clone()).build();
        instance.expect("the defaults are possible")
    })
}
