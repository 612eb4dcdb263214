//! `Cache-Groups` and `Cache-Group-Invalidation`: structured fields.

use super::field;
use crate::fuzz::{Target as Fuzz, texts};
use crate::semantics::groups::{groups, invalidated_groups};
use crate::target::{Target, What};
use http::{HeaderName, Method};
use proptest::prelude::*;

const GROUPS: HeaderName = HeaderName::from_static("cache-groups");
const INVALIDATION: HeaderName = HeaderName::from_static("cache-group-invalidation");

fn target() -> Fuzz {
    // As many as there may be.
    let many: Vec<_> = (0..128).map(|name| format!("\"{name}\"")).collect();
    let many = many.join(",");
    Fuzz {
        name: "groups",
        cases: 40_000,
        corpus: texts(&[
            &many,
            "",
            "\"a\"",
            "\"b\", \"a\";x=1;y\n\"c\"",
            "\"a, \\\"b\\\\\" , \"\"",
            "\"a\";q=1.5;t=tok;s=\"x\";b=:YQ==:;f=?1;d=@5",
            "a, 1, (\"b\" \"c\");x, :YQ==:, ?1, @5, %\"u\"",
        ]),
        words: &[
            "\"",
            "\\",
            "\\\"",
            ",",
            ", ",
            ";",
            ";x",
            ";x=1",
            "=",
            "\"a\"",
            ",\"b\"",
            "\n",
            " ",
            "\t",
            "(",
            ")",
            ":",
            "?1",
            "@1",
            "%\"",
            "*",
            "0123456789abcdef0123456789abcdef",
            ",\"0\"",
        ],
    }
}

/// A list of plain strings and nothing else (RFC 9651 §4.2.5); `None` for whatever
/// else, also where it is a structured field.
fn plain(mut text: &[u8]) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let spaces = |text: &[u8], set: &[u8]| text.iter().take_while(|b| set.contains(b)).count();
    text = &text[spaces(text, b" ")..];
    while !text.is_empty() {
        let (name, rest) = plain_string(text.strip_prefix(b"\"")?)?;
        names.push(name);
        text = &rest[spaces(rest, b" \t")..];
        let at_end = rest[spaces(rest, b" ")..].is_empty();
        if at_end {
            break;
        }
        text = text.strip_prefix(b",")?;
        text = &text[spaces(text, b" \t")..];
        if text.is_empty() {
            return None;
        }
    }
    Some(names)
}

fn plain_string(mut text: &[u8]) -> Option<(String, &[u8])> {
    let mut name = String::new();
    loop {
        let (byte, rest) = text.split_first()?;
        text = rest;
        match byte {
            b'"' => return Some((name, text)),
            b'\\' => {
                let (escaped, rest) = text.split_first()?;
                text = rest;
                name.push(Some(*escaped).filter(|byte| b"\"\\".contains(byte))?.into());
            }
            b' '..=b'~' => name.push((*byte).into()),
            _ => return None,
        }
    }
}

fn written(names: &[Box<str>]) -> String {
    let quoted = |name: &str| format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""));
    let names: Vec<_> = names.iter().map(|name| quoted(name)).collect();
    names.join(", ")
}

#[test]
fn groups_are_sorted_bounded_printable_and_read_back() {
    target().holds(|bytes| {
        let Some(headers) = field(&GROUPS, bytes) else {
            return Ok(false);
        };
        let written_off = field(&INVALIDATION, bytes).expect("a value");
        let stale = invalidated_groups(&Method::POST, &written_off, "http://h");
        let lines: Vec<_> = bytes.split(|byte| *byte == b'\n').collect();
        let expected = plain(&lines.join(&b", "[..]));
        let Ok(names) = groups(&headers) else {
            let longest = stale.iter().map(Target::weight).max().unwrap_or_default();
            prop_assert!(stale.len() > 128 || longest > 256);
            return Ok(true);
        };
        prop_assert!(names.len() <= 128 && names.iter().all(|name| name.len() <= 256));
        prop_assert!(names.is_sorted_by(|one, other| one < other));
        prop_assert!(
            names
                .iter()
                .all(|name| name.bytes().all(|b| (b' '..=b'~').contains(&b)))
        );
        // A string that goes on in the next line has a comma and a space there.
        let held = names.iter().map(|name| name.len()).sum::<usize>();
        prop_assert!(held <= 2 * bytes.len());
        let same = names.iter().map(|name| What::Group {
            origin: "http://h".into(),
            name: name.clone(),
        });
        prop_assert_eq!(same.map(Target::hard).collect::<Vec<_>>(), stale);
        let again = field(&GROUPS, written(&names).as_bytes()).expect("printable");
        prop_assert_eq!(groups(&again), Ok(names.clone()));
        if let Some(mut expected) = expected {
            expected.sort();
            expected.dedup();
            let names: Vec<_> = names.iter().map(|name| String::from(&**name)).collect();
            prop_assert_eq!(names, expected);
        }
        Ok(!names.is_empty())
    });
}
