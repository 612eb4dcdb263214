//! The binary form. `bincode` is named here only.

use super::{Decoded, MAX_ENDED, MAX_MESSAGE_BYTES, MAX_TARGETS, Message, Unreadable, names};
use crate::scope::Scope;
use crate::target::{Strength, Target, What};
use crate::write_intent::{self, IntentId, WriteIntent};
use bincode::config::{self, Config};
use bincode::serde::{borrow_decode_from_slice, encode_into_std_write};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::time::Duration;

const VERSION: u8 = 1;

/// The kinds. 0 is never used; other numbers are for later versions.
const URI: u8 = 1;
const PATH: u8 = 2;
const PREFIX: u8 = 3;
const TAG: u8 = 4;
const GROUP: u8 = 5;
const EVERYTHING: u8 = 6;
const BEGUN: u8 = 7;
const ENDED: u8 = 8;

/// The flags. Other bits are for later versions.
const SOFT: u8 = 1;
const INTENDED: u8 = 2;

/// How many digits an id has.
const ID_LEN: usize = 16;

/// What a message may claim while it is read. A length takes one byte at least
/// and is claimed as eight, so this never refuses a message that is short enough.
const MAX_CLAIM: usize = 9 * MAX_MESSAGE_BYTES;

/// What follows the version byte. Flat: reading it never recurses, and no vector
/// in it has items that take no bytes.
#[derive(Serialize, Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    targets: Vec<WireTarget<'a>>,
    /// For fields of later versions; this one skips it.
    later: &'a [u8],
}

/// One target of any kind, also of those that this version does not know.
#[derive(Serialize, Deserialize)]
struct WireTarget<'a> {
    kind: u8,
    flags: u8,
    scope: Option<&'a str>,
    #[serde(borrow)]
    parts: Vec<&'a str>,
}

/// Little-endian, lengths as variable integers.
fn config() -> impl Config {
    config::standard()
        .with_little_endian()
        .with_variable_int_encoding()
        .with_limit::<MAX_CLAIM>()
}

/// One message that names these targets.
#[cfg(test)]
pub(crate) fn encode(targets: &[Target]) -> Bytes {
    encode_with(targets, &[])
}

/// One message that names these targets, and says that these writes have ended; at
/// most [`MAX_ENDED`] are said. Targets that do not fit become one "everything":
/// wider, never lost.
pub(crate) fn encode_with(targets: &[Target], ended: &[IntentId]) -> Bytes {
    let ended = ended.iter().take(MAX_ENDED);
    let ids: Vec<_> = ended.map(IntentId::to_string).collect();
    let ended = ids.iter().map(|id| WireTarget::said(ENDED, vec![id]));
    let everything = [Target::everything()];
    let targets = if within_limits(targets, ids.len()) == targets.len() {
        targets
    } else {
        &everything
    };
    write(targets.iter().map(WireTarget::of).chain(ended).collect())
}

/// One message that announces a write. Targets that do not fit become "everything".
pub(crate) fn encode_intent(intent: &WriteIntent) -> Bytes {
    let (id, lasts) = (intent.id.to_string(), intent.lasts.as_millis().to_string());
    let everything = [Target::everything()];
    // What begins it takes no more room than two ends.
    let targets = if within_limits(&intent.targets, 2) == intent.targets.len() {
        &intent.targets[..]
    } else {
        &everything
    };
    let intended = targets.iter().map(|target| {
        let target = WireTarget::of(target);
        let flags = target.flags | INTENDED;
        WireTarget { flags, ..target }
    });
    let begun = WireTarget::said(BEGUN, vec![&id, &lasts]);
    write(std::iter::once(begun).chain(intended).collect())
}

/// Whether the targets fit into one message.
#[cfg(test)]
pub(crate) fn fits(targets: &[Target]) -> bool {
    within_limits(targets, 0) == targets.len()
}

/// How many targets from the front to put into the next message, beside so many
/// ends: as many as fit, and one if the first does not fit alone (it is then encoded
/// as "everything"). Zero only for no targets.
pub(crate) fn leading(targets: &[Target], ended: usize) -> usize {
    within_limits(targets, ended.min(MAX_ENDED))
        .max(1)
        .min(targets.len())
}

fn within_limits(targets: &[Target], ended: usize) -> usize {
    // The version, the longest count, the length of `later`, and for each end a kind,
    // flags, no scope, one part and its length.
    let mut bytes = 1 + varint_len(MAX_TARGETS) + 1 + ended * (5 + ID_LEN);
    targets
        .iter()
        .take(MAX_TARGETS - ended)
        .take_while(|target| {
            bytes += target_len(target);
            bytes <= MAX_MESSAGE_BYTES
        })
        .count()
}

fn write(targets: Vec<WireTarget<'_>>) -> Bytes {
    let message = Envelope {
        targets,
        later: &[],
    };
    let mut bytes = vec![VERSION];
    encode_into_std_write(&message, &mut bytes, config())
        .expect("a vector takes all bytes, and a message has no type that bincode refuses");
    bytes.into()
}

