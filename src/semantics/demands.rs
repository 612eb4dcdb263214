//! What a client demands of a stored response (RFC 9111 §5.2.1, §5.4).

use super::cache_control::{delta_seconds, members};
use http::HeaderMap;
use http::header::{CACHE_CONTROL, PRAGMA};
use std::time::Duration;

/// What a request says of how fresh its answer has to be. Of what it says twice the
/// stricter counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Demands {
    /// Also where a line cannot be read.
    pub(crate) no_cache: bool,
    pub(crate) only_if_cached: bool,
    max_age: Option<Duration>,
    min_fresh: Option<Duration>,
    max_stale: Option<Duration>,
    pub(crate) if_error: Option<Duration>,
}

/// What is known of a stored response that may be used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Freshness {
    pub(crate) age: Duration,
    pub(crate) lifetime: Duration,
    /// For how long it is not fresh any more.
    pub(crate) stale_for: Duration,
    /// Whether nothing forbids to serve it stale.
    pub(crate) may_be_stale: bool,
}

impl Demands {
    pub(crate) fn of(request: &HeaderMap) -> Self {
        let mut demands = Self::default();
        for line in request.get_all(CACHE_CONTROL) {
            let Some(members) = line.to_str().ok().and_then(members) else {
                demands.no_cache = true;
                continue;
            };
            for (name, member) in members {
                demands.note(name, member);
            }
        }
        if !request.contains_key(CACHE_CONTROL) {
            let pragmas = request.get_all(PRAGMA).iter();
            let members = pragmas.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
            let says = |member: &[u8]| member.trim_ascii().eq_ignore_ascii_case(b"no-cache");
            demands.no_cache |= members.into_iter().any(says);
        }
        demands
    }

    fn note(&mut self, name: &str, member: &str) {
        let argument = member.split_once('=').map(|(_, argument)| argument.trim());
        let argument = argument.map(|argument| argument.trim_matches('"'));
        let seconds = argument.and_then(|argument| delta_seconds(argument.as_bytes()));
        let at_most = |before: Option<Duration>, now: Duration| {
            Some(before.map_or(now, |before| before.min(now)))
        };
        let at_least = |before: Option<Duration>, now: Duration| {
            Some(before.map_or(now, |before| before.max(now)))
        };
        match name.to_ascii_lowercase().as_str() {
            "no-cache" => self.no_cache = true,
            "only-if-cached" => self.only_if_cached = true,
            // What is no number of seconds demands the most, and allows nothing.
            "max-age" => self.max_age = at_most(self.max_age, seconds.unwrap_or_default()),
            "min-fresh" => {
                let seconds = seconds.unwrap_or(Duration::MAX);
                self.min_fresh = at_least(self.min_fresh, seconds);
            }
            "max-stale" => {
                let any = Duration::MAX;
                let seconds = argument.map_or(any, |_| seconds.unwrap_or_default());
                self.max_stale = at_most(self.max_stale, seconds);
            }
            "stale-if-error" => {
                self.if_error = at_most(self.if_error, seconds.unwrap_or_default());
            }
            _ => {}
        }
    }

    /// Whether such a response is not fresh enough, whoever else would serve it.
    pub(crate) fn refuse(&self, by: Freshness) -> bool {
        let too_old = self.max_age.is_some_and(|most| by.age > most);
        let left = by.lifetime.saturating_sub(by.age);
        let too_late = self.min_fresh.is_some_and(|least| left < least);
        self.no_cache || too_old || too_late
    }

    /// Whether a response that is stale will do.
    pub(crate) fn allow_stale(&self, by: Freshness) -> bool {
        let within = self.max_stale.is_some_and(|most| by.stale_for <= most);
        by.may_be_stale && within && !self.refuse(by)
    }

    /// Whether it says nothing of this.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};

    fn of(lines: &[(HeaderName, &'static str)]) -> Demands {
        let mut request = HeaderMap::new();
        for (name, value) in lines {
            request.append(name, HeaderValue::from_static(value));
        }
        Demands::of(&request)
    }

    /// Whether a response of this age and 60 s of lifetime will do.
    fn will_do(line: &'static str, age: u64, may_be_stale: bool) -> bool {
        let age = Duration::from_secs(age);
        let lifetime = Duration::from_secs(60);
        let demands = of(&[(CACHE_CONTROL, line)]);
        let by = Freshness {
            age,
            lifetime,
            stale_for: age.saturating_sub(lifetime),
            may_be_stale,
        };
        (age < lifetime && !demands.refuse(by)) || demands.allow_stale(by)
    }

    #[test]
    fn how_fresh_is_fresh_enough_is_the_clients_to_say() {
        for (line, age, expected) in [
            ("", 59, true),
            ("", 60, false),
            ("no-cache", 0, false),
            ("NO-CACHE=\"x\"", 0, false),
            ("max-age=10", 10, true),
            ("max-age=10", 11, false),
            ("max-age=0", 1, false),
            ("max-age=x", 1, false),
            ("min-fresh=10", 50, true),
            ("min-fresh=10", 51, false),
            ("min-fresh=x", 0, false),
            ("max-stale=5", 65, true),
            ("max-stale=\"5\"", 66, false),
            ("max-stale", 10_000, true),
            ("max-stale=x", 61, false),
            ("max-stale, max-stale=5", 66, false),
            ("max-age=10, max-age=20", 15, false),
            ("min-fresh=1, min-fresh=20", 45, false),
            ("max-stale=5, max-age=10", 65, false),
            ("x=\"no-cache", 0, false),
            ("x=\"no-cache\"", 0, true),
        ] {
            assert_eq!(will_do(line, age, true), expected, "{line} {age}");
        }
        assert!(!will_do("max-stale=5", 61, false));
    }

    #[test]
    fn pragma_counts_where_there_is_no_cache_control() {
        assert!(of(&[(PRAGMA, "x, No-Cache")]).no_cache);
        assert!(!of(&[(PRAGMA, "no-cache"), (CACHE_CONTROL, "x")]).no_cache);
        assert!(!of(&[(PRAGMA, "no-cached")]).no_cache);
    }

    #[test]
    fn the_others_are_read_too() {
        let read = of(&[(CACHE_CONTROL, "only-if-cached, stale-if-error=7")]);
        assert!(read.only_if_cached);
        assert_eq!(read.if_error, Some(Duration::from_secs(7)));
        assert!(of(&[]).is_empty() && !read.is_empty());
    }
}
