//! Messages of both forms, edited at random, against a second reading.

use super::*;
use crate::fuzz::{Target as Fuzz, texts};
use crate::scope::Scope;
use crate::target::{Strength, Target, What, without_default_port};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use std::collections::HashMap;

/// What a target says before anybody knows what it means.
struct Raw<'a> {
    kind: u8,
    flags: u8,
    scope: Option<&'a str>,
    parts: Vec<&'a str>,
}

/// Reads the grammar of the chapter word by word, and takes no memory for what it is
/// only promised.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    fn length(&mut self) -> Option<usize> {
        let width = match self.byte()? {
            length @ 0..=250 => return Some(length.into()),
            251 => 2,
            252 => 4,
            253 => 8,
            _ => return None,
        };
        let mut bytes = [0; 8];
        bytes[..width].copy_from_slice(self.take(width)?);
        usize::try_from(u64::from_le_bytes(bytes)).ok()
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn text(&mut self) -> Option<&'a str> {
        let count = self.length()?;
        std::str::from_utf8(self.take(count)?).ok()
    }

    fn many<T>(&mut self, mut one: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        (0..self.length()?).map(|_| one(self)).collect()
    }

    fn target(&mut self) -> Option<Raw<'a>> {
        Some(Raw {
            kind: self.byte()?,
            flags: self.byte()?,
            scope: match self.byte()? {
                0 => None,
                1 => Some(self.text()?),
                _ => return None,
            },
            parts: self.many(Self::text)?,
        })
    }

    fn message(&mut self) -> Option<Vec<Raw<'a>>> {
        let targets = self.many(Self::target)?;
        let later = self.length()?;
        self.take(later)?;
        Some(targets)
    }
}

impl Raw<'_> {
    fn is_known(&self) -> bool {
        self.is_target() && self.flags <= 1
    }

    /// Sixteen hexadecimal digits.
    fn is_id(text: &str) -> bool {
        text.len() == 16 && u64::from_str_radix(text, 16).is_ok() && !text.starts_with('+')
    }

    fn is_begun(&self) -> bool {
        let parts =
            matches!(&*self.parts, [id, lasts] if Self::is_id(id) && lasts.parse::<u64>().is_ok());
        (self.kind, self.flags, self.scope) == (7, 0, None) && parts
    }

    fn is_ended(&self) -> bool {
        let parts = matches!(&*self.parts, [id] if Self::is_id(id));
        (self.kind, self.flags, self.scope) == (8, 0, None) && parts
    }

    fn is_intended(&self) -> bool {
        self.is_target() && (2..=3).contains(&self.flags)
    }

    fn is_target(&self) -> bool {
        match (self.kind, &*self.parts) {
            (1..=4, [_]) | (6, []) => true,
            (5, [origin, _]) => is_origin(origin),
            _ => false,
        }
    }
}

fn is_origin(text: &str) -> bool {
    let Some((scheme, authority)) = text.split_once("://") else {
        return false;
    };
    let authority = authority.strip_suffix('/').unwrap_or(authority);
    !scheme.is_empty() && !authority.is_empty() && !authority.contains(['/', '?', '#'])
}

/// What all of them keep in memory. A scope that several share counts once.
fn held(targets: &[Target]) -> usize {
    let scopes: HashMap<_, _> = (targets.iter())
        .filter_map(|target| target.scope.as_ref())
        .map(|scope| (scope.as_str().as_ptr(), scope.as_str().len()))
        .collect();
    let names = targets.iter().map(|target| Target {
        scope: None,
        ..target.clone()
    });
    scopes.values().sum::<usize>() + names.map(|target| target.weight()).sum::<usize>()
}