/// How many bytes a target takes.
fn target_len(target: &Target) -> usize {
    let text_len = |text: &str| varint_len(text.len()) + text.len();
    let wire = WireTarget::of(target);
    let scope = 1 + wire.scope.map_or(0, text_len);
    let parts: usize = wire.parts.iter().map(|part| text_len(part)).sum();
    2 + scope + varint_len(wire.parts.len()) + parts
}

fn varint_len(value: usize) -> usize {
    match value {
        0..=250 => 1,
        251..=0xffff => 3,
        0x1_0000..=0xffff_ffff => 5,
        _ => 9,
    }
}

/// Reads what follows the version byte.
pub(super) fn decode(rest: &[u8]) -> Result<Decoded, Unreadable> {
    let (message, consumed) = borrow_decode_from_slice::<Envelope<'_>, _>(rest, config())
        .map_err(|_| Unreadable::Malformed)?;
    if consumed != rest.len() {
        return Err(Unreadable::TrailingBytes);
    }
    if message.targets.len() > MAX_TARGETS {
        return Err(Unreadable::TooManyTargets);
    }
    Ok(Decoded::Message(Message::of(&message.targets)))
}

impl Message {
    fn of(said: &[WireTarget<'_>]) -> Self {
        let mut message = Self::default();
        let mut intended = Vec::new();
        for one in said {
            match one.read() {
                Some(Said::Target(target)) => message.targets.push(target),
                Some(Said::Intended(target)) => intended.push(target),
                Some(Said::Ended(id)) => message.ended.push(id),
                Some(Said::Begun(begun)) if message.begun.is_none() => message.begun = Some(begun),
                Some(Said::Begun(_)) | None => message.unknown += 1,
            }
        }
        match &mut message.begun {
            Some(begun) => begun.targets = intended,
            None => message.unknown += intended.len(),
        }
        if message.unknown > 0 {
            message.targets.push(Target::everything());
        }
        message
    }
}

/// What one of the list says.
enum Said {
    Target(Target),
    /// What the write that begins in this message will make stale.
    Intended(Target),
    Begun(WriteIntent),
    Ended(IntentId),
}

impl<'a> WireTarget<'a> {
    /// What is no target.
    fn said(kind: u8, parts: Vec<&'a str>) -> Self {
        Self {
            kind,
            flags: 0,
            scope: None,
            parts,
        }
    }

    fn of(target: &'a Target) -> Self {
        let (kind, parts) = match &target.what {
            What::Uri(text) => (URI, vec![&**text]),
            What::Path(path) => (PATH, vec![path.as_str()]),
            What::Prefix(path) => (PREFIX, vec![path.as_str()]),
            What::Tag(tag) => (TAG, vec![tag.as_str()]),
            What::Group { origin, name } => (GROUP, vec![&**origin, &**name]),
            What::Everything => (EVERYTHING, vec![]),
        };
        Self {
            kind,
            flags: match target.strength {
                Strength::Hard => 0,
                Strength::Soft => SOFT,
            },
            scope: target.scope.as_ref().map(Scope::as_str),
            parts,
        }
    }

    /// What it says; `None` if this version does not know.
    fn read(&self) -> Option<Said> {
        match (self.kind, self.flags, self.scope, &*self.parts) {
            (BEGUN, 0, None, [id, lasts]) => {
                let lasts = Duration::from_millis(lasts.parse().ok()?);
                Some(Said::Begun(WriteIntent {
                    id: id.parse().ok()?,
                    lasts: lasts.min(write_intent::LONGEST),
                    targets: Vec::new(),
                }))
            }
            (ENDED, 0, None, [id]) => Some(Said::Ended(id.parse().ok()?)),
            (_, flags, ..) if flags & INTENDED != 0 => {
                Some(Said::Intended(self.target(flags & !INTENDED)?))
            }
            (_, flags, ..) => Some(Said::Target(self.target(flags)?)),
        }
    }

    fn target(&self, flags: u8) -> Option<Target> {
        let strength = match flags {
            0 => Strength::Hard,
            SOFT => Strength::Soft,
            _ => return None,
        };
        Some(Target {
            scope: self.scope.map(Scope::new),
            what: self.what()?,
            strength,
        })
    }

    /// Paths, URIs and origins are normalised again, so that a sender in another
    /// language need not do it as exactly as we do.
    fn what(&self) -> Option<What> {
        match (self.kind, &*self.parts) {
            (URI, [text]) => names::uri(text),
            (PATH, [path]) => names::path(path),
            (PREFIX, [path]) => names::prefix(path),
            (TAG, [name]) => Some(What::Tag((*name).into())),
            (GROUP, [origin, name]) => names::group(origin, name),
            (EVERYTHING, []) => Some(What::Everything),
            _ => None,
        }
    }
}
