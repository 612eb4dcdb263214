//! What this instance has sent itself.

use crate::position::Mark;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// How many marks are remembered. An entry that comes back later than that is
/// applied once more, which is safe.
const MOST: usize = 1024;

/// The marks of what was sent, oldest first. Each attempt has a mark of its own,
/// made here: nobody else's entry is taken for one of these.
///
/// What was enqueued here was applied here before. To apply it again when it
/// comes back would only drop what was filled since.
#[derive(Debug, Default)]
pub(super) struct Sent(Mutex<VecDeque<Mark>>);

impl Sent {
    /// Called before the attempt: its ring may be faster than its answer.
    pub(super) fn remember(&self, mark: Mark) {
        let mut marks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if marks.len() >= MOST {
            marks.pop_front();
        }
        marks.push_back(mark);
    }

    pub(super) fn holds(&self, mark: Mark) -> bool {
        let marks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        marks.iter().rev().any(|sent| *sent == mark)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_marks_are_remembered_and_no_more() {
        let sent = Sent::default();
        for mark in 0..=1024 {
            sent.remember(Mark(mark));
        }
        assert!(!sent.holds(Mark(0)));
        assert!(sent.holds(Mark(1)) && sent.holds(Mark(1024)));
        assert_eq!(sent.0.lock().unwrap().len(), MOST);
    }
}