/// An authority that names two ports, or a port and then nothing, loses one each
/// time it is put into canonical form. It is no host that a key may have.
fn is_settled(target: &Target) -> bool {
    let text = match &target.what {
        What::Uri(text) => text,
        What::Group { origin, .. } => origin,
        _ => return true,
    };
    let Some((scheme, rest)) = text.split_once("://") else {
        return false;
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    without_default_port(scheme, &rest[..end]) == &rest[..end]
}

/// What holds of every list that was read.
fn is_bounded_and_reads_back(message: &[u8], targets: &[Target]) -> TestCaseResult {
    prop_assert!(targets.len() <= MAX_TARGETS + 1);
    // Canonical forms are at most three times as long; see `path`.
    let most = 3 * message.len() + 64 * (targets.len() + 1);
    prop_assert!(held(targets) <= most, "{} bytes of {}", held(targets), most);
    if !fits(targets) || !targets.iter().all(is_settled) {
        return Ok(());
    }
    let again = encode(targets);
    let expected = Decoded::Message(Message {
        targets: targets.to_vec(),
        ..Message::default()
    });
    prop_assert_eq!(decode(&again), expected);
    Ok(())
}

fn binary() -> Fuzz {
    let golden: [&[u8]; 8] = [
        include_bytes!("../../tests/golden/wire-v1-nothing.bin"),
        include_bytes!("../../tests/golden/wire-v1-everything.bin"),
        include_bytes!("../../tests/golden/wire-v1-kinds.bin"),
        include_bytes!("../../tests/golden/wire-v1-scope-soft.bin"),
        include_bytes!("../../tests/golden/wire-v1-long.bin"),
        include_bytes!("../../tests/golden/wire-v1-from-later.bin"),
        include_bytes!("../../tests/golden/wire-v1-begun.bin"),
        include_bytes!("../../tests/golden/wire-v1-ended.bin"),
    ];
    Fuzz {
        name: "wire, binary",
        cases: 60_000,
        corpus: golden.map(<[u8]>::to_vec).to_vec(),
        words: &[
            "\0",
            "\u{1}",
            "\u{4}\0\0\u{1}\u{1}a",
            "\u{6}\0\0\0",
            "\u{1}\0\0\u{1}\u{a}http://h/p",
            "\u{2}\u{1}\u{1}\u{1}t\u{1}\u{2}/p",
            "\u{5}\0\0\u{2}\u{8}http://h\u{1}g",
            "\u{7}\0\0\0",
            "\u{7}\0\0\u{2}\u{10}00000000000000ff\u{2}90",
            "\u{8}\0\0\u{1}\u{10}00000000000000ff",
            "\u{4}\u{2}\0\u{1}\u{1}a",
            "http://",
            ":80",
            "%37",
        ],
    }
}

#[test]
fn every_binary_message_reads_as_the_grammar_of_the_chapter_says() {
    binary().holds(|message| {
        let decoded = decode(message);
        let Some((&1, rest)) = message.split_first() else {
            return Ok(false);
        };
        let mut reader = Reader(rest);
        let (targets, unknown) = match (reader.message(), decoded) {
            (None, decoded) => {
                prop_assert_eq!(decoded, Decoded::Unreadable(Unreadable::Malformed));
                return Ok(false);
            }
            (Some(_), decoded) if !reader.0.is_empty() => {
                prop_assert_eq!(decoded, Decoded::Unreadable(Unreadable::TrailingBytes));
                return Ok(false);
            }
            (Some(raw), Decoded::Message(message)) => {
                let Message {
                    targets, unknown, ..
                } = announced(&raw, message)?;
                same(&raw, &targets, unknown)?;
                (targets, unknown)
            }
            (Some(_), decoded) => {
                return Err(TestCaseError::fail(format!("refused: {decoded:?}")));
            }
        };
        is_bounded_and_reads_back(message, &targets)?;
        Ok(unknown == 0)
    });
}

/// The ends and the one beginning are those of the list; the rest is as if they were
/// not there.
fn announced(raw: &[Raw<'_>], message: Message) -> Result<Message, TestCaseError> {
    let ended = raw
        .iter()
        .filter(|raw| raw.is_ended())
        .map(|raw| raw.parts[0].to_lowercase());
    let read = message.ended.iter().map(ToString::to_string);
    prop_assert!(ended.eq(read));
    let first = raw.iter().find(|raw| raw.is_begun());
    prop_assert_eq!(first.is_some(), message.begun.is_some());
    if let (Some(first), Some(begun)) = (first, &message.begun) {
        prop_assert_eq!(first.parts[0].to_lowercase(), begun.id.to_string());
        prop_assert!(begun.lasts <= crate::write_intent::LONGEST);
        let intended = raw.iter().filter(|raw| raw.is_intended()).count();
        prop_assert_eq!(begun.targets.len(), intended);
        let again = decode(&encode_intent(begun));
        let settled = begun.targets.iter().all(is_settled) && fits(&begun.targets);
        let expected = Message {
            begun: Some(begun.clone()),
            ..Message::default()
        };
        prop_assert!(!settled || again == Decoded::Message(expected));
    }
    Ok(message)
}

fn same(raw: &[Raw<'_>], targets: &[Target], unknown: usize) -> TestCaseResult {
    let known: Vec<_> = raw.iter().filter(|raw| raw.is_known()).collect();
    let begun = raw.iter().any(Raw::is_begun);
    let beside = |raw: &&Raw<'_>| raw.is_ended() || (begun && raw.is_intended());
    let beside = raw.iter().filter(beside).count() + usize::from(begun);
    prop_assert_eq!(unknown, raw.len() - known.len() - beside);
    let (rest, widened) = match unknown {
        0 => (targets, None),
        _ => (&targets[..targets.len() - 1], targets.last()),
    };
    prop_assert!(widened.is_none_or(|last| *last == Target::everything()));
    prop_assert_eq!(rest.len(), known.len());
    for (raw, target) in known.iter().zip(rest) {
        prop_assert_eq!(raw.scope, target.scope.as_ref().map(Scope::as_str));
        prop_assert_eq!(raw.flags == 1, target.strength == Strength::Soft);
        // A URI without an authority is a path.
        let fits = match &target.what {
            What::Uri(_) => raw.kind == 1,
            What::Path(_) => raw.kind <= 2,
            What::Prefix(_) => raw.kind == 3,
            What::Tag(tag) => raw.kind == 4 && tag.as_str() == raw.parts[0],
            What::Group { name, .. } => raw.kind == 5 && **name == *raw.parts[1],
            What::Everything => raw.kind == 6,
        };
        prop_assert!(fits, "kind {} is no {:?}", raw.kind, target);
    }
    Ok(())
}

fn json() -> Fuzz {
    Fuzz {
        name: "wire, JSON",
        cases: 60_000,
        corpus: texts(&[
            include_str!("../../tests/golden/wire-v1-kinds.json"),
            include_str!("../../tests/golden/wire-v1-everything.json"),
            include_str!("../../tests/golden/wire-v1-scope-soft.json"),
            r#"{"v":1}"#,
            r#" {"tags":["a","\u00e9\ud83d\ude00"],"v":1,"scope":null}"#,
            r#"{"v":1,"uris":["//h:80?","/p#x","http://u@H:/"],"soft":false}"#,
            r#"{"v":2,"colours":[["red"]]}"#,
        ]),
        words: &[
            "{",
            "}",
            "[",
            "]",
            "\"",
            ",",
            ":",
            "\\",
            "\"v\":1",
            "\"v\":2,",
            "\"tags\":[]",
            ",\"tags\":[\"a\"]",
            "\"scope\":\"s\"",
            "\"a\",",
            "null",
            "true",
            "1",
            "-0",
            "1e0",
            "\\u0000",
            "\\ud800",
            "{\"origin\":\"http://h\",\"name\":\"g\"}",
            "http://",
            "%37",
        ],
    }
}

/// How many targets a message has by a reading that knows no types.
fn count(value: &serde_json::Value) -> usize {
    let lists = ["uris", "paths", "prefixes", "tags", "groups"].map(|field| {
        let list = value.get(field).and_then(serde_json::Value::as_array);
        list.map_or(0, Vec::len)
    });
    lists.iter().sum::<usize>() + usize::from(value.get("everything") == Some(&true.into()))
}

#[test]
fn a_json_message_that_is_read_is_json_of_version_1_with_known_fields_and_as_many_targets() {
    json().holds(|message| {
        let Decoded::Message(Message {
            targets, unknown, ..
        }) = decode(message)
        else {
            return Ok(false);
        };
        // An edit of the first byte makes it binary.
        if message[0] == 1 {
            return Ok(false);
        }
        let value: Result<serde_json::Value, _> = serde_json::from_slice(message);
        let value = value.map_err(|error| TestCaseError::fail(error.to_string()))?;
        let known = [
            "v",
            "uris",
            "paths",
            "prefixes",
            "tags",
            "groups",
            "everything",
            "scope",
            "soft",
        ];
        let fields = value.as_object().expect("an object");
        prop_assert!(fields.keys().all(|field| known.contains(&field.as_str())));
        prop_assert_eq!(value.get("v"), Some(&1.into()));
        prop_assert_eq!((targets.len(), unknown), (count(&value), 0));
        let scope = value.get("scope").and_then(serde_json::Value::as_str);
        let soft = value.get("soft") == Some(&true.into());
        for target in &targets {
            prop_assert_eq!(target.scope.as_ref().map(Scope::as_str), scope);
            prop_assert_eq!(target.strength == Strength::Soft, soft);
        }
        is_bounded_and_reads_back(message, &targets)?;
        Ok(true)
    });
}

/// Cause: each target of a JSON message has a copy of its scope. Effect: a message of
/// 256 KiB, whose scope is half of it, takes gigabytes.
#[test]
fn the_targets_of_a_json_message_share_their_scope() {
    let (scope, tags) = ("s".repeat(60_000), r#""","#.repeat(500));
    let message = format!(r#"{{"v":1,"scope":"{scope}","tags":[{tags}""]}}"#);
    let Decoded::Message(Message { targets, .. }) = decode(message.as_bytes()) else {
        panic!("it is read");
    };
    assert!(held(&targets) <= 3 * message.len(), "{}", held(&targets));
}
