//! `Cache-Control` (RFC 9111 §5.2).

use super::list::trim;
use http::HeaderMap;
use http::header::CACHE_CONTROL;
use std::time::Duration;

/// A longer lifetime or age is taken as this one (RFC 9111 §1.2.2).
pub(super) const MAX_DELTA: Duration = Duration::from_secs(1 << 31);

/// The directives of all `Cache-Control` lines, read as one list. Where they
/// contradict each other the most restrictive one holds (RFC 9111 §4.2.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct CacheControl {
    pub(crate) no_store: bool,
    /// Also when it is limited to some fields (allowed: RFC 9111 §5.2.2.4).
    pub(crate) no_cache: bool,
    /// Also when it is limited to some fields (allowed: RFC 9111 §5.2.2.7).
    pub(crate) private: bool,
    pub(crate) public: bool,
    pub(crate) must_revalidate: bool,
    pub(crate) proxy_revalidate: bool,
    pub(crate) must_understand: bool,
    /// Zero if it is there and is not a number of seconds.
    pub(crate) max_age: Option<Duration>,
    /// Zero if it is there and is not a number of seconds.
    pub(crate) s_maxage: Option<Duration>,
    /// `stale-while-revalidate`. Zero if it is there and is not a number of seconds.
    pub(crate) while_revalidate: Option<Duration>,
    /// `stale-if-error`. Zero if it is there and is not a number of seconds.
    pub(crate) if_error: Option<Duration>,
    /// A line is not ASCII, or its quoted strings make no sense: it may hold
    /// directives that cannot be told.
    pub(crate) unreadable: bool,
}

impl CacheControl {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut directives = Self::default();
        for line in headers.get_all(CACHE_CONTROL) {
            let read = line.to_str().ok().and_then(|line| directives.line(line));
            directives.unreadable |= read.is_none();
        }
        directives
    }

    /// `None` if the line cannot be read to its end.
    fn line(&mut self, line: &str) -> Option<()> {
        let mut rest = line.as_bytes();
        while !rest.is_empty() {
            let (directive, after) = Directive::first(rest)?;
            self.note(&directive);
            rest = after;
        }
        Some(())
    }

    fn note(&mut self, directive: &Directive<'_>) {
        match directive.name.to_ascii_lowercase().as_slice() {
            b"no-store" => self.no_store = true,
            b"no-cache" => self.no_cache = true,
            b"private" => self.private = true,
            b"must-revalidate" => self.must_revalidate = true,
            b"proxy-revalidate" => self.proxy_revalidate = true,
            // These two permit something, so they count as they are defined only.
            b"public" => self.public |= directive.argument.is_none(),
            b"must-understand" => self.must_understand |= directive.argument.is_none(),
            b"max-age" => shorten(&mut self.max_age, directive.seconds()),
            b"s-maxage" => shorten(&mut self.s_maxage, directive.seconds()),
            b"stale-while-revalidate" => {
                shorten(&mut self.while_revalidate, directive.seconds());
            }
            b"stale-if-error" => shorten(&mut self.if_error, directive.seconds()),
            _ => {}
        }
    }
}

fn shorten(lifetime: &mut Option<Duration>, seconds: Option<Duration>) {
    let seconds = seconds.unwrap_or_default();
    *lifetime = Some(lifetime.map_or(seconds, |before| before.min(seconds)));
}

/// The members of a line, each with its name; empty ones are left out. `None` if the
/// line cannot be read to its end.
pub(super) fn members(line: &str) -> Option<Vec<(&str, &str)>> {
    let mut members = Vec::new();
    let mut rest = line.as_bytes();
    while !rest.is_empty() {
        let (directive, after) = Directive::first(rest)?;
        let member = trim(&rest[..rest.len() - after.len()]);
        let member = trim(member.strip_suffix(b",").unwrap_or(member));
        if !member.is_empty() {
            members.push((
                str::from_utf8(directive.name).ok()?,
                str::from_utf8(member).ok()?,
            ));
        }
        rest = after;
    }
    Some(members)
}

