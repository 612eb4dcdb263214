//! What those behind this cache are told, where a route changes it (RFC 9111 §5.2.2,
//! RFC 9213 §2.3).

use super::cache_control::{CacheControl, members};
use super::dates::{http_date, parse_date};
use super::freshness::{age, date, write_age};
use http::header::{AGE, CACHE_CONTROL, DATE, EXPIRES};
use http::{HeaderMap, HeaderValue};
use std::time::{Duration, SystemTime};

/// What a `Cache-Control` is made to say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stricter {
    NoCache,
    NoStore,
}

/// Directives that let others keep a response, or say for how long.
const PERMISSIONS: [&str; 6] = [
    "public",
    "max-age",
    "s-maxage",
    "immutable",
    "stale-while-revalidate",
    "stale-if-error",
];

impl Stricter {
    fn word(self) -> &'static str {
        match self {
            Self::NoCache => "no-cache",
            Self::NoStore => "no-store",
        }
    }

    /// `must-understand` takes the place of a `no-store` beside it (RFC 9111 §5.2.2.3).
    fn replaces(self, name: &str) -> bool {
        let is = |other: &&str| name.eq_ignore_ascii_case(other);
        is(&self.word())
            || PERMISSIONS.iter().any(is)
            || (self == Self::NoStore && is(&"must-understand"))
    }
}

/// The `Cache-Control` of the response with this word instead of its permissions. What
/// else it demands stays; where that cannot be read, it is `no-store`.
pub(crate) fn stricter(response: &HeaderMap, than: Stricter) -> HeaderValue {
    const NOTHING_KEPT: HeaderValue = HeaderValue::from_static("no-store");
    let mut text = than.word().to_owned();
    for line in response.get_all(CACHE_CONTROL) {
        let Some(members) = line.to_str().ok().and_then(members) else {
            return NOTHING_KEPT;
        };
        for (name, member) in members {
            if !than.replaces(name) {
                text.push_str(", ");
                text.push_str(member);
            }
        }
    }
    HeaderValue::try_from(text).unwrap_or(NOTHING_KEPT)
}

/// Whether a response with these directives forbids itself that a shared cache stores
/// it, or may do so in a line that cannot be read.
pub(crate) fn keeps_to_itself(directives: &CacheControl) -> bool {
    directives.no_store || directives.private || directives.unreadable
}

/// The fields by which those behind us count the age of a response, as they were when
/// it came.
#[derive(Clone, Debug)]
pub(crate) struct Dated {
    date: SystemTime,
    expires: Option<SystemTime>,
    age: Option<Duration>,
}

impl Dated {
    pub(crate) fn of(response: &HeaderMap, received: SystemTime) -> Self {
        let mut expires = response.get_all(EXPIRES).iter();
        let expires = match (expires.next(), expires.next()) {
            (Some(line), None) => parse_date(line, received),
            _ => None,
        };
        Self {
            date: date(response, received).unwrap_or(received),
            expires,
            age: age(response),
        }
    }

