//! `If-None-Match`: lists of entity tags.

use super::field;
use crate::fuzz::{Target, texts};
use crate::semantics::{Dating, is_not_modified};
use http::header::{ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;
use std::time::UNIX_EPOCH;

fn target() -> Target {
    Target {
        name: "if-none-match",
        cases: 40_000,
        corpus: texts(&[
            "*",
            "\"a\"",
            "W/\"a\"",
            "\"b\", \"a\"",
            "\"b\",,\tW/\"c,\" , \"a\"",
            "\"\\\", \"a\"",
            "\"b\"\n\"a\"",
            "\"b\"",
        ]),
        words: &[
            "\"", "\"a\"", "W/", ",", ", ", "*", "a", "b", "\\", " ", "\t", "\n", "x",
        ],
    }
}

/// The opaque parts up to what is no tag, by a state for each byte.
fn second_reading(line: &[u8]) -> Vec<Vec<u8>> {
    enum At {
        Between,
        Weak(u8),
        Inside(Vec<u8>),
        Behind,
    }
    let (mut tags, mut at) = (Vec::new(), At::Between);
    for (place, byte) in line.iter().enumerate() {
        at = match (at, byte) {
            (At::Between, b' ' | b'\t' | b',') => At::Between,
            (At::Between, b'W') => At::Weak(b'/'),
            (At::Weak(next), byte) if next == *byte => match next {
                b'/' => At::Weak(b'"'),
                _ => At::Inside(Vec::new()),
            },
            (At::Between, b'"') => At::Inside(Vec::new()),
            (At::Inside(tag), b'"') => {
                // A tag counts if a comma or the end of the line is next.
                let rest = line[place + 1..].trim_ascii();
                if !rest.is_empty() && rest[0] != b',' {
                    return tags;
                }
                tags.push(tag);
                At::Behind
            }
            (At::Inside(mut tag), 0x21 | 0x23..=0x7e | 0x80..) => {
                tag.push(*byte);
                At::Inside(tag)
            }
            (At::Behind, b',') => At::Between,
            (At::Behind, b' ' | b'\t') => At::Behind,
            _ => return tags,
        };
    }
    tags
}

#[test]
fn what_is_unmodified_is_named_by_a_tag_of_the_list_or_by_a_star() {
    target().holds(|bytes| {
        let Some(request) = field(&IF_NONE_MATCH, bytes) else {
            return Ok(false);
        };
        let star = !bytes.contains(&b'\n') && bytes.trim_ascii() == b"*";
        let lines = bytes.split(|byte| *byte == b'\n');
        let tags: Vec<_> = lines.flat_map(second_reading).collect();
        let found = |etag: &'static str| {
            let stored = HeaderMap::from_iter([(ETAG, HeaderValue::from_static(etag))]);
            is_not_modified(&request, &stored, Dating::of(&stored, UNIX_EPOCH))
        };
        for (etag, opaque) in [("\"a\"", b"a"), ("W/\"b\"", b"b")] {
            let named = tags.iter().any(|tag| tag == opaque);
            prop_assert_eq!(found(etag), named || star, "{}", etag);
        }
        prop_assert_eq!(found("a"), star);
        Ok(star || !tags.is_empty())
    });
}
