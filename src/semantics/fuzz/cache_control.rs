//! `Cache-Control`.

use super::field;
use crate::fuzz::{Target, texts};
use crate::semantics::cache_control::{CacheControl, MAX_DELTA};
use crate::semantics::list::{quoted_members, trim};
use http::header::CACHE_CONTROL;
use proptest::prelude::*;
use std::time::Duration;

fn target() -> Target {
    Target {
        name: "cache-control",
        cases: 50_000,
        corpus: texts(&[
            "",
            "public, max-age=60",
            "no-store\nmax-age=5, s-maxage=\"7\"",
            "private=\"set-cookie, x\", must-revalidate , ,proxy-revalidate",
            "no-cache=x,must-understand,max-age=99999999999999999999",
            "ext=\"a, no-store, max-age=9\\\", private\", max-age=1",
            "max-age =5,a=b=c,S-MAXAGE=3;x",
        ]),
        words: &[
            ",",
            "=",
            "\"",
            "\\",
            " ",
            "\t",
            "\n",
            "no-store",
            "no-cache",
            "private",
            "public",
            "must-revalidate",
            "proxy-revalidate",
            "must-understand",
            "max-age=",
            "s-maxage=",
            "stale-while-revalidate=5",
            "stale-if-error=",
            "\"1\"",
            "0",
            "2147483649",
            "ext=\"",
            ", ",
            "MAX-AGE=7,",
        ],
    }
}

fn of(bytes: &[u8]) -> Option<CacheControl> {
    Some(CacheControl::of(&field(&CACHE_CONTROL, bytes)?))
}

/// What two fields say together.
fn both(one: CacheControl, other: CacheControl) -> CacheControl {
    let shorter = |one: Option<Duration>, other: Option<Duration>| match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    };
    CacheControl {
        no_store: one.no_store || other.no_store,
        no_cache: one.no_cache || other.no_cache,
        private: one.private || other.private,
        public: one.public || other.public,
        must_revalidate: one.must_revalidate || other.must_revalidate,
        proxy_revalidate: one.proxy_revalidate || other.proxy_revalidate,
        must_understand: one.must_understand || other.must_understand,
        max_age: shorter(one.max_age, other.max_age),
        s_maxage: shorter(one.s_maxage, other.s_maxage),
        while_revalidate: shorter(one.while_revalidate, other.while_revalidate),
        if_error: shorter(one.if_error, other.if_error),
        unreadable: one.unreadable || other.unreadable,
    }
}

/// A readable line, divided first and understood afterwards.
fn second_reading(line: &[u8]) -> CacheControl {
    let mut read = CacheControl::default();
    for member in quoted_members(line) {
        let mut halves = member.splitn(2, |byte| *byte == b'=');
        let name = halves.next().unwrap_or_default();
        let argument = halves.next();
        // With a space before the `=` no argument is readable.
        let spaced = trim_end(name) != name;
        let seconds = argument.filter(|_| !spaced).and_then(seconds);
        let seconds = Some(seconds.unwrap_or_default());
        let mut says = CacheControl::default();
        match trim(name).to_ascii_lowercase().as_slice() {
            b"no-store" => says.no_store = true,
            b"no-cache" => says.no_cache = true,
            b"private" => says.private = true,
            b"must-revalidate" => says.must_revalidate = true,
            b"proxy-revalidate" => says.proxy_revalidate = true,
            b"public" => says.public = argument.is_none(),
            b"must-understand" => says.must_understand = argument.is_none(),
            b"max-age" => says.max_age = seconds,
            b"s-maxage" => says.s_maxage = seconds,
            b"stale-while-revalidate" => says.while_revalidate = seconds,
            b"stale-if-error" => says.if_error = seconds,
            _ => {}
        }
        read = both(read, says);
    }
    read
}

fn trim_end(name: &[u8]) -> &[u8] {
    let end = name
        .iter()
        .rposition(|byte| *byte != b' ' && *byte != b'\t');
    &name[..end.map_or(0, |at| at + 1)]
}

fn seconds(argument: &[u8]) -> Option<Duration> {
    let argument = trim_end(argument);
    let inside = argument
        .strip_prefix(b"\"")
        .and_then(|rest| rest.strip_suffix(b"\""));
    let digits = std::str::from_utf8(inside.unwrap_or(argument)).ok()?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // What has more digits than a number here is too large in any case.
    let seconds = digits.parse().unwrap_or(u64::MAX);
    Some(Duration::from_secs(seconds).min(MAX_DELTA))
}

#[test]
fn a_line_says_what_its_members_say_and_lines_add_up_to_the_stricter() {
    target().holds(|bytes| {
        let Some(whole) = of(bytes) else {
            return Ok(false);
        };
        let lines: Vec<_> = bytes.split(|byte| *byte == b'\n').collect();
        let each = lines.iter().filter_map(|line| of(line));
        prop_assert_eq!(each.fold(CacheControl::default(), both), whole);
        prop_assert_eq!(of(&bytes.to_ascii_uppercase()), Some(whole));
        for age in [whole.max_age, whole.s_maxage] {
            prop_assert!(age.is_none_or(|age| age <= MAX_DELTA));
        }
        for line in lines {
            let read = of(line).expect("it was a value before");
            if !read.unreadable {
                prop_assert_eq!(second_reading(line), read);
                // What comes behind is still heard.
                let more = of(&[line, b",no-store"].concat()).expect("a value");
                let strict = CacheControl {
                    no_store: true,
                    ..read
                };
                prop_assert_eq!(more, strict);
            }
        }
        Ok(!whole.unreadable)
    });
}
