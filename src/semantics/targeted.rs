//! Targeted `Cache-Control` (RFC 9213): directives for this cache alone.

use super::cache_control::{CacheControl, MAX_DELTA};
use super::list::combined;
use http::{HeaderMap, HeaderName};
use sfv::{BareItem, Dictionary, Item, Key, ListEntry, Parser};
use std::time::Duration;

/// The field that is meant for this cache and for no other one.
pub(crate) const COHERENCE_CACHE_CONTROL: HeaderName =
    HeaderName::from_static("coherence-cache-control");

/// What a response says to this cache.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Instructions {
    pub(crate) directives: CacheControl,
    /// A targeted field takes the place of `Expires` too (RFC 9213 §2.2).
    pub(crate) expires: Expires,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Expires {
    Counts,
    Ignored,
}

impl Instructions {
    /// Of the fields on the list the first that is valid and not empty decides alone;
    /// where none is, `Cache-Control` and `Expires` do (RFC 9213 §2.2).
    pub(crate) fn of(response: &HeaderMap, list: &[HeaderName]) -> Self {
        let mut fields = list.iter().filter_map(|name| targeted(response, name));
        match fields.next() {
            Some(directives) => Self {
                directives,
                expires: Expires::Ignored,
            },
            None => Self {
                directives: CacheControl::of(response),
                expires: Expires::Counts,
            },
        }
    }
}

/// Takes what is for this cache alone out of a response. A field with another name
/// passes on: caches behind this one may go by it too.
pub(crate) fn strip_targeted(response: &mut HeaderMap, list: &[HeaderName]) {
    if list.contains(&COHERENCE_CACHE_CONTROL) {
        response.remove(COHERENCE_CACHE_CONTROL);
    }
}

/// The directives of one field, a Dictionary of RFC 9651. `None` if it is not there,
/// no Dictionary, or empty.
fn targeted(response: &HeaderMap, name: &HeaderName) -> Option<CacheControl> {
    let field = combined(response, name)?;
    let members: Dictionary = Parser::new(&field).parse().ok()?;
    if members.is_empty() {
        return None;
    }
    let mut directives = CacheControl::default();
    for (key, member) in &members {
        note(&mut directives, key, member);
    }
    Some(directives)
}

fn note(directives: &mut CacheControl, key: &Key, member: &ListEntry) {
    match key.as_str() {
        "no-store" => directives.no_store = is_there(member),
        "no-cache" => directives.no_cache = is_there(member),
        "private" => directives.private = is_there(member),
        "must-revalidate" => directives.must_revalidate = is_there(member),
        "proxy-revalidate" => directives.proxy_revalidate = is_there(member),
        // These two permit something, so they count as they are defined only.
        "public" => directives.public = is_true(member),
        "must-understand" => directives.must_understand = is_true(member),
        "max-age" => directives.max_age = Some(seconds(member)),
        "s-maxage" => directives.s_maxage = Some(seconds(member)),
        "stale-while-revalidate" => directives.while_revalidate = Some(seconds(member)),
        "stale-if-error" => directives.if_error = Some(seconds(member)),
        _ => {}
    }
}

/// Also with an argument, as in `Cache-Control`; not if it says itself that it is not.
fn is_there(member: &ListEntry) -> bool {
    !matches!(bare(member), Some(BareItem::Boolean(false)))
}

fn is_true(member: &ListEntry) -> bool {
    matches!(bare(member), Some(BareItem::Boolean(true)))
}

/// Integers only: what is none is not read as one (RFC 9213 §2.1), and is a lifetime
/// that is over (RFC 9111 §4.2.1).
fn seconds(member: &ListEntry) -> Duration {
    let seconds = match bare(member) {
        Some(BareItem::Integer(number)) => u64::try_from(i64::from(*number)).unwrap_or_default(),
        _ => 0,
    };
    Duration::from_secs(seconds).min(MAX_DELTA)
}

