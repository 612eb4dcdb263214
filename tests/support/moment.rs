//! A clock that all processes of the machine read alike.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Nanoseconds from a beginning that all processes of the machine share.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
pub struct Moment(pub u64);

impl Moment {
    pub fn now() -> Self {
        read()
    }

    /// The time from `earlier` until this; zero if `earlier` is the later one.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// This much later.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(nanos(duration)))
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(target_os = "linux")]
fn read() -> Moment {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let seconds = u64::try_from(time.tv_sec).expect("time goes on from the boot");
    let nanos = u64::try_from(time.tv_nsec).expect("a part of a second");
    Moment(seconds * 1_000_000_000 + nanos)
}

/// Elsewhere the wall clock is what processes share: a test is wrong there if
/// somebody sets it meanwhile.
#[cfg(not(target_os = "linux"))]
#[allow(
    clippy::disallowed_methods,
    reason = "the oracle measures with a clock of its own"
)]
fn read() -> Moment {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Moment(nanos(since.expect("after 1970")))
}
