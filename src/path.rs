//! Paths compared on decoded segments.
//!
//! `/products/7` and `/products/%37` are one route of the application, so one
//! invalidation has to reach both. A path is therefore decoded segment by
//! segment and written again in one canonical form: unreserved and sub-delimiter
//! characters as they are, every other byte as `%XX` (RFC 3986 §2.1, §2.3,
//! §6.2.2.2). A slash that was escaped stays escaped: it divides nothing.

use std::borrow::Cow;
use std::fmt;

/// More segments than this are not stored: every prefix of a stored path is a
/// target that has to be compared.
pub(crate) const MAX_SEGMENTS: usize = 16;

/// A path in canonical form. Always begins with a slash.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct CanonicalPath(Box<str>);

impl CanonicalPath {
    /// The canonical form of the path of a URI (without its query).
    pub(crate) fn new(path: &str) -> Self {
        Self(canonical(path).into())
    }

    /// The canonical form of a prefix: slashes at the end do not count, so `/a` and
    /// `/a/` name the same subtree, and both `/` and the empty text name all paths.
    pub(crate) fn prefix(path: &str) -> Self {
        Self(canonical(path).trim_end_matches('/').into())
    }

    /// The canonical text. Empty for the prefix of all paths.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for CanonicalPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

/// The canonical form of `path`; borrowed where it is that already.
pub(crate) fn canonical(path: &str) -> Cow<'_, str> {
    if path.starts_with('/') && path.bytes().all(is_plain_or_slash) {
        return Cow::Borrowed(path);
    }
    let mut form = String::with_capacity(path.len() + 1);
    if !path.starts_with('/') {
        form.push('/');
    }
    let mut rest = path.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let (decoded, escaped, after) = match (byte, escape(after)) {
            (b'%', Some(value)) => (value, true, &after[2..]),
            _ => (byte, false, after),
        };
        match decoded {
            b'/' if !escaped => form.push('/'),
            plain if is_plain(plain) => form.push(char::from(plain)),
            other => push_escaped(&mut form, other),
        }
        rest = after;
    }
    Cow::Owned(form)
}

/// The canonical prefixes strictly above a canonical path, the one of all paths
/// (the empty text) first: `/a/b` has `""` and `/a`.
pub(crate) fn ancestors(canonical: &str) -> impl Iterator<Item = &str> {
    canonical
        .bytes()
        .enumerate()
        .filter(|(_, byte)| *byte == b'/')
        .map(|(at, _)| &canonical[..at])
}

/// How many segments a canonical path has.
pub(crate) fn segments(canonical: &str) -> usize {
    canonical.bytes().filter(|byte| *byte == b'/').count()
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&byte)
}

fn is_plain_or_slash(byte: u8) -> bool {
    byte == b'/' || is_plain(byte)
}

/// The byte that the two hexadecimal digits at the start of `text` stand for.
fn escape(text: &[u8]) -> Option<u8> {
    let digit = |at: usize| text.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let value = digit(0)? * 16 + digit(1)?;
    u8::try_from(value).ok()
}

fn push_escaped(form: &mut String, byte: u8) {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F',
    ];
    form.push('%');
    form.push(DIGITS[usize::from(byte >> 4)]);
    form.push(DIGITS[usize::from(byte & 15)]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_that_change_nothing_are_one_path() {
        assert_eq!(
            CanonicalPath::new("/products/%37"),
            CanonicalPath::new("/products/7")
        );
        assert_eq!(canonical("/%7Euser/%c3%a9"), "/~user/%C3%A9");
        assert_eq!(canonical("/é"), "/%C3%A9");
    }

    #[test]
    fn an_escaped_slash_divides_nothing() {
        assert_eq!(canonical("/a%2fb"), "/a%2Fb");
        assert_ne!(CanonicalPath::new("/a%2Fb"), CanonicalPath::new("/a/b"));
        assert_eq!(segments("/a%2Fb"), 1);
    }

    #[test]
    fn a_broken_escape_is_a_literal_percent_sign() {
        for (path, form) in [
            ("/%", "/%25"),
            ("/%4", "/%254"),
            ("/%zz", "/%25zz"),
            ("/%%41", "/%25A"),
        ] {
            assert_eq!(canonical(path), form);
        }
    }

    #[test]
    fn the_form_is_its_own_form() {
        for path in ["/", "", "a", "/%25zz", "//", "/a%2Fb/%00", "/é?"] {
            let once = canonical(path).into_owned();
            assert_eq!(canonical(&once), once);
        }
    }

    #[test]
    fn a_trailing_slash_counts_for_a_path_and_not_for_a_prefix() {
        assert_ne!(CanonicalPath::new("/a"), CanonicalPath::new("/a/"));
        assert_eq!(CanonicalPath::prefix("/a"), CanonicalPath::prefix("/a/"));
        assert_eq!(CanonicalPath::prefix("/a"), CanonicalPath::prefix("/a//"));
        assert_eq!(CanonicalPath::prefix("/").as_str(), "");
        assert_eq!(CanonicalPath::prefix("//").as_str(), "");
    }

    #[test]
    fn ancestors_are_whole_segments() {
        assert_eq!(
            ancestors("/ab/c/").collect::<Vec<_>>(),
            ["", "/ab", "/ab/c"]
        );
        assert_eq!(ancestors("/").collect::<Vec<_>>(), [""]);
    }
}
