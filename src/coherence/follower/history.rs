//! The entries that were applied here, as one chain.

use crate::position::Position;
use std::collections::VecDeque;

/// How many are remembered.
const MOST: usize = 256;

/// The last applied entries, oldest first. Each follows on the one before it in
/// one history of the log, so the newest stands for all of them: it is the
/// position.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct History(VecDeque<Position>);

impl History {
    /// The position: the newest entry. `None` before the first adoption.
    pub(super) fn position(&self) -> Option<Position> {
        self.0.back().copied()
    }

    /// Whether exactly this entry is known to have been applied.
    pub(super) fn holds(&self, position: Position) -> bool {
        self.0.iter().rev().any(|applied| *applied == position)
    }

    /// An entry that follows on the newest.
    pub(super) fn push(&mut self, position: Position) {
        if self.0.len() >= MOST {
            self.0.pop_front();
        }
        self.0.push_back(position);
    }

    /// Forgets what came after this entry; all, if it is not known.
    pub(super) fn cut_after(&mut self, position: Position) {
        let place = self.0.iter().rposition(|applied| *applied == position);
        self.0.truncate(place.map_or(0, |place| place + 1));
    }

    /// Begins a new chain.
    pub(super) fn begin(&mut self, position: Position) {
        self.0.clear();
        self.0.push_back(position);
    }
}
