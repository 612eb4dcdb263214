//! How long to wait after a failure.

use crate::random;
use std::time::Duration;

const FIRST: Duration = Duration::from_millis(25);

/// The wait after this many failures in a row: doubling, jittered, and never
/// longer than `longest`.
pub(super) fn after(failures: u32, longest: Duration) -> Duration {
    let doubled = FIRST.saturating_mul(1 << failures.saturating_sub(1).min(20));
    random::jittered(doubled.min(longest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backoff_grows_up_to_its_longest_and_is_never_nothing() {
        let longest = Duration::from_secs(1);
        assert!(after(1, longest) <= FIRST);
        assert!(after(4, longest) > FIRST * 4);
        for failures in [0, 1, 30, u32::MAX] {
            let wait = after(failures, longest);
            assert!(wait <= longest && wait > Duration::ZERO, "{wait:?}");
        }
    }
}