    /// As if the response had come `resident` later than it did. An `Expires` that is no
    /// date stays: it is in the past.
    pub(crate) fn write(&self, headers: &mut HeaderMap, resident: Duration) {
        let later = |time: SystemTime| time.checked_add(resident).unwrap_or(time);
        headers.insert(DATE, http_date(later(self.date)));
        if let Some(expires) = self.expires {
            headers.insert(EXPIRES, http_date(later(expires)));
        }
        match self.age {
            Some(age) => write_age(headers, age),
            None => {
                headers.remove(AGE);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::UNIX_EPOCH;

    fn with(lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            let line = HeaderValue::from_bytes(line.as_bytes()).unwrap();
            headers.append(CACHE_CONTROL, line);
        }
        headers
    }

    fn no_cache(lines: &[&str]) -> HeaderValue {
        stricter(&with(lines), Stricter::NoCache)
    }

    #[test]
    fn permissions_go_and_demands_stay() {
        for (lines, expected) in [
            (&[][..], "no-cache"),
            (&[" , ,"], "no-cache"),
            (&["public, max-age=60, S-MaxAge=\"9\""], "no-cache"),
            (
                &["immutable, stale-while-revalidate=9, stale-if-error=9"],
                "no-cache",
            ),
            (&["no-cache=\"x, y\", no-cache"], "no-cache"),
            (
                &["private=\"a, b\",max-age=9 , no-transform"],
                "no-cache, private=\"a, b\", no-transform",
            ),
            (
                &["no-store, must-understand"],
                "no-cache, no-store, must-understand",
            ),
            (
                &["must-revalidate", "proxy-revalidate,max-age=1"],
                "no-cache, must-revalidate, proxy-revalidate",
            ),
            (
                &["ext=\"max-age=1, public\", Other"],
                "no-cache, ext=\"max-age=1, public\", Other",
            ),
        ] {
            assert_eq!(no_cache(lines), expected, "{lines:?}");
        }
        let none = stricter(
            &with(&["no-store, must-understand, private, max-age=1"]),
            Stricter::NoStore,
        );
        assert_eq!(none, "no-store, private");
    }

    #[test]
    fn what_cannot_be_read_is_kept_by_nobody() {
        for line in ["private, ext=\"open", "a\"b", "caf\u{e9}"] {
            assert_eq!(no_cache(&["max-age=1", line]), "no-store", "{line}");
        }
    }

    #[test]
    fn all_that_counts_age_is_later_by_the_time_in_memory() {
        let received = UNIX_EPOCH + Duration::from_secs(784_111_777);
        let minute = Duration::from_secs(60);
        let mut headers = HeaderMap::new();
        headers.insert(
            EXPIRES,
            HeaderValue::from_static("Sun, 06 Nov 1994 08:50:07 GMT"),
        );
        headers.insert(
            DATE,
            HeaderValue::from_static("Sun, 06 Nov 1994 08:49:27 GMT"),
        );
        let dated = Dated::of(&headers, received);
        write_age(&mut headers, minute);
        dated.write(&mut headers, minute);
        assert_eq!(headers[DATE], "Sun, 06 Nov 1994 08:50:27 GMT");
        assert_eq!(headers[EXPIRES], "Sun, 06 Nov 1994 08:51:07 GMT");
        assert!(!headers.contains_key(AGE));
        // An age that came with it is the handler's, and a date that did not is ours.
        let mut headers = HeaderMap::new();
        headers.insert(EXPIRES, HeaderValue::from_static("0"));
        headers.insert(AGE, HeaderValue::from_static("7"));
        let dated = Dated::of(&headers, received);
        headers.insert(AGE, HeaderValue::from_static("67"));
        dated.write(&mut headers, minute);
        assert_eq!(headers[DATE], "Sun, 06 Nov 1994 08:50:37 GMT");
        assert_eq!(
            (&headers[EXPIRES], &headers[AGE]),
            (&"0".parse().unwrap(), &"7".parse().unwrap())
        );
    }

    /// Whether `after` leaves no more to anybody than `before`.
    fn is_no_looser(before: &CacheControl, after: &CacheControl) -> bool {
        let stays = |before: bool, after: bool| after || !before;
        let permits = after.public || after.max_age.is_some() || after.s_maxage.is_some();
        if after.unreadable || permits || !stays(before.unreadable, after.no_store) {
            return false;
        }
        let keeps_nothing = after.no_store && !after.must_understand;
        keeps_nothing
            || (after.no_cache
                && stays(before.no_store, after.no_store)
                && stays(before.private, after.private)
                && stays(before.must_revalidate, after.must_revalidate)
                && stays(before.proxy_revalidate, after.proxy_revalidate)
                && before.must_understand == after.must_understand)
    }

    fn line() -> impl Strategy<Value = String> {
        let words = prop::sample::select(vec![
            "no-store",
            "no-cache",
            "private",
            "public",
            "must-revalidate",
            "proxy-revalidate",
            "must-understand",
            "max-age=60",
            "s-maxage=60",
            "immutable",
            "ext",
            "\"",
            "=",
            "\\",
            ",",
            ", ",
            " ",
            "=\"",
            "\",",
            "MAX-AGE=7",
            "Private=\"x, public\"",
        ]);
        prop::collection::vec(words, 0..9).prop_map(|words| words.concat())
    }

    proptest! {
        #[test]
        fn what_leaves_is_never_looser_than_what_the_handler_said(
            lines in prop::collection::vec(line(), 0..3),
        ) {
            let headers = with(&lines.iter().map(String::as_str).collect::<Vec<_>>());
            let before = CacheControl::of(&headers);
            for than in [Stricter::NoCache, Stricter::NoStore] {
                let mut left = HeaderMap::new();
                left.insert(CACHE_CONTROL, stricter(&headers, than));
                let after = CacheControl::of(&left);
                prop_assert!(is_no_looser(&before, &after), "{:?}", left);
                prop_assert!(than == Stricter::NoCache || after.no_store);
            }
        }
    }
}