/// `name`, `name=token` or `name="quoted string"`.
struct Directive<'a> {
    name: &'a [u8],
    /// Without the quotes around it; its escapes are left alone.
    argument: Option<&'a [u8]>,
}

impl<'a> Directive<'a> {
    /// The first directive of the line, and what follows its comma. `None` where a
    /// quotation mark stands at the wrong place or has no other one.
    fn first(line: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let end = position(line, b",=\"");
        let (name, rest) = line.split_at(end);
        match rest.split_first() {
            Some((b'"', _)) => None,
            Some((b'=', rest)) => {
                let (argument, rest) = argument(rest)?;
                let argument = Some(argument);
                Some((Self::new(name, argument), rest))
            }
            _ => Some((Self::new(name, None), rest.get(1..).unwrap_or_default())),
        }
    }

    fn new(name: &'a [u8], argument: Option<&'a [u8]>) -> Self {
        let trimmed = trim(name);
        // A space before the `=` is not in the grammar; no argument is readable then.
        let argument = match argument {
            Some(_) if name.ends_with(b" ") || name.ends_with(b"\t") => Some(&b""[..]),
            argument => argument,
        };
        Self {
            name: trimmed,
            argument,
        }
    }

    /// The argument as seconds (RFC 9111 §1.2.2). `None` if it is not a
    /// non-negative integer.
    fn seconds(&self) -> Option<Duration> {
        delta_seconds(self.argument?)
    }
}

/// Digits only; what is too large for us is [`MAX_DELTA`].
pub(super) fn delta_seconds(digits: &[u8]) -> Option<Duration> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let seconds = digits.iter().fold(0_u64, |seconds, digit| {
        seconds
            .saturating_mul(10)
            .saturating_add(u64::from(digit - b'0'))
    });
    Some(Duration::from_secs(seconds).min(MAX_DELTA))
}

/// What stands after a `=`, and what follows its comma.
fn argument(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let Some(quoted) = text.strip_prefix(b"\"") else {
        let (token, rest) = text.split_at(position(text, b",\""));
        let token = token.trim_ascii_end();
        return match rest.split_first() {
            Some((b'"', _)) => None,
            _ => Some((token, rest.get(1..).unwrap_or_default())),
        };
    };
    let end = end_of_quoted(quoted)?;
    let after = trim(&quoted[end + 1..]);
    let rest = match after.split_first() {
        None => after,
        Some((b',', rest)) => rest,
        Some(_) => return None,
    };
    Some((&quoted[..end], rest))
}

/// Where the quotation mark stands that ends a quoted string.
fn end_of_quoted(text: &[u8]) -> Option<usize> {
    let mut escaped = false;
    text.iter().position(|byte| {
        let end = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        end
    })
}

