//! Members of comma-separated fields (RFC 9110 §5.6.1), as bytes.

use http::HeaderMap;
use http::header::HeaderName;

/// The members of all lines of a field that has no quoted strings, trimmed.
/// Empty ones are left out.
pub(super) fn tokens<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> impl Iterator<Item = &'a [u8]> {
    headers
        .get_all(name)
        .iter()
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
        .map(trim)
        .filter(|member| !member.is_empty())
}

/// All lines of a field as one value (RFC 9110 §5.3). `None` if it is not there.
pub(super) fn combined(headers: &HeaderMap, name: &HeaderName) -> Option<Vec<u8>> {
    let mut lines = headers.get_all(name).iter();
    let mut value = lines.next()?.as_bytes().to_vec();
    for line in lines {
        value.extend_from_slice(b", ");
        value.extend_from_slice(line.as_bytes());
    }
    Some(value)
}

/// The members of one line, not trimmed; commas inside quoted strings divide
/// nothing. A line whose last quoted string has no end is one member.
pub(super) fn quoted_members(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let whole = ends_outside_quotes(line);
    let mut quotes = Quotes::default();
    line.split(move |byte| !quotes.hold(*byte) && *byte == b',' && whole)
}

/// Without the optional whitespace at both ends (RFC 9110 §5.6.3).
pub(super) fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

fn ends_outside_quotes(line: &[u8]) -> bool {
    let mut quotes = Quotes::default();
    line.iter().for_each(|byte| {
        quotes.hold(*byte);
    });
    matches!(quotes, Quotes::Outside)
}

/// Whether we are inside a quoted string (RFC 9110 §5.6.4).
#[derive(Clone, Copy, Default)]
enum Quotes {
    #[default]
    Outside,
    Inside,
    /// Inside, after a backslash.
    Escaped,
}

impl Quotes {
    /// Goes on by one byte, and says whether a quoted string holds it.
    fn hold(&mut self, byte: u8) -> bool {
        let inside = !matches!(self, Self::Outside);
        *self = match (*self, byte) {
            (Self::Outside, b'"') | (Self::Escaped, _) => Self::Inside,
            (Self::Inside, b'"') => Self::Outside,
            (Self::Inside, b'\\') => Self::Escaped,
            (same, _) => same,
        };
        inside
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_comma_divides_nothing() {
        let split = |line| quoted_members(line).map(<[u8]>::to_vec).collect::<Vec<_>>();
        assert_eq!(split(b"a,\"b,c\",d"), [&b"a"[..], b"\"b,c\"", b"d"]);
        assert_eq!(split(b"\"a\\\",b\",c"), [&b"\"a\\\",b\""[..], b"c"]);
        assert_eq!(split(b"a,\"b,c"), [&b"a,\"b,c"[..]]);
    }

    #[test]
    fn only_spaces_and_tabs_are_trimmed() {
        assert_eq!(trim(b" \ta b\t "), b"a b");
        assert_eq!(trim(b" \t "), b"");
    }
}
