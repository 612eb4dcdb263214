//! Asking the handler whether a stored response still holds (RFC 9111 §4.3).

use super::dates::parse_date;
use super::etag::EntityTag;
use super::strip_unstored;
use http::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, DATE, ETAG, HeaderName, IF_MODIFIED_SINCE,
    IF_NONE_MATCH, LAST_MODIFIED,
};
use http::{HeaderMap, StatusCode};
use std::time::SystemTime;

/// By what a handler can be asked about a stored response.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Validators {
    /// An `ETag` of the handler.
    pub(crate) tag: bool,
    /// A `Last-Modified`.
    pub(crate) date: bool,
}

impl Validators {
    /// Those that the handler gave. Asked before the cache makes a tag of its own, which
    /// the handler would not know.
    /// Only a success is asked about (RFC 9110 §13.2.1).
    pub(crate) fn of(status: StatusCode, response: &HeaderMap, received: SystemTime) -> Self {
        if !status.is_success() {
            return Self::default();
        }
        let date = response.get(LAST_MODIFIED);
        Self {
            tag: EntityTag::of(response).is_some(),
            date: date.is_some_and(|date| parse_date(date, received).is_some()),
        }
    }

    pub(crate) fn is_empty(self) -> bool {
        !self.tag && !self.date
    }

    /// Without the date: within its second, it does not tell two responses apart.
    pub(crate) fn exact(self) -> Self {
        Self {
            date: false,
            ..self
        }
    }

    /// Makes the request a question about the stored response (RFC 9111 §4.3.1).
    pub(crate) fn ask(self, request: &mut HeaderMap, stored: &HeaderMap) {
        let mut copy = |from: &HeaderName, to: HeaderName| {
            if let Some(value) = stored.get(from) {
                request.insert(to, value.clone());
            }
        };
        if self.tag {
            copy(&ETAG, IF_NONE_MATCH);
        }
        if self.date {
            copy(&LAST_MODIFIED, IF_MODIFIED_SINCE);
        }
    }
}

/// Whether a 304 is about the stored response: a tag that it has is the same one
/// (RFC 9111 §4.3.4).
pub(crate) fn confirms(update: &HeaderMap, stored: &HeaderMap) -> bool {
    if !update.contains_key(ETAG) {
        return true;
    }
    match (EntityTag::of(update), EntityTag::of(stored)) {
        (Some(new), Some(old)) if new.weak => new.is_weakly(old),
        (Some(new), Some(old)) => new.is_strongly(old),
        _ => false,
    }
}

/// Whether the fields of a HEAD are those of another response than the stored one: of its
/// tag, its date and its length each that they have has to be the same
/// (RFC 9111 §4.3.5).
pub(crate) fn is_of_another(head: &HeaderMap, stored: &HeaderMap, length: usize) -> bool {
    let differs = |name: &HeaderName| head.contains_key(name) && head.get(name) != stored.get(name);
    let declared = head.get(CONTENT_LENGTH).map(|length| length.as_bytes());
    let other_length = declared.is_some_and(|declared| declared != length.to_string().as_bytes());
    differs(&ETAG) || differs(&LAST_MODIFIED) || other_length
}

/// What a 304 does not change: the stored bytes are as they are (RFC 9111 §3.2).
const OF_THE_BYTES: [HeaderName; 7] = [
    CONTENT_LENGTH,
    CONTENT_ENCODING,
    CONTENT_RANGE,
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("content-md5"),
    HeaderName::from_static("digest"),
    HeaderName::from_static("repr-digest"),
];

