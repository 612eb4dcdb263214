//! Preconditions that a cache evaluates (RFC 9110 §13, RFC 9111 §4.3.2).

use super::dates::parse_date;
use super::etag::EntityTag;
use super::freshness::date;
use super::list::trim;
use http::header::{
    CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG,
    HeaderName, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, LAST_MODIFIED, RANGE, TRAILER,
    TRANSFER_ENCODING,
};
use http::{HeaderMap, HeaderValue};
use std::time::SystemTime;

/// The fields by which a client asks for less than the whole response.
const CONDITIONS: [HeaderName; 4] = [IF_NONE_MATCH, IF_MODIFIED_SINCE, RANGE, IF_RANGE];

/// What describes content that a 304 does not have.
const OF_CONTENT: [HeaderName; 11] = [
    CONTENT_ENCODING,
    CONTENT_LANGUAGE,
    CONTENT_LENGTH,
    CONTENT_RANGE,
    CONTENT_TYPE,
    TRAILER,
    TRANSFER_ENCODING,
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("content-md5"),
    HeaderName::from_static("digest"),
    HeaderName::from_static("repr-digest"),
];

/// Whether the client may be content with less than the whole response. `If-Range`
/// alone means nothing (RFC 9110 §13.1.5).
pub(crate) fn asks_for_less(request: &HeaderMap) -> bool {
    CONDITIONS[..3]
        .iter()
        .any(|name| request.contains_key(name))
}

/// Removes what a handler must not see whose response is to be stored: it would
/// answer with a 304 or a 206.
pub(crate) fn hide_conditions(request: &mut HeaderMap) {
    for name in &CONDITIONS {
        request.remove(name);
    }
}

/// What dates are compared with, known when a response is received: no hit asks the
/// wall clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Dating {
    modified: Option<SystemTime>,
    /// From where the short years of dates are counted.
    pub(super) received: SystemTime,
}

impl Dating {
    /// When the representation was modified, as far as the handler says:
    /// `Last-Modified`, or `Date` where there is none (RFC 9111 §4.3.2). Asked before
    /// the cache sets a `Date` of its own: that one says nothing. What was written
    /// within the same second, or filled by an instance whose clock is ahead, would
    /// count as unmodified.
    pub(crate) fn of(response: &HeaderMap, received: SystemTime) -> Self {
        let modified = if response.contains_key(LAST_MODIFIED) {
            one_date(response, &LAST_MODIFIED, received)
        } else {
            date(response, received)
        };
        Self { modified, received }
    }

    /// The same by `Last-Modified` alone.
    pub(crate) fn by_last_modified(self, response: &HeaderMap) -> Self {
        let modified = self.modified;
        Self {
            modified: modified.filter(|_| response.contains_key(LAST_MODIFIED)),
            ..self
        }
    }
}

/// Whether the client has the stored 200 already.
pub(crate) fn is_not_modified(request: &HeaderMap, stored: &HeaderMap, dating: Dating) -> bool {
    // RFC 9110 §13.2.2: where there is the one, the other is not looked at.
    if request.contains_key(IF_NONE_MATCH) {
        return names_tag(request, EntityTag::of(stored));
    }
    let since = one_date(request, &IF_MODIFIED_SINCE, dating.received);
    let modified = dating.modified;
    since.is_some_and(|since| modified.is_some_and(|modified| modified <= since))
}

/// Leaves what a 304 has of the fields of its 200 (RFC 9110 §15.4.5).
pub(crate) fn strip_content_fields(headers: &mut HeaderMap) {
    for name in &OF_CONTENT {
        headers.remove(name);
    }
    if headers.contains_key(ETAG) {
        headers.remove(LAST_MODIFIED);
    }
}

/// `If-None-Match`, by weak comparison (RFC 9110 §13.1.2). What follows a member that
/// is no tag is not read on: it could begin inside one.
fn names_tag(request: &HeaderMap, stored: Option<EntityTag<'_>>) -> bool {
    let mut lines = request.get_all(IF_NONE_MATCH).iter();
    if let (Some(line), None) = (lines.next(), lines.next())
        && trim(line.as_bytes()) == b"*"
    {
        return true;
    }
    let Some(stored) = stored else {
        return false;
    };
    let named = |line: &HeaderValue| tags(line.as_bytes()).any(|tag| tag.is_weakly(stored));
    request.get_all(IF_NONE_MATCH).iter().any(named)
}

/// The tags of one line, up to the first member that is none.
fn tags(mut line: &[u8]) -> impl Iterator<Item = EntityTag<'_>> {
    std::iter::from_fn(move || {
        while let [b' ' | b'\t' | b',', rest @ ..] = line {
            line = rest;
        }
        let (tag, rest) = EntityTag::first(line)?;
        let rest = trim(rest);
        // Two tags need a comma between them.
        line = match rest.strip_prefix(b",") {
            Some(rest) => rest,
            None if rest.is_empty() => rest,
            None => return None,
        };
        Some(tag)
    })
}

