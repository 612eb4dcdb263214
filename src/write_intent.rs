//! What a write will make stale, said before its handler runs.

use crate::concern::WriteConcern;
use crate::target::Target;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// The longest time that an intent is believed. One that says more has this.
pub(crate) const LONGEST: Duration = Duration::from_secs(7200);

/// Which write it is: random.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct IntentId(pub(crate) u64);

/// A write that is about to begin.
///
/// Should nobody ever hear that it has ended, its targets are invalidated when its
/// time is up: then its handler has committed, or never will.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct WriteIntent {
    pub(crate) id: IntentId,
    /// Counted by each instance from when it hears of it, which is later than the
    /// beginning.
    pub(crate) lasts: Duration,
    pub(crate) targets: Vec<Target>,
}

impl WriteIntent {
    /// For how long the others count with a write whose handler takes this long at
    /// most. The announcement takes time too, and clocks have their rates.
    pub(crate) fn lasts_for(time: Duration) -> Duration {
        time + time / 1000 + WriteConcern::PUBLISHED_WITHIN
    }
}

impl fmt::Display for IntentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Not sixteen hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct NotAnId;

impl FromStr for IntentId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let plain = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let id = plain.then(|| u64::from_str_radix(text, 16).ok()).flatten();
        id.map(Self).ok_or(NotAnId)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_and_nothing_else_is_one() {
        for id in [0, 1, u64::MAX].map(IntentId) {
            assert_eq!(id.to_string().parse(), Ok(id));
        }
        for text in [
            "",
            "1",
            "+000000000000001",
            "00000000000000001",
            "é00000000000000",
        ] {
            assert_eq!(text.parse::<IntentId>(), Err(NotAnId), "{text}");
        }
    }
}