/// The fields of the stored response, after a 304 (RFC 9111 §3.2): each one that the
/// 304 has takes the place of all lines of that name. The `Date` goes with the answer
/// that brought it: where the 304 has none, there is none.
pub(crate) fn updated(stored: &HeaderMap, update: &HeaderMap) -> HeaderMap {
    let mut update = update.clone();
    // `Age` is no stored field, and is read of the 304.
    let age = update.remove(http::header::AGE);
    strip_unstored(&mut update);
    let mut fields = stored.clone();
    fields.remove(DATE);
    fields.remove(http::header::AGE);
    for name in update.keys().filter(|name| !OF_THE_BYTES.contains(name)) {
        fields.remove(name);
        for value in update.get_all(name) {
            fields.append(name, value.clone());
        }
    }
    if let Some(age) = age {
        fields.insert(http::header::AGE, age);
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use std::time::UNIX_EPOCH;

    fn fields(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut fields = HeaderMap::new();
        for (name, value) in lines {
            fields.append(*name, HeaderValue::from_static(value));
        }
        fields
    }

    fn validators(lines: &[(&'static str, &'static str)]) -> Validators {
        Validators::of(StatusCode::OK, &fields(lines), UNIX_EPOCH)
    }

    const TAG: (&str, &str) = ("etag", "\"a\"");
    const DAY: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

    #[test]
    fn a_handler_is_asked_by_its_tag_and_its_date() {
        let stored = fields(&[TAG, ("last-modified", DAY)]);
        let by = Validators::of(StatusCode::OK, &stored, UNIX_EPOCH);
        let mut request = fields(&[("if-none-match", "\"client\"")]);
        by.ask(&mut request, &stored);
        let asked = fields(&[("if-none-match", "\"a\""), ("if-modified-since", DAY)]);
        assert_eq!(request, asked);
        let mut request = HeaderMap::new();
        by.exact().ask(&mut request, &stored);
        assert_eq!(request, fields(&[("if-none-match", "\"a\"")]));
    }

    #[test]
    fn what_is_no_tag_and_no_date_asks_nothing() {
        assert!(validators(&[]).is_empty());
        assert!(validators(&[("etag", "a"), ("last-modified", "today")]).is_empty());
        assert!(validators(&[TAG, TAG]).is_empty());
        assert!(!validators(&[("etag", "W/\"a\"")]).is_empty());
        assert!(validators(&[("last-modified", DAY)]).exact().is_empty());
        let of = |status| Validators::of(status, &fields(&[TAG]), UNIX_EPOCH).is_empty();
        assert!(of(StatusCode::NOT_FOUND) && !of(StatusCode::NO_CONTENT));
    }

    #[test]
    fn a_304_with_another_tag_is_about_something_else() {
        for (update, stored, expected) in [
            (None, "\"a\"", true),
            (Some("\"a\""), "\"a\"", true),
            (Some("\"b\""), "\"a\"", false),
            (Some("W/\"a\""), "\"a\"", true),
            (Some("\"a\""), "W/\"a\"", false),
            (Some("W/\"b\""), "\"a\"", false),
            (Some("b"), "\"a\"", false),
        ] {
            let update = update.map_or_else(HeaderMap::new, |tag| fields(&[("etag", tag)]));
            let stored = fields(&[("etag", stored)]);
            assert_eq!(
                confirms(&update, &stored),
                expected,
                "{update:?} {stored:?}"
            );
        }
        assert!(!confirms(&fields(&[TAG]), &HeaderMap::new()));
    }

    #[test]
    fn a_304_replaces_all_lines_of_its_fields_but_for_those_of_the_bytes() {
        let stored = fields(&[
            ("x-a", "1"),
            ("x-a", "2"),
            ("x-b", "1"),
            ("content-length", "5"),
            ("content-encoding", "gzip"),
            ("content-type", "text/a"),
            ("content-md5", "x"),
            ("date", DAY),
        ]);
        let update = fields(&[
            ("x-a", "3"),
            ("x-a", "4"),
            ("x-c", "1"),
            ("content-length", "0"),
            ("content-encoding", "br"),
            ("content-md5", "y"),
            ("repr-digest", "y"),
            ("content-type", "text/b"),
            ("connection", "x-hop"),
            ("x-hop", "1"),
            ("keep-alive", "1"),
            ("age", "3"),
        ]);
        let expected = fields(&[
            ("x-b", "1"),
            ("content-length", "5"),
            ("content-encoding", "gzip"),
            ("content-md5", "x"),
            ("x-a", "3"),
            ("x-a", "4"),
            ("x-c", "1"),
            ("content-type", "text/b"),
            ("age", "3"),
        ]);
        assert_eq!(updated(&stored, &update), expected);
    }

    #[test]
    fn a_head_is_of_another_response_if_a_field_that_it_has_differs() {
        let stored = fields(&[TAG, ("last-modified", DAY)]);
        for (head, expected) in [
            (&[][..], false),
            (&[TAG], false),
            (&[("etag", "\"b\"")], true),
            (&[("etag", "W/\"a\"")], true),
            (&[("last-modified", DAY), ("content-length", "3")], false),
            (&[("last-modified", "Sun, 06 Nov 1994 08:49:38 GMT")], true),
            (&[TAG, ("content-length", "4")], true),
            (&[("content-length", "x")], true),
        ] {
            assert_eq!(
                is_of_another(&fields(head), &stored, 3),
                expected,
                "{head:?}"
            );
        }
        assert!(is_of_another(&fields(&[TAG]), &HeaderMap::new(), 3));
    }
}
