//! Ranges of bytes (RFC 9110 §14), one at a time.

use super::conditional::{Dating, one_date};
use super::etag::EntityTag;
use super::freshness::date;
use super::list::trim;
use http::header::{HeaderName, IF_RANGE, LAST_MODIFIED, RANGE};
use http::{HeaderMap, HeaderValue, Method};
use std::ops::Range;
use std::time::Duration;

/// Digests of the content of one message (RFC 9530 §2): not those of a part of it.
pub(crate) const OF_WHOLE_CONTENT: [HeaderName; 2] = [
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("content-md5"),
];

/// A range that a client asks for (RFC 9110 §14.1.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ByteRange {
    /// From the first to the last position, or to the end.
    From { first: u64, last: Option<u64> },
    /// So many at the end.
    Last(u64),
}

/// What of a representation a range is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Extent {
    /// All of it, said with a 200.
    Whole,
    Part(Range<usize>),
    Unsatisfiable,
}

/// The range of the stored 200 that the request asks for. None where it asks for the
/// whole of it: by another method or unit, for several ranges, in a form that cannot
/// be read, or with an `If-Range` that does not hold.
pub(crate) fn asked_range(
    method: &Method,
    request: &HeaderMap,
    stored: &HeaderMap,
    dating: Dating,
) -> Option<ByteRange> {
    let mut lines = request.get_all(RANGE).iter();
    let line = lines.next()?;
    if method != Method::GET || lines.next().is_some() || !holds(request, stored, dating) {
        return None;
    }
    ByteRange::parse(line.as_bytes())
}

impl ByteRange {
    fn parse(line: &[u8]) -> Option<Self> {
        let (unit, set) = line.split_at_checked(6)?;
        if !unit.eq_ignore_ascii_case(b"bytes=") {
            return None;
        }
        // A list may have empty members (RFC 9110 §5.6.1.2).
        let mut members = set.split(|byte| *byte == b',').map(trim);
        let mut named = members.by_ref().filter(|member| !member.is_empty());
        let range = named.next()?;
        match named.next() {
            None => Self::one(range),
            Some(_) => None,
        }
    }

    fn one(range: &[u8]) -> Option<Self> {
        let dash = range.iter().position(|byte| *byte == b'-')?;
        let (first, last) = (&range[..dash], &range[dash + 1..]);
        match (first, last) {
            ([], last) => Some(Self::Last(position(last)?)),
            (first, []) => Some(Self::From {
                first: position(first)?,
                last: None,
            }),
            (first, last) => {
                let range = Self::From {
                    first: position(first)?,
                    last: Some(position(last)?),
                };
                (magnitude(first) <= magnitude(last)).then_some(range)
            }
        }
    }

    /// What it is of a representation with so many bytes.
    pub(crate) fn of(self, length: usize) -> Extent {
        let at = |position: u64| usize::try_from(position).unwrap_or(usize::MAX).min(length);
        match self {
            Self::From { first, last } => {
                let end = last.map_or(length, |last| at(last.saturating_add(1)));
                let start = at(first);
                if start == length {
                    return Extent::Unsatisfiable;
                }
                Extent::Part(start..end)
            }
            Self::Last(0) => Extent::Unsatisfiable,
            // Satisfiable, but of no bytes there is no part to name.
            Self::Last(_) if length == 0 => Extent::Whole,
            Self::Last(many) => Extent::Part(length - at(many)..length),
        }
    }
}

/// `Content-Range` of a 206 (RFC 9110 §14.4).
pub(crate) fn content_range(part: &Range<usize>, length: usize) -> HeaderValue {
    let last = part.end.saturating_sub(1);
    written(format!("bytes {}-{last}/{length}", part.start))
}

/// `Content-Range` of a 416.
pub(crate) fn unsatisfied_range(length: usize) -> HeaderValue {
    written(format!("bytes */{length}"))
}

fn written(text: String) -> HeaderValue {
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("bytes */*"))
}

/// Digits only; what is too large is past every end.
fn position(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let step = |position: u64, digit: &u8| {
        position
            .saturating_mul(10)
            .saturating_add(u64::from(digit - b'0'))
    };
    Some(digits.iter().fold(0, step))
}

/// By what digits compare as the numbers they are, however long.
fn magnitude(digits: &[u8]) -> (usize, &[u8]) {
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    let digits = &digits[zeros..];
    (digits.len(), digits)
}

