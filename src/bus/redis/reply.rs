//! What the scripts return. Untrusted: whatever does not have their shape is
//! unreadable, and nothing here panics.

use super::MAX_PAYLOAD_BYTES;
use super::keys::Keys;
use super::scripts::{MAX_ANSWER_ENTRIES, MAX_MISSING};
use super::trouble::{Health, Refusal, unreadable};
use crate::bus::engine::{Answer, Appended, BusError, Form, LogEntry, Verdict};
use crate::bus::{Census, List, Report, Standing, Stands};
use crate::position::{Mark, Position};
use bytes::Bytes;
use redis::Value;
use std::str::FromStr;
use std::time::Duration;

/// A reply that is no answer: a refusal, or no reply of ours at all.
pub(super) type Refused = (BusError, Health);

/// Whether the server says who it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Identity {
    Known,
    /// `INFO` is forbidden or says nothing.
    Unknown,
}

/// Whether an append was rung.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Rang {
    Yes,
    /// Denied. The append stands all the same.
    No,
}

/// What `append.lua` returns.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct AppendReply {
    pub(super) appended: Appended,
    pub(super) rang: Rang,
    pub(super) identity: Identity,
}

/// What `sync.lua` returns.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct SyncReply {
    pub(super) answer: Answer,
    pub(super) identity: Identity,
}

pub(super) fn append(reply: Value, keys: &Keys) -> Result<AppendReply, Refused> {
    let parts = parts(reply, "appended", keys)?;
    read_append(parts).ok_or_else(|| no_reply("of append"))
}

pub(super) fn sync(reply: Value, keys: &Keys) -> Result<SyncReply, Refused> {
    let parts = parts(reply, "synced", keys)?;
    read_sync(parts).ok_or_else(|| no_reply("of sync"))
}

pub(super) fn census(reply: Value, keys: &Keys) -> Result<Census, Refused> {
    let parts = parts(reply, "census", keys)?;
    read_census(parts).ok_or_else(|| no_reply("of census"))
}

pub(super) fn left(reply: Value, keys: &Keys) -> Result<(), Refused> {
    parts(reply, "left", keys).map(drop)
}

/// One sentence for each thing that the server refuses.
pub(super) fn look(reply: Value, keys: &Keys) -> Result<Vec<String>, Refused> {
    let parts = parts(reply, "looked", keys)?;
    let sentences: Option<Vec<_>> = parts.map(|triple| refusal(array(triple)?, keys)).collect();
    sentences.ok_or_else(|| no_reply("of look"))
}

type Parts = std::vec::IntoIter<Value>;

/// What follows the expected first word.
fn parts(reply: Value, expected: &str, keys: &Keys) -> Result<Parts, Refused> {
    let mut parts = array(reply).ok_or_else(|| no_reply("no array"))?;
    match parts.next().and_then(text).as_deref() {
        Some(word) if word == expected => Ok(parts),
        Some("refused") => Err(refused(parts, keys)),
        _ => Err(no_reply("another first word")),
    }
}

fn refused(mut parts: Parts, keys: &Keys) -> Refused {
    let mut next = || parts.next().and_then(text).unwrap_or_default();
    let (command, key, said) = (next(), next(), next());
    let refusal = Refusal {
        command: &command,
        key: &key,
        text: &said,
    };
    (refusal.error(keys), refusal.health())
}

fn refusal(mut triple: Parts, keys: &Keys) -> Option<String> {
    let command = text(triple.next()?)?;
    let key = text(triple.next()?)?;
    let said = text(triple.next()?)?;
    let refusal = Refusal {
        command: &command,
        key: &key,
        text: &said,
    };
    Some(refusal.sentence(keys))
}

fn read_append(mut parts: Parts) -> Option<AppendReply> {
    let position = position(parts.next()?, parts.next()?)?;
    let rang = match parts.next()? {
        Value::Int(0) => Rang::No,
        Value::Int(_) => Rang::Yes,
        _ => return None,
    };
    let identity = identity(&parts.next()?)?;
    let born = parsed(parts.next()?)?;
    let list = (identity == Identity::Known).then_some(born);
    Some(AppendReply {
        appended: Appended { position, list },
        rang,
        identity,
    })
}

