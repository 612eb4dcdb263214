//! The batches, and what becomes of them when a log answers.

use super::rules::{self, Loss};
use super::{MOST, MOST_BYTES};
use crate::bus::{Answer, Checkpoint, List, Standing, Verdict};
use crate::position::{Mark, Position, Sequence};
use bytes::Bytes;
use std::collections::VecDeque;
use std::ops::Range;

/// The newest batches that the log has acknowledged, oldest first.
///
/// A failover may lose what a master has acknowledged. Where the new master knows
/// that it is one, its log says "everything" first, and nothing is missing. Where
/// both have served for a while (split brain), what one of them took after that
/// entry is lost to the followers of the other. Then these are sent once more.
///
/// An instance that is led from one to the other has batches in both histories: the
/// next one may be acknowledged before the next question. So each batch bears the
/// list of members under which it was last known to stand, and batches of one list
/// are asked for together, never across two. What is forgotten stands before the
/// oldest that is kept, in the same history: if that one stands, so does all that
/// is forgotten.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Kept {
    batches: VecDeque<Batch>,
    bytes: usize,
    /// The list that was named last: another one means that the log may have changed
    /// hands.
    list: Option<Mark>,
    /// Something was forgotten that no kept batch stands for.
    doubt: bool,
    /// Since when everything is to be sent.
    lacking: Option<Lacking>,
}

/// A log has lost more than is kept.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Lacking {
    list: Option<Mark>,
    /// What is lost was acknowledged before the log, which lacks it, was as long.
    head: Sequence,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Batch {
    position: Position,
    payload: Bytes,
    held_by: Option<Mark>,
}

/// What to send once more.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Again {
    Nothing,
    /// These payloads.
    Batches(Vec<Bytes>),
    /// It is not known what was lost.
    Everything,
}

impl Kept {
    /// The log, with this list of members, has acknowledged a batch.
    pub(crate) fn acknowledged(&mut self, position: Position, payload: Bytes, list: Option<Mark>) {
        self.list = list;
        self.bytes += payload.len();
        self.batches.push_back(Batch {
            position,
            payload,
            held_by: list,
        });
        while self.batches.len() > MOST || (self.bytes > MOST_BYTES && self.batches.len() > 1) {
            self.drop_oldest();
        }
    }

    /// What to ask the log for: the first that are not known to stand in it, else
    /// all.
    pub(crate) fn checkpoint(&self) -> Option<Checkpoint> {
        let first = self.first_in_question().unwrap_or(0);
        let oldest = self.batches.get(first)?;
        let run = self.batches.iter().skip(first);
        let newest = run
            .take_while(|batch| rules::one_history(batch.held_by, oldest.held_by))
            .last()?;
        Some(rules::checkpoint(oldest.position, newest.position))
    }

    /// Whether more is to be asked for at once.
    pub(crate) fn is_in_question(&self) -> bool {
        self.doubt || self.first_in_question().is_some()
    }

    /// The answer to a question that had this checkpoint. What is to be sent again
    /// is not kept any more: it comes back with its new acknowledgement.
    pub(crate) fn answered<P>(
        &mut self,
        checkpoint: Option<Checkpoint>,
        answer: &Answer<P>,
    ) -> Again {
        let list = answer.list.map(|list| list.born);
        self.list = list;
        let again = self.again(checkpoint, list, answer.verdict, answer.standing);
        if again == Again::Everything {
            let head = answer.head.sequence;
            self.lacking = Some(Lacking { list, head });
        }
        again
    }

    /// Whether an everything that stands here in a log, with this list, tells all that
    /// was lost when everything was last to be sent.
    pub(crate) fn makes_needless(&self, list: Option<List>, everything: Sequence) -> bool {
        let list = list.map(|list| list.born);
        self.lacking.is_some_and(|lacking| {
            let came_later = everything > lacking.head;
            rules::is_enough(rules::one_history(lacking.list, list), came_later)
        })
    }

    fn again(
        &mut self,
        checkpoint: Option<Checkpoint>,
        list: Option<Mark>,
        verdict: Verdict,
        standing: Standing,
    ) -> Again {
        if std::mem::take(&mut self.doubt) {
            self.take(0..self.batches.len());
            return Again::Everything;
        }
        let Some(checkpoint) = checkpoint else {
            return Again::Nothing;
        };
        let asked = self.asked(checkpoint);
        let newest = self.batches.range(asked.clone()).next_back();
        let held_by = newest.and_then(|batch| batch.held_by);
        match rules::loss(standing, held_by, list, verdict) {
            Loss::Nothing if standing == Standing::Whole => {
                let stand = self.batches.range_mut(asked);
                stand.for_each(|batch| batch.held_by = list);
                Again::Nothing
            }
            Loss::Nothing => {
                self.take(asked);
                Again::Nothing
            }
            Loss::TheKept => Again::Batches(self.take(asked)),
            Loss::Unknown => {
                self.take(asked);
                Again::Everything
            }
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.batches.len()
    }

    fn first_in_question(&self) -> Option<usize> {
        let mut batches = self.batches.iter();
        batches.position(|batch| !rules::one_history(batch.held_by, self.list))
    }

    /// The batches of a checkpoint, without those that were forgotten since.
    fn asked(&self, checkpoint: Checkpoint) -> Range<usize> {
        let place = |at| self.batches.iter().position(|batch| batch.position == at);
        let end = place(checkpoint.newest).map_or(0, |newest| newest + 1);
        place(checkpoint.oldest).unwrap_or(0).min(end)..end
    }

    fn take(&mut self, places: Range<usize>) -> Vec<Bytes> {
        let taken = self.batches.drain(places).map(|batch| batch.payload);
        let taken: Vec<_> = taken.collect();
        self.bytes -= taken.iter().map(Bytes::len).sum::<usize>();
        taken
    }

    fn drop_oldest(&mut self) {
        let Some(dropped) = self.batches.pop_front() else {
            return;
        };
        self.bytes -= dropped.payload.len();
        let oldest = self.batches.front();
        self.doubt |=
            oldest.is_some_and(|oldest| !rules::one_history(dropped.held_by, oldest.held_by));
    }
}