/// Without its parameters, which say nothing.
fn bare(member: &ListEntry) -> Option<&BareItem> {
    match member {
        ListEntry::Item(Item { bare_item, .. }) => Some(bare_item),
        ListEntry::InnerList(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use http::header::CACHE_CONTROL;

    const CDN: HeaderName = HeaderName::from_static("cdn-cache-control");

    fn with(lines: &[(&HeaderName, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
            headers.append(*name, value);
        }
        headers
    }

    /// What this value says beside a `Cache-Control` of one second; `None` if that
    /// counts.
    fn of(value: &str) -> Option<CacheControl> {
        let own = &COHERENCE_CACHE_CONTROL;
        let headers = with(&[(&CACHE_CONTROL, "max-age=1"), (own, value)]);
        let read = Instructions::of(&headers, &[COHERENCE_CACHE_CONTROL]);
        if read.expires == Expires::Counts {
            assert_eq!(read.directives, CacheControl::of(&headers), "{value}");
        }
        (read.expires == Expires::Ignored).then_some(read.directives)
    }

    fn max_age(value: &str) -> Option<u64> {
        of(value)?.max_age.map(|age| age.as_secs())
    }

    #[test]
    fn a_targeted_field_decides_the_whole_policy() {
        let expected = CacheControl {
            private: true,
            must_revalidate: true,
            s_maxage: Some(Duration::from_secs(7)),
            ..CacheControl::default()
        };
        let read = of("private, must-revalidate;p=1, s-maxage=7, ext=?0, x=(a b)");
        assert_eq!(read, Some(expected));
        // It says nothing of how long, and `Cache-Control` is not asked.
        assert_eq!(of("ext"), Some(CacheControl::default()));
    }

    #[test]
    fn every_targeted_directive_is_read_by_its_own_name() {
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
            assert!(field(&of(name).unwrap()), "{name}");
            assert!(!field(&of(&format!("{name}=?0")).unwrap()), "{name}");
            let permits = ["public", "must-understand"].contains(&name);
            for argument in ["1", "\"x\"", "x", "(\"x\")"] {
                let read = of(&format!("{name}={argument}")).unwrap();
                assert_eq!(field(&read), !permits, "{name}={argument}");
            }
            for (other, _) in table.iter().filter(|(other, _)| *other != name) {
                assert!(!field(&of(other).unwrap()), "{name} {other}");
            }
        }
    }

    #[test]
    fn only_an_integer_is_a_number_of_seconds() {
        for (value, seconds) in [
            ("max-age=60", 60),
            ("max-age=007", 7),
            ("max-age=60;x=1", 60),
            ("max-age=5, max-age=3", 3),
            ("max-age=3, max-age=5", 5),
            ("max-age=999999999999999", 1 << 31),
            ("max-age=\"60\"", 0),
            ("max-age=60.0", 0),
            ("max-age=-1", 0),
            ("max-age", 0),
            ("max-age=x", 0),
            ("max-age=(60)", 0),
            ("max-age=@60", 0),
        ] {
            assert_eq!(max_age(value), Some(seconds), "{value}");
        }
    }

    #[test]
    fn an_invalid_or_empty_targeted_field_is_as_if_absent() {
        for value in [
            "",
            " ",
            ",",
            "max-age=60,",
            "max-age =60",
            "max-age= 60",
            "max-age=60 x",
            "Max-Age=60",
            "max-age=60, &&&&&",
            "max-age=9999999999999999",
            "max-age='60'",
            "no-store=",
            "ext=\"open, max-age=60",
            "max-age=60, x=\"caf\u{e9}\"",
        ] {
            assert_eq!(of(value), None, "{value}");
        }
    }

    #[test]
    fn several_lines_are_one_dictionary() {
        let own = &COHERENCE_CACHE_CONTROL;
        let list = [COHERENCE_CACHE_CONTROL];
        let headers = with(&[(own, "max-age=60"), (own, "no-store")]);
        let read = Instructions::of(&headers, &list).directives;
        assert!(read.no_store && read.max_age == Some(Duration::from_secs(60)));
        let headers = with(&[(own, "max-age=60"), (own, "&")]);
        assert_eq!(Instructions::of(&headers, &list).expires, Expires::Counts);
    }

    #[test]
    fn the_first_valid_field_of_the_list_counts_and_what_is_not_on_it_does_not() {
        let own = &COHERENCE_CACHE_CONTROL;
        let headers = with(&[
            (&CDN, "max-age=2"),
            (own, "max-age=3"),
            (&CACHE_CONTROL, "max-age=1"),
        ]);
        let seconds = |headers: &HeaderMap, list: &[HeaderName]| {
            let age = Instructions::of(headers, list).directives.max_age;
            age.unwrap().as_secs()
        };
        let own = || COHERENCE_CACHE_CONTROL;
        assert_eq!(seconds(&headers, &[]), 1);
        assert_eq!(seconds(&headers, &[own()]), 3);
        assert_eq!(seconds(&headers, &[CDN, own()]), 2);
        assert_eq!(seconds(&headers, &[own(), CDN]), 3);
        for unusable in ["", "&", "max-age=9,"] {
            let mut headers = headers.clone();
            headers.insert(own(), HeaderValue::from_str(unusable).unwrap());
            assert_eq!(seconds(&headers, &[own(), CDN]), 2);
            assert_eq!(seconds(&headers, &[own()]), 1);
        }
    }

    #[test]
    fn only_what_is_for_this_cache_alone_is_stripped() {
        let own = &COHERENCE_CACHE_CONTROL;
        let all = with(&[(&CDN, "max-age=2"), (own, "max-age=3"), (own, "&")]);
        let names = |list: &[HeaderName]| {
            let mut headers = all.clone();
            strip_targeted(&mut headers, list);
            headers.keys().cloned().collect::<Vec<_>>()
        };
        assert_eq!(names(&[CDN, own.clone()]), [CDN]);
        assert_eq!(names(&[CDN]).len(), 2);
    }
}