fn read_sync(mut parts: Parts) -> Option<SyncReply> {
    let verdict = verdict(parts.next()?)?;
    let cloned = flag(&parts.next()?)?;
    let identity = identity(&parts.next()?)?;
    let mut head = array(parts.next()?)?;
    let head = position(head.next()?, head.next()?)?;
    let entries = array(parts.next()?)?;
    if entries.len() > MAX_ANSWER_ENTRIES {
        return None;
    }
    let entries = entries.map(entry).collect::<Option<Vec<_>>>()?;
    let list = list(identity, parts.next()?, parts.next()?)?;
    let standing = standing(parts.next()?)?;
    let longest_intent = bound(&text(parts.next()?)?)?;
    Some(SyncReply {
        answer: Answer {
            verdict,
            entries,
            head,
            cloned,
            list,
            standing,
            longest_intent,
        },
        identity,
    })
}

fn read_census(mut parts: Parts) -> Option<Census> {
    let identity = identity(&parts.next()?)?;
    let entry = if flag(&parts.next()?)? {
        Stands::Yes
    } else {
        Stands::No
    };
    let list = list(identity, parts.next()?, parts.next()?)?;
    let past = number(&parts.next()?)?;
    let more = number(&parts.next()?)?;
    let missing = array(parts.next()?)?;
    if missing.len() > MAX_MISSING {
        return None;
    }
    Some(Census {
        list,
        entry,
        past,
        missing: missing.map(report).collect::<Option<_>>()?,
        more,
    })
}

/// The list proves something only where the server says who it is.
#[allow(clippy::option_option, reason = "not readable, and not there")]
fn list(identity: Identity, born: Value, largest: Value) -> Option<Option<List>> {
    let list = List {
        born: parsed(born)?,
        largest: bound(&text(largest)?)?,
    };
    Some((identity == Identity::Known).then_some(list))
}

fn standing(value: Value) -> Option<Standing> {
    match text(value)?.as_str() {
        "whole" => Some(Standing::Whole),
        "cut" => Some(Standing::Cut),
        "lacking" => Some(Standing::Lacking),
        "trimmed" => Some(Standing::Trimmed),
        "unasked" => Some(Standing::NotAsked),
        _ => None,
    }
}

/// What a member has reported: its counter, its bound, and maybe a position.
fn report(value: Value) -> Option<Report> {
    let mut pair = array(value)?;
    let Mark(member) = parsed(pair.next()?)?;
    let line = text(pair.next()?)?;
    let mut words = line.split(' ');
    Some(Report {
        member,
        counter: words.next()?.parse().ok()?,
        bound: bound(words.next()?)?,
    })
}

/// In milliseconds; the largest number means that there is no bound.
fn bound(millis: &str) -> Option<Duration> {
    match millis.parse().ok()? {
        u64::MAX => Some(Duration::MAX),
        millis => Some(Duration::from_millis(millis)),
    }
}

fn number(value: &Value) -> Option<usize> {
    match value {
        Value::Int(number) => usize::try_from(*number).ok(),
        _ => None,
    }
}

fn verdict(value: Value) -> Option<Verdict> {
    match text(value)?.as_str() {
        "verified" => Some(Verdict::Verified),
        "unknown" => Some(Verdict::Unknown),
        "behind" => Some(Verdict::TooFarBehind),
        _ => None,
    }
}

fn entry(value: Value) -> Option<LogEntry> {
    let mut parts = array(value)?;
    let position = position(parts.next()?, parts.next()?)?;
    let previous = before(&text(parts.next()?)?, &text(parts.next()?)?);
    let form = match text(parts.next()?)?.as_str() {
        "appended" => Form::Appended,
        "foreign" => Form::Foreign,
        _ => return None,
    };
    let Value::BulkString(payload) = parts.next()? else {
        return None;
    };
    Some(LogEntry {
        position,
        previous,
        form,
        payload: bounded(payload),
    })
}

