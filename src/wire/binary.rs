//! The binary form. `bincode` is named here only.

use super::{Decoded, MAX_MESSAGE_BYTES, MAX_TARGETS, Unreadable, names};
use crate::scope::Scope;
use crate::target::{Strength, Target, What};
use bincode::config::{self, Config};
use bincode::serde::{borrow_decode_from_slice, encode_into_std_write};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

const VERSION: u8 = 1;

/// The kinds. 0 is never used; other numbers are for later versions.
const URI: u8 = 1;
const PATH: u8 = 2;
const PREFIX: u8 = 3;
const TAG: u8 = 4;
const GROUP: u8 = 5;
const EVERYTHING: u8 = 6;

/// The flags. Other bits are for later versions.
const SOFT: u8 = 1;

/// What a message may claim while it is read. A length takes one byte at least
/// and is claimed as eight, so this never refuses a message that is short enough.
const MAX_CLAIM: usize = 9 * MAX_MESSAGE_BYTES;

/// What follows the version byte. Flat: reading it never recurses, and no vector
/// in it has items that take no bytes.
#[derive(Serialize, Deserialize)]
struct Message<'a> {
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

/// One message that names these targets. Targets that do not [fit](fits) become
/// one "everything": wider, never lost.
pub(crate) fn encode(targets: &[Target]) -> Bytes {
    if fits(targets) {
        write(targets)
    } else {
        write(&[Target::everything()])
    }
}

/// Whether the targets fit into one message.
pub(crate) fn fits(targets: &[Target]) -> bool {
    within_limits(targets) == targets.len()
}

/// How many targets from the front to put into the next message: as many as fit,
/// and one if the first does not fit alone (it is then encoded as "everything").
/// Zero only for no targets.
pub(crate) fn leading(targets: &[Target]) -> usize {
    within_limits(targets).max(1).min(targets.len())
}

fn within_limits(targets: &[Target]) -> usize {
    // The version, the longest count, and the length of `later`.
    let mut bytes = 1 + varint_len(MAX_TARGETS) + 1;
    targets
        .iter()
        .take(MAX_TARGETS)
        .take_while(|target| {
            bytes += target_len(target);
            bytes <= MAX_MESSAGE_BYTES
        })
        .count()
}

fn write(targets: &[Target]) -> Bytes {
    let message = Message {
        targets: targets.iter().map(WireTarget::of).collect(),
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
    let (message, consumed) = borrow_decode_from_slice::<Message<'_>, _>(rest, config())
        .map_err(|_| Unreadable::Malformed)?;
    if consumed != rest.len() {
        return Err(Unreadable::TrailingBytes);
    }
    if message.targets.len() > MAX_TARGETS {
        return Err(Unreadable::TooManyTargets);
    }
    let mut targets: Vec<Target> = message
        .targets
        .iter()
        .filter_map(WireTarget::read)
        .collect();
    let unknown = message.targets.len() - targets.len();
    if unknown > 0 {
        targets.push(Target::everything());
    }
    Ok(Decoded::Targets { targets, unknown })
}

impl<'a> WireTarget<'a> {
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

    /// The target; `None` if this version does not know what it is.
    fn read(&self) -> Option<Target> {
        let strength = match self.flags {
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
