//! Whether what an instance has applied satisfies a token.

use crate::position::Position;
use crate::token::{Part, Token};

/// Whether the writes of a token are applied here.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Satisfied {
    /// All of them.
    Yes,
    /// Not as far as is known; the log may tell.
    NotYet,
    /// No log will ever tell this instance.
    Never,
}

/// Satisfied as far as its least satisfied part. `instance` is this one, and `holds`
/// says whether exactly that entry is known to be applied here.
pub(crate) fn by(token: &Token, instance: u64, holds: impl Fn(Position) -> bool) -> Satisfied {
    let parts = token.parts().iter().map(|part| match *part {
        Part::At(position) if holds(position) => Satisfied::Yes,
        Part::At(_) => Satisfied::NotYet,
        // It was applied here before the ticket was given out.
        Part::Here {
            instance: taker, ..
        } if taker == instance => Satisfied::Yes,
        Part::Here { .. } | Part::Nowhere => Satisfied::Never,
    });
    parts.max().unwrap_or(Satisfied::Never)
}
