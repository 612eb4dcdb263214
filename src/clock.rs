//! Where "now" is read, and nowhere else.
//!
//! Order and bounds use the monotonic reading, which goes on while the machine
//! sleeps (`CLOCK_BOOTTIME` on Linux; [`Instant`](std::time::Instant) stops
//! there). The wall clock is for the `Date` field of HTTP only.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::sync::watch;

/// A monotonic reading, in nanoseconds from an arbitrary beginning.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub(crate) struct Moment(pub(crate) u64);

impl Moment {
    /// The time from `earlier` until this; zero if `earlier` is the later one.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// This much later.
    pub(crate) fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(nanos(duration)))
    }
}

/// The duration in nanoseconds; 584 years at most.
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// The clock of one cache.
#[derive(Clone, Debug, Default)]
pub(crate) enum Clock {
    #[default]
    Real,
    Set(Arc<SetClock>),
}

impl Clock {
    /// The monotonic reading.
    pub(crate) fn now(&self) -> Moment {
        match self {
            Self::Real => boot_time(),
            Self::Set(clock) => *clock.now.borrow(),
        }
    }

    /// The wall clock, for `Date` only.
    pub(crate) fn wall(&self) -> SystemTime {
        match self {
            Self::Real => system_time(),
            Self::Set(clock) => clock.started + Duration::from_nanos(clock.now.borrow().0),
        }
    }

    /// Waits until the clock has gone on by `duration`.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the wait and changes nothing.
    pub(crate) async fn sleep(&self, duration: Duration) {
        match self {
            Self::Real => tokio::time::sleep(duration).await,
            Self::Set(clock) => clock.sleep(duration).await,
        }
    }

    /// Runs the future for at most `limit`. `None`: the time was up first. The time
    /// is looked at even where the future has used up the budget of its task.
    ///
    /// # Cancel safety
    ///
    /// As cancel safe as the future is.
    pub(crate) async fn timeout<F: Future>(&self, limit: Duration, future: F) -> Option<F::Output> {
        tokio::select! {
            biased;
            output = future => Some(output),
            () = tokio::task::coop::unconstrained(self.sleep(limit)) => None,
        }
    }
}

/// A clock that a test sets.
#[derive(Debug)]
pub(crate) struct SetClock {
    /// Changed by `advance` only.
    now: watch::Sender<Moment>,
    /// The wall clock when the reading was zero: it begins as the real one.
    started: SystemTime,
    /// Held while the clock advances, so that advances add up.
    advancing: Mutex<()>,
}

impl SetClock {
    /// Begins an hour after its own beginning, so that a test can also ask for
    /// things that are older than it.
    pub(crate) fn new() -> Self {
        let now = Moment::default().plus(Duration::from_secs(3600));
        Self {
            now: watch::Sender::new(now),
            started: system_time() - Duration::from_secs(3600),
            advancing: Mutex::new(()),
        }
    }

    pub(crate) fn advance(&self, by: Duration) {
        let _advancing = self
            .advancing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        self.now.send_modify(|now| *now = now.plus(by));
    }

    async fn sleep(&self, duration: Duration) {
        let mut now = self.now.subscribe();
        let until = now.borrow().plus(duration);
        // An error would mean that the clock is gone; `self` holds it.
        let _ = now.wait_for(|now| *now >= until).await;
    }
}

#[cfg(target_os = "linux")]
fn boot_time() -> Moment {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanos = u64::try_from(time.tv_nsec).unwrap_or(0);
    Moment(seconds.saturating_mul(1_000_000_000).saturating_add(nanos))
}

/// Elsewhere the monotonic clock may stop while the machine sleeps: a suspended
/// process is then excluded from the staleness bound, like a stopped one on a
/// stopped virtual machine.
#[cfg(not(target_os = "linux"))]
#[allow(
    clippy::disallowed_methods,
    reason = "this is the one place that reads the clock"
)]
fn boot_time() -> Moment {
    use std::sync::OnceLock;
    use std::time::Instant;
    static BEGINNING: OnceLock<Instant> = OnceLock::new();
    let beginning = *BEGINNING.get_or_init(Instant::now);
    Moment(nanos(beginning.elapsed())).plus(Duration::from_secs(3600))
}

#[allow(
    clippy::disallowed_methods,
    reason = "this is the one place that reads the clock"
)]
fn system_time() -> SystemTime {
    SystemTime::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_real_clock_goes_forward() {
        let first = Clock::Real.now();
        assert!(Clock::Real.now() >= first);
        assert!(first > Moment::default());
    }

    #[tokio::test]
    async fn a_sleep_on_a_set_clock_ends_when_the_clock_is_advanced_that_far() {
        let set = Arc::new(SetClock::new());
        let clock = Clock::Set(set.clone());
        let sleep = clock.sleep(Duration::from_secs(5));
        tokio::pin!(sleep);
        assert!(futures_util::poll!(sleep.as_mut()).is_pending());
        set.advance(Duration::from_secs(4));
        assert!(futures_util::poll!(sleep.as_mut()).is_pending());
        set.advance(Duration::from_secs(1));
        sleep.await;
    }
}
