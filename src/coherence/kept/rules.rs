//! The decisions of what is kept that nobody may get wrong. Each is small enough
//! to be replaced by a broken one in a model, to see that the model notices.

use crate::bus::{Checkpoint, Standing, Verdict};
use crate::position::{Mark, Position};

/// What a log has lost of a checkpoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Loss {
    Nothing,
    /// Nothing that is not kept here.
    TheKept,
    /// More than that, maybe.
    Unknown,
}

/// What to ask for, of batches that stand in one history: the newest stands for all
/// before it, and the oldest for all that is forgotten.
pub(crate) fn checkpoint(oldest: Position, newest: Position) -> Checkpoint {
    Checkpoint { oldest, newest }
}

/// Whether two batches, or a batch and an answer, are of one history: the log had
/// the same list of members.
pub(crate) fn one_history(one: Option<Mark>, other: Option<Mark>) -> bool {
    one == other
}

/// What is lost, of batches that were last known to stand under the list `held_by`.
/// What is older than a log was trimmed away in order only if it stood in this one.
pub(crate) fn loss(
    standing: Standing,
    held_by: Option<Mark>,
    answering: Option<Mark>,
    verdict: Verdict,
) -> Loss {
    let same_hands = match answering {
        Some(_) => held_by == answering,
        // This server does not say who it is.
        None => verdict != Verdict::Unknown,
    };
    match standing {
        Standing::Whole | Standing::NotAsked => Loss::Nothing,
        Standing::Trimmed if same_hands => Loss::Nothing,
        Standing::Cut => Loss::TheKept,
        Standing::Trimmed | Standing::Lacking => Loss::Unknown,
    }
}

/// Whether an everything of a log is enough for what it lacks: one of the same log that
/// came after that was known. An older one may be older than what is lacking.
pub(crate) fn is_enough(same_log: bool, came_later: bool) -> bool {
    same_log && came_later
}