/// What an entry says of the one before it comes from its fields, which anybody
/// may have written: what cannot be read is no chain.
pub(super) fn before(id: &str, mark: &str) -> Option<Position> {
    Some(Position {
        sequence: id.parse().ok()?,
        mark: mark.parse().ok()?,
    })
}

fn bounded(payload: Vec<u8>) -> Bytes {
    if payload.len() > MAX_PAYLOAD_BYTES {
        return Bytes::new();
    }
    payload.into()
}

fn position(id: Value, mark: Value) -> Option<Position> {
    Some(Position {
        sequence: parsed(id)?,
        mark: parsed(mark)?,
    })
}

fn identity(value: &Value) -> Option<Identity> {
    flag(value).map(|known| {
        if known {
            Identity::Known
        } else {
            Identity::Unknown
        }
    })
}

fn flag(value: &Value) -> Option<bool> {
    match value {
        Value::Int(0) => Some(false),
        Value::Int(1) => Some(true),
        _ => None,
    }
}

fn parsed<T: FromStr>(value: Value) -> Option<T> {
    text(value)?.parse().ok()
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::BulkString(bytes) => String::from_utf8(bytes).ok(),
        Value::SimpleString(text) => Some(text),
        _ => None,
    }
}

fn array(value: Value) -> Option<Parts> {
    match value {
        Value::Array(values) => Some(values.into_iter()),
        _ => None,
    }
}

fn no_reply(what: &str) -> Refused {
    (unreadable(what), Health::Doubtful)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::engine::Trouble;
    use crate::position::{Mark, Sequence};
    use proptest::prelude::*;

    fn word(text: &str) -> Value {
        Value::BulkString(text.into())
    }

    fn keys() -> Keys {
        Keys::of("shop").unwrap()
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let words = [
            "appended",
            "synced",
            "refused",
            "looked",
            "verified",
            "1-1",
            "00000000000000ff",
        ];
        let leaf = prop_oneof![
            Just(Value::Nil),
            (-1i64..3).prop_map(Value::Int),
            prop::sample::select(words.to_vec()).prop_map(word),
            prop::collection::vec(any::<u8>(), 0..6).prop_map(Value::BulkString),
        ];
        leaf.prop_recursive(3, 40, 7, |inner| {
            prop::collection::vec(inner, 0..7).prop_map(Value::Array)
        })
    }

    proptest! {
        #[test]
        fn no_reply_makes_a_panic(value in any_value()) {
            let _ = append(value.clone(), &keys());
            let _ = sync(value.clone(), &keys());
            let _ = census(value.clone(), &keys());
            let _ = left(value.clone(), &keys());
            let _ = look(value, &keys());
        }
    }

    #[test]
    fn an_append_reads_back() {
        let reply = |known| {
            Value::Array(vec![
                word("appended"),
                word("5-1"),
                word("00000000000000ff"),
                Value::Int(1),
                Value::Int(known),
                word("00000000000000aa"),
            ])
        };
        let read = append(reply(0), &keys()).unwrap();
        let sequence = Sequence {
            millis: 5,
            number: 1,
        };
        let mark = Mark(255);
        assert_eq!(read.appended.position, Position { sequence, mark });
        assert_eq!((read.rang, read.identity), (Rang::Yes, Identity::Unknown));
        assert_eq!(read.appended.list, None);
        let read = append(reply(1), &keys()).unwrap();
        assert_eq!(read.appended.list, Some(Mark(0xaa)));
    }

    #[test]
    fn an_unexpected_shape_is_unreadable_and_the_connection_is_not_kept() {
        for reply in [
            Value::Nil,
            Value::Int(1),
            Value::Array(vec![]),
            Value::Array(vec![word("synced")]),
        ] {
            let (error, health) = sync(reply, &keys()).unwrap_err();
            assert_eq!(error.trouble, Trouble::Unreadable);
            assert_eq!(health, Health::Doubtful);
        }
    }

    #[test]
    fn a_payload_over_the_limit_is_not_kept() {
        assert!(bounded(vec![0; MAX_PAYLOAD_BYTES + 1]).is_empty());
        assert_eq!(bounded(vec![0; 5]).len(), 5);
    }
}
