//! Random numbers: ids, marks, jitter, keys of fingerprints.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

thread_local! {
    /// The keys of this thread, which come from the operating system.
    static KEYS: RandomState = RandomState::new();
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

/// A random number, unique enough for marks and member ids: a keyed hash of a
/// count. Clients see some of them in their tokens; no other one follows from
/// that, and some are the keys of fingerprints.
pub(crate) fn number() -> u64 {
    let count = COUNT.get().wrapping_add(1);
    COUNT.set(count);
    KEYS.with(|keys| keys.hash_one(count))
}

/// The duration, or up to a quarter less, so that instances do not act in step.
pub(crate) fn jittered(duration: Duration) -> Duration {
    shortened(duration, duration / 4)
}

/// The duration, or up to this much less.
pub(crate) fn shortened(duration: Duration, at_most: Duration) -> Duration {
    let parts = u32::try_from(number() >> 40).unwrap_or(0);
    let part = f64::from(parts) / f64::from(1_u32 << 24);
    let less = Duration::try_from_secs_f64(at_most.as_secs_f64() * part);
    duration.saturating_sub(less.unwrap_or(at_most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_do_not_repeat() {
        let numbers: std::collections::HashSet<u64> = (0..10_000).map(|_| number()).collect();
        assert_eq!(numbers.len(), 10_000);
    }

    #[test]
    fn no_duration_is_too_long_or_too_short_to_be_shortened() {
        for most in [Duration::ZERO, Duration::from_secs(1), Duration::MAX] {
            assert_eq!(shortened(Duration::ZERO, most), Duration::ZERO);
            let shorter = shortened(Duration::MAX, most);
            assert!(Duration::MAX - shorter <= most);
        }
    }

    #[test]
    fn jitter_takes_at_most_a_quarter_away() {
        for _ in 0..1000 {
            let jittered = jittered(Duration::from_secs(4));
            assert!(
                (Duration::from_secs(3)..=Duration::from_secs(4)).contains(&jittered),
                "{jittered:?}"
            );
        }
    }
}