/// Where the first of these bytes stands, or the length.
fn position(text: &[u8], any: &[u8]) -> usize {
    text.iter()
        .position(|byte| any.contains(byte))
        .unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn of(lines: &[&[u8]]) -> CacheControl {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(CACHE_CONTROL, HeaderValue::from_bytes(line).unwrap());
        }
        CacheControl::of(&headers)
    }

    fn max_age(line: &str) -> Option<u64> {
        of(&[line.as_bytes()]).max_age.map(|age| age.as_secs())
    }

    #[test]
    fn several_lines_are_one_list_and_names_have_no_case() {
        let read = of(&[b"PUBLIC , ,Max-Age=5", b"s-MAXAGE=7,must-revalidate"]);
        let expected = CacheControl {
            public: true,
            must_revalidate: true,
            max_age: Some(Duration::from_secs(5)),
            s_maxage: Some(Duration::from_secs(7)),
            ..CacheControl::default()
        };
        assert_eq!(read, expected);
    }

    #[test]
    fn every_directive_is_read_by_its_own_name() {
        type Field = fn(&CacheControl) -> bool;
        let table: [(&str, Field); 7] = [
            ("no-store", |read| read.no_store),
            ("no-cache", |read| read.no_cache),
            ("private", |read| read.private),
            ("public", |read| read.public),
            ("must-revalidate", |read| read.must_revalidate),
            ("proxy-revalidate", |read| read.proxy_revalidate),
            ("must-understand", |read| read.must_understand),
        ];
        for (name, field) in table {
            assert!(field(&of(&[name.as_bytes()])), "{name}");
            assert!(!field(&of(&[format!("x-{name}").as_bytes()])), "{name}");
            let others = table.iter().filter(|(other, _)| *other != name);
            for (_, other) in others {
                assert!(!other(&of(&[name.as_bytes()])), "{name}");
            }
        }
    }

    #[test]
    fn a_directive_limited_to_fields_is_taken_as_unlimited() {
        assert!(of(&[b"private=\"set-cookie, x\""]).private);
        assert!(of(&[b"no-cache=x"]).no_cache);
        assert!(of(&[b"no-store=\"1\""]).no_store);
    }

    #[test]
    fn a_permission_with_an_argument_is_none() {
        assert!(!of(&[b"public=1, must-understand=\"x\""]).public);
        assert!(!of(&[b"public=1, must-understand=\"x\""]).must_understand);
    }

    #[test]
    fn text_inside_quotes_is_not_read() {
        let read = of(&[b"ext=\"a, no-store, max-age=9\\\", private\", max-age=1"]);
        assert_eq!(read.max_age, Some(Duration::from_secs(1)));
        assert!(!read.no_store && !read.private && !read.unreadable);
    }

    #[test]
    fn a_number_of_seconds_is_digits_and_nothing_else() {
        for (line, seconds) in [
            ("max-age=3600", 3600),
            ("max-age=\"3600\"", 3600),
            ("max-age=007", 7),
            ("max-age=60 ", 60),
            ("max-age='3600'", 0),
            ("max-age=-1", 0),
            ("max-age=+1", 0),
            ("max-age=1.5", 0),
            ("max-age=", 0),
            ("max-age", 0),
            ("max-age=\"\"", 0),
            ("max-age= 60", 0),
            ("max-age =60", 0),
            ("max-age=6 0", 0),
            ("max-age=60;x", 0),
            ("max-age=0x10", 0),
            ("max-age=2147483648", 1 << 31),
            ("max-age=99999999999999999999999999", 1 << 31),
        ] {
            assert_eq!(max_age(line), Some(seconds), "{line}");
        }
    }

    #[test]
    fn of_two_lifetimes_the_shorter_holds() {
        assert_eq!(max_age("max-age=5, max-age=3"), Some(3));
        assert_eq!(max_age("max-age=3, max-age=5"), Some(3));
        assert_eq!(max_age("max-age=3, max-age=x"), Some(0));
    }

    #[test]
    fn a_line_that_may_hide_a_directive_is_unreadable() {
        for line in [
            &b"max-age=1, \xff"[..],
            b"ext=\"caf\xc3\xa9\"",
            b"ext=\"open, no-store",
            b"ext=\"open\\\", no-store",
            b"a\"b, no-store\"",
            b"ext=a\"b, no-store\"",
            b"ext=\"a\"b, no-store",
            b"\"no-store\"",
        ] {
            assert!(of(&[line]).unreadable, "{line:?}");
            assert!(of(&[b"max-age=1", line]).unreadable, "{line:?}");
        }
        for line in [
            &b""[..],
            b",",
            b" , ,",
            b"=",
            b"=,no-cache",
            b"a=b=c",
            b"a= ",
        ] {
            assert!(!of(&[line]).unreadable, "{line:?}");
        }
    }
    proptest::proptest! {
        #[test]
        fn no_line_panics_and_none_hides_a_no_store_after_it(line in "[ -~]{0,40}") {
            let read = of(&[line.as_bytes(), b"no-store"]);
            proptest::prop_assert!(read.no_store);
            // On one line, what comes before can only make it unreadable.
            let read = of(&[format!("{line}, no-store").as_bytes()]);
            proptest::prop_assert!(read.no_store || read.unreadable);
        }
    }
}