/// The date of a field that is there once.
pub(super) fn one_date(
    headers: &HeaderMap,
    name: &HeaderName,
    now: SystemTime,
) -> Option<SystemTime> {
    let mut lines = headers.get_all(name).iter();
    match (lines.next(), lines.next()) {
        (Some(line), None) => parse_date(line, now),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

    const EARLIER: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const THEN: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const LATER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            let name = HeaderName::from_static(name);
            (name, HeaderValue::from_static(value))
        };
        let mut headers = HeaderMap::new();
        for (name, value) in lines.iter().map(pair) {
            headers.append(name, value);
        }
        headers
    }

    fn now() -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_795_000_000)
    }

    fn unmodified(
        request: &[(&'static str, &'static str)],
        stored: &[(&'static str, &'static str)],
    ) -> bool {
        let stored = headers(stored);
        is_not_modified(&headers(request), &stored, Dating::of(&stored, now()))
    }

    #[test]
    fn if_none_match_is_a_list_and_compared_weakly() {
        for (line, expected) in [
            ("\"a\"", true),
            ("W/\"a\"", true),
            ("\"b\"", false),
            ("\"b\", W/\"a\"", true),
            ("\"b\",,\t\"a\" ,", true),
            (",\"a\"", true),
            ("\"b,\\\",\"a\"", true),
            ("*", true),
            (" * ", true),
            ("a", false),
            ("", false),
            ("\"A\"", false),
            ("*, \"b\"", false),
            ("x, \"a\"", false),
            ("\"b\" \"a\"", false),
            ("\"b\"x, \"a\"", false),
            ("\"b, \"a\"", false),
        ] {
            for stored in ["\"a\"", "W/\"a\""] {
                let found = unmodified(&[("if-none-match", line)], &[("etag", stored)]);
                assert_eq!(found, expected, "{line}");
            }
        }
        let two = [("if-none-match", "\"b\""), ("if-none-match", "\"a\"")];
        assert!(unmodified(&two, &[("etag", "\"a\"")]));
        let stars = [("if-none-match", "*"), ("if-none-match", "*")];
        assert!(!unmodified(&stars, &[("etag", "\"a\"")]));
    }

    #[test]
    fn without_a_tag_only_a_star_matches() {
        for stored in [
            &[][..],
            &[("etag", "a")],
            &[("etag", "\"a\""), ("etag", "\"a\"")],
        ] {
            assert!(!unmodified(&[("if-none-match", "\"a\"")], stored));
            assert!(unmodified(&[("if-none-match", "*")], stored));
        }
    }

    #[test]
    fn if_modified_since_is_compared_with_last_modified_or_else_with_date() {
        for name in ["last-modified", "date"] {
            let stored = [(name, THEN)];
            for (since, expected) in [(EARLIER, false), (THEN, true), (LATER, true)] {
                let found = unmodified(&[("if-modified-since", since)], &stored);
                assert_eq!(found, expected, "{name} {since}");
            }
        }
        let since = [("if-modified-since", THEN)];
        assert!(!unmodified(
            &since,
            &[("last-modified", LATER), ("date", EARLIER)]
        ));
        assert!(!unmodified(
            &since,
            &[("last-modified", "x"), ("date", EARLIER)]
        ));
        assert!(!unmodified(&since, &[]));
    }

    #[test]
    fn what_is_not_one_date_is_no_condition() {
        let stored = [("last-modified", EARLIER)];
        for since in ["", "0", "now", "Sun, 06 Nov 1994 08:49:37 UTC"] {
            assert!(
                !unmodified(&[("if-modified-since", since)], &stored),
                "{since}"
            );
        }
        let two = [("if-modified-since", THEN), ("if-modified-since", THEN)];
        assert!(!unmodified(&two, &stored));
        let short = [("if-modified-since", "Sunday, 06-Nov-94 08:49:37 GMT")];
        assert!(unmodified(&short, &stored));
    }

    #[test]
    fn beside_if_none_match_the_date_is_not_looked_at() {
        let stored = [("etag", "\"a\""), ("last-modified", EARLIER)];
        let other = [("if-none-match", "\"b\""), ("if-modified-since", LATER)];
        assert!(!unmodified(&other, &stored));
        let same = [("if-none-match", "\"a\""), ("if-modified-since", "x")];
        assert!(unmodified(&same, &stored));
        assert!(!unmodified(&[("if-none-match", ""), other[1]], &stored));
    }

    #[test]
    fn a_handler_sees_none_of_the_conditions() {
        let mut request = headers(&[
            ("if-none-match", "\"a\""),
            ("if-none-match", "\"b\""),
            ("if-modified-since", THEN),
            ("range", "bytes=0-"),
            ("if-range", "\"a\""),
            ("accept", "x"),
        ]);
        assert!(asks_for_less(&request));
        hide_conditions(&mut request);
        assert_eq!(request, headers(&[("accept", "x")]));
        assert!(!asks_for_less(&request));
        assert!(!asks_for_less(&headers(&[("if-range", "\"a\"")])));
    }

    #[test]
    fn a_304_has_the_fields_of_its_200_but_for_those_of_the_content() {
        let mut stored = headers(&[
            ("cache-control", "max-age=1"),
            ("content-location", "/b"),
            ("date", THEN),
            ("etag", "\"a\""),
            ("expires", LATER),
            ("vary", "accept"),
            ("x-own", "1"),
        ]);
        let kept = stored.clone();
        for name in OF_CONTENT.iter().chain(&[LAST_MODIFIED]) {
            stored.insert(name, HeaderValue::from_static("x"));
        }
        strip_content_fields(&mut stored);
        assert_eq!(stored, kept);
        let mut dated = headers(&[("last-modified", THEN)]);
        strip_content_fields(&mut dated);
        assert_eq!(dated, headers(&[("last-modified", THEN)]));
    }
}
