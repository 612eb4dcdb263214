#![doc = include_str!("../docs/wire.md")]

mod binary;
#[cfg(test)]
mod fuzz;
mod json;
mod names;
#[cfg(test)]
mod tests;

use crate::target::Target;
use crate::write_intent::{IntentId, WriteIntent};

#[cfg(test)]
pub(crate) use binary::{encode, fits};
pub(crate) use binary::{encode_intent, encode_with, leading};

/// The longest message, in bytes.
pub(crate) const MAX_MESSAGE_BYTES: usize = 256 * 1024;

/// The most targets in one message.
pub(crate) const MAX_TARGETS: usize = 65_536;

/// The most ends of writes in one message. The rest goes in the next.
pub(crate) const MAX_ENDED: usize = 256;

/// What a message says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Decoded {
    Message(Message),
    /// In the log, read it as everything.
    Unreadable(Unreadable),
}

/// What a message says that can be read.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Message {
    /// What became stale.
    pub(crate) targets: Vec<Target>,
    /// How many targets were of a kind or had a flag that this version does
    /// not know. They are one "everything" in `targets`.
    pub(crate) unknown: usize,
    /// A write that begins, and has made nothing stale yet.
    pub(crate) begun: Option<WriteIntent>,
    /// Writes that have ended. What they made stale is in `targets`, or in messages
    /// before.
    pub(crate) ended: Vec<IntentId>,
}

/// Why a message cannot be read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Unreadable {
    /// No bytes at all.
    Empty,
    /// Longer than [`MAX_MESSAGE_BYTES`].
    TooLong,
    /// More targets than [`MAX_TARGETS`].
    TooManyTargets,
    /// A version that is not 1.
    Version,
    /// Binary that ends early, names an impossible length or is not UTF-8.
    Malformed,
    /// A whole message, and then more.
    TrailingBytes,
    /// It begins like JSON and is none.
    NotJson,
    /// JSON with a field that is unknown, given twice or of the wrong type.
    JsonField,
}

impl Unreadable {
    /// A name for counters and logs.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::TooLong => "too long",
            Self::TooManyTargets => "too many targets",
            Self::Version => "version",
            Self::Malformed => "malformed",
            Self::TrailingBytes => "trailing bytes",
            Self::NotJson => "not json",
            Self::JsonField => "json field",
        }
    }
}

/// Reads a message in either form. The bytes are untrusted: whatever they are,
/// this neither panics nor takes more than some megabytes for a while.
pub(crate) fn decode(message: &[u8]) -> Decoded {
    read(message).unwrap_or_else(Decoded::Unreadable)
}

fn read(message: &[u8]) -> Result<Decoded, Unreadable> {
    let (version, rest) = message.split_first().ok_or(Unreadable::Empty)?;
    if message.len() > MAX_MESSAGE_BYTES {
        return Err(Unreadable::TooLong);
    }
    match version {
        1 => binary::decode(rest),
        b'{' | b' ' | b'\t' | b'\r' | b'\n' => json::decode(message),
        _ => Err(Unreadable::Version),
    }
}
