//! Entity tags (RFC 9110 §8.8.3).

use http::HeaderMap;
use http::header::ETAG;

/// An entity tag, as it stands in a field.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct EntityTag<'a> {
    pub(super) weak: bool,
    /// Between the quotes.
    pub(super) opaque: &'a [u8],
}

impl<'a> EntityTag<'a> {
    /// The tag of a response. None if it has two, or what is no tag.
    pub(super) fn of(headers: &'a HeaderMap) -> Option<Self> {
        let mut lines = headers.get_all(ETAG).iter();
        match (lines.next(), lines.next()) {
            (Some(line), None) => Self::whole(line.as_bytes()),
            _ => None,
        }
    }

    /// The tag that the text is.
    pub(super) fn whole(text: &'a [u8]) -> Option<Self> {
        Self::first(text).and_then(|(tag, rest)| rest.is_empty().then_some(tag))
    }

    /// The tag that the text begins with, and what follows it. There is no escaping:
    /// a tag ends with the next quote.
    pub(super) fn first(text: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (weak, quoted) = match text.strip_prefix(b"W/") {
            Some(quoted) => (true, quoted),
            None => (false, text),
        };
        let text = quoted.strip_prefix(b"\"")?;
        let end = text.iter().position(|byte| *byte == b'"')?;
        let (opaque, rest) = text.split_at(end);
        let tag = Self { weak, opaque };
        opaque
            .iter()
            .all(|byte| matches!(byte, 0x21 | 0x23..=0x7e | 0x80..))
            .then_some((tag, &rest[1..]))
    }

    /// RFC 9110 §8.8.3.2, weak comparison.
    pub(super) fn is_weakly(self, other: Self) -> bool {
        self.opaque == other.opaque
    }

    /// RFC 9110 §8.8.3.2, strong comparison.
    pub(super) fn is_strongly(self, other: Self) -> bool {
        !self.weak && self == other
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn tag(text: &str) -> EntityTag<'_> {
        EntityTag::whole(text.as_bytes()).unwrap()
    }

    #[test]
    fn weak_comparison_looks_at_the_opaque_part_and_strong_also_at_the_strength() {
        for (one, other, weakly, strongly) in [
            ("W/\"1\"", "W/\"1\"", true, false),
            ("W/\"1\"", "W/\"2\"", false, false),
            ("W/\"1\"", "\"1\"", true, false),
            ("\"1\"", "W/\"1\"", true, false),
            ("\"1\"", "\"1\"", true, true),
            ("\"a\"", "\"A\"", false, false),
            ("\"\"", "\"\"", true, true),
        ] {
            let (one, other) = (tag(one), tag(other));
            assert_eq!(one.is_weakly(other), weakly, "{one:?} {other:?}");
            assert_eq!(one.is_strongly(other), strongly, "{one:?} {other:?}");
        }
    }

    #[test]
    fn what_is_not_exactly_a_tag_is_none() {
        for text in [
            "",
            "a",
            "\"a",
            "a\"",
            "w/\"a\"",
            "W\"a\"",
            "W/a",
            "W/ \"a\"",
            "\"a b\"",
            "\"a\\\"b\"",
            "\"a\" ",
            "\"a\"\"b\"",
            "\"a\", \"b\"",
            "*",
            "\"a\tb\"",
        ] {
            assert_eq!(EntityTag::whole(text.as_bytes()), None, "{text}");
        }
        let odd = b"\"a,\\\xe9\"";
        assert_eq!(EntityTag::whole(odd).map(|tag| tag.opaque.len()), Some(4));
    }

    #[test]
    fn a_response_has_one_tag_or_none() {
        let mut headers = HeaderMap::new();
        assert_eq!(EntityTag::of(&headers), None);
        headers.append(ETAG, HeaderValue::from_static("\"a\""));
        assert_eq!(EntityTag::of(&headers), Some(tag("\"a\"")));
        headers.append(ETAG, HeaderValue::from_static("\"a\""));
        assert_eq!(EntityTag::of(&headers), None);
    }
}
