//! Random numbers: ids, marks, jitter, keys of fingerprints.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

thread_local! {
    /// The state of this thread's generator. `RandomState` takes its keys from
    /// the operating system.
    static STATE: Cell<u64> = Cell::new(RandomState::new().hash_one(std::thread::current().id()));
}

/// A random number (SplitMix64 from a random start). Unique enough for marks and
/// member ids; not a secret.
pub(crate) fn number() -> u64 {
    STATE.with(|state| {
        let next = state.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        state.set(next);
        let mixed = (next ^ (next >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    })
}

/// The duration, or up to a quarter less, so that instances do not act in step.
pub(crate) fn jittered(duration: Duration) -> Duration {
    let quarter = duration / 4;
    let parts = u32::try_from(number() >> 40).unwrap_or(0);
    duration - quarter.mul_f64(f64::from(parts) / f64::from(1_u32 << 24))
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