/// `If-Range`, if it is there (RFC 9110 §13.1.5): the same strong tag, or exactly the
/// date of `Last-Modified`, where that is strong (§8.8.2.2): a second or more before
/// `Date`, so that nothing came after it within the same one.
fn holds(request: &HeaderMap, stored: &HeaderMap, dating: Dating) -> bool {
    const SECOND: Duration = Duration::from_secs(1);
    let mut lines = request.get_all(IF_RANGE).iter();
    let line = match (lines.next(), lines.next()) {
        (None, _) => return true,
        (Some(line), None) => trim(line.as_bytes()),
        (Some(_), Some(_)) => return false,
    };
    if let Some(tag) = EntityTag::whole(line) {
        return EntityTag::of(stored).is_some_and(|stored| tag.is_strongly(stored));
    }
    let received = dating.received;
    let (Some(asked), Some(modified), Some(made)) = (
        one_date(request, &IF_RANGE, received),
        one_date(stored, &LAST_MODIFIED, received),
        date(stored, received),
    ) else {
        return false;
    };
    asked == modified && made.duration_since(modified).is_ok_and(|age| age >= SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::UNIX_EPOCH;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    fn asked(
        request: &[(&'static str, &'static str)],
        stored: &[(&'static str, &'static str)],
    ) -> Option<ByteRange> {
        let now = UNIX_EPOCH + Duration::from_secs(1_795_000_000);
        let stored = headers(stored);
        asked_range(
            &Method::GET,
            &headers(request),
            &stored,
            Dating::of(&stored, now),
        )
    }

    fn of(line: &'static str, length: usize) -> Option<Extent> {
        Some(asked(&[("range", line)], &[])?.of(length))
    }

    #[test]
    fn a_range_is_from_to_open_or_a_suffix() {
        for (line, part) in [
            ("bytes=0-0", 0..1),
            ("bytes=2-4", 2..5),
            ("bytes=2-9", 2..10),
            ("bytes=2-99999999999999999999999", 2..10),
            ("bytes=7-", 7..10),
            ("bytes=0-", 0..10),
            ("bytes=-3", 7..10),
            ("bytes=-10", 0..10),
            ("bytes=-99999999999999999999999", 0..10),
            ("BYTES=1-2", 1..3),
            ("bytes=001-2", 1..3),
            ("bytes=1-2,", 1..3),
            ("bytes=, 1-2 ,", 1..3),
        ] {
            assert_eq!(of(line, 10), Some(Extent::Part(part)), "{line}");
        }
    }

    #[test]
    fn a_range_past_the_end_is_unsatisfiable() {
        for line in [
            "bytes=10-",
            "bytes=10-11",
            "bytes=99999999999999999999999-",
            "bytes=18446744073709551615-18446744073709551615",
            "bytes=-0",
        ] {
            assert_eq!(of(line, 10), Some(Extent::Unsatisfiable), "{line}");
        }
        assert_eq!(of("bytes=0-", 0), Some(Extent::Unsatisfiable));
        assert_eq!(of("bytes=-1", 0), Some(Extent::Whole));
    }

    #[test]
    fn several_ranges_other_units_and_what_cannot_be_read_are_ignored() {
        for line in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=,",
            "bytes=1-0",
            "bytes=010-9",
            "bytes=99999999999999999999999-88888888888888888888888",
            "bytes=a-",
            "bytes=0-a",
            "bytes=+0-1",
            "bytes=0--1",
            "bytes=-1-2",
            "bytes=0 -1",
            "bytes=1",
            "bytes =0-1",
            "bytes 0-1",
            "bytes=0-1,3-4",
            "bytes=0-1,x",
            "items=0-1",
        ] {
            assert_eq!(of(line, 10), None, "{line}");
        }
        assert_eq!(
            asked(&[("range", "bytes=0-1"), ("range", "bytes=0-1")], &[]),
            None
        );
    }

    #[test]
    fn only_get_has_ranges() {
        let request = headers(&[("range", "bytes=0-1")]);
        let stored = HeaderMap::new();
        let dating = Dating::of(&stored, UNIX_EPOCH);
        let asked = |method| asked_range(&method, &request, &stored, dating);
        assert!(asked(Method::GET).is_some());
        assert_eq!(asked(Method::HEAD), None);
    }

    #[test]
    fn if_range_holds_for_the_same_strong_tag() {
        for (tag, stored, holds) in [
            ("\"a\"", "\"a\"", true),
            ("\"a\"", "\"b\"", false),
            ("W/\"a\"", "\"a\"", false),
            ("W/\"a\"", "W/\"a\"", false),
            ("\"a\"", "W/\"a\"", false),
            ("a", "a", false),
            ("\"a\", \"b\"", "\"a\"", false),
            ("*", "\"a\"", false),
            ("", "\"a\"", false),
        ] {
            let request = [("range", "bytes=0-1"), ("if-range", tag)];
            let found = asked(&request, &[("etag", stored)]).is_some();
            assert_eq!(found, holds, "{tag} {stored}");
        }
        let twice = [
            ("range", "bytes=0-1"),
            ("if-range", "\"a\""),
            ("if-range", "\"a\""),
        ];
        assert_eq!(asked(&twice, &[("etag", "\"a\"")]), None);
    }

    #[test]
    fn if_range_holds_for_exactly_the_date_of_what_is_a_second_old() {
        const THEN: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
        const NEXT: &str = "Sun, 06 Nov 1994 08:49:38 GMT";
        let holds = |asked_date, stored: &[_]| {
            asked(&[("range", "bytes=0-1"), ("if-range", asked_date)], stored).is_some()
        };
        let stored = [("last-modified", THEN), ("date", NEXT)];
        assert!(holds(THEN, &stored));
        assert!(holds("Sunday, 06-Nov-94 08:49:37 GMT", &stored));
        assert!(!holds(NEXT, &stored), "later is not the same");
        assert!(!holds(THEN, &stored[..1]), "without a date nobody knows");
        assert!(!holds(THEN, &stored[1..]));
        assert!(
            !holds(THEN, &[("last-modified", THEN), ("date", THEN)]),
            "weak"
        );
    }

    #[test]
    fn content_range_counts_from_zero_and_includes_the_last() {
        assert_eq!(content_range(&(2..5), 10), "bytes 2-4/10");
        assert_eq!(unsatisfied_range(10), "bytes */10");
    }
}
