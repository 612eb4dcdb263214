//! What this instance has appended, in case a log loses what it has acknowledged.

use crate::bus::{Checkpoint, List, Standing, Verdict};
use crate::position::{Mark, Position};
use bytes::Bytes;
use std::collections::VecDeque;

/// The most batches that are kept, and the most bytes of them.
const MOST: usize = 256;
const MOST_BYTES: usize = 1 << 20;

/// The newest batches that the log has acknowledged, oldest first.
///
/// A failover may lose what a master has acknowledged. Where the new master knows
/// that it is one, its log says "everything" first, and nothing is missing. Where
/// both have served for a while (split brain), what one of them took after that
/// entry is lost to the followers of the other. Then these are sent once more.
///
/// All of them stand in one history of a log. What is forgotten stands before the
/// oldest that is kept: if that one stands, so does all that is forgotten.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Kept {
    batches: VecDeque<(Position, Bytes)>,
    bytes: usize,
    /// The list of members that the last answer named: another one means that the
    /// log may have changed hands.
    born: Option<Mark>,
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
    /// The log has acknowledged a batch.
    pub(crate) fn acknowledged(&mut self, position: Position, payload: Bytes) {
        self.bytes += payload.len();
        self.batches.push_back((position, payload));
        while self.batches.len() > MOST || (self.bytes > MOST_BYTES && self.batches.len() > 1) {
            self.drop_oldest();
        }
    }

    /// What to ask the log for.
    pub(crate) fn checkpoint(&self) -> Option<Checkpoint> {
        let (oldest, _) = self.batches.front()?;
        let (newest, _) = self.batches.back()?;
        Some(Checkpoint {
            oldest: *oldest,
            newest: *newest,
        })
    }

    /// The answer to a question that had this checkpoint. What is to be sent again
    /// is not kept any more: it comes back with its new acknowledgement.
    pub(crate) fn answered(
        &mut self,
        checkpoint: Option<Checkpoint>,
        verdict: Verdict,
        list: Option<List>,
        standing: Standing,
    ) -> Again {
        let born = list.map(|list| list.born);
        let same_hands = born.is_some() && born == self.born;
        self.born = born;
        let Some(Checkpoint { newest, .. }) = checkpoint else {
            return Again::Nothing;
        };
        match standing {
            Standing::Whole | Standing::NotAsked => Again::Nothing,
            Standing::Cut => Again::Batches(self.take_until(newest)),
            Standing::Trimmed if same_hands || verdict != Verdict::Unknown => {
                drop(self.take_until(newest));
                Again::Nothing
            }
            Standing::Trimmed | Standing::Lacking => {
                drop(self.take_until(newest));
                Again::Everything
            }
        }
    }

    /// Takes out the batches up to this one.
    fn take_until(&mut self, newest: Position) -> Vec<Bytes> {
        let place = self.batches.iter().position(|(at, _)| *at == newest);
        let taken = self.batches.drain(..place.map_or(0, |place| place + 1));
        let taken: Vec<_> = taken.map(|(_, payload)| payload).collect();
        self.bytes -= taken.iter().map(Bytes::len).sum::<usize>();
        taken
    }

    fn drop_oldest(&mut self) {
        if let Some((_, payload)) = self.batches.pop_front() {
            self.bytes -= payload.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::position::Sequence;
    use std::time::Duration;

    fn at(number: u64) -> Position {
        let sequence = Sequence { millis: 1, number };
        let mark = Mark(number);
        Position { sequence, mark }
    }

    fn kept(numbers: std::ops::RangeInclusive<u64>) -> Kept {
        let mut kept = Kept::default();
        for number in numbers {
            kept.acknowledged(at(number), number.to_string().into());
        }
        kept
    }

    fn list(born: u64) -> Option<List> {
        let largest = Duration::from_secs(3);
        let born = Mark(born);
        Some(List { born, largest })
    }

    fn answered(kept: &mut Kept, verdict: Verdict, born: u64, standing: Standing) -> Again {
        let checkpoint = kept.checkpoint();
        kept.answered(checkpoint, verdict, list(born), standing)
    }

    #[test]
    fn what_stands_is_not_sent_again() {
        let mut kept = kept(1..=3);
        let again = answered(&mut kept, Verdict::Verified, 1, Standing::Whole);
        assert_eq!(again, Again::Nothing);
        assert!(kept.checkpoint().is_some());
    }

    #[test]
    fn a_log_that_has_lost_the_end_gets_it_again_and_what_came_since_stays() {
        let mut kept = kept(1..=3);
        let checkpoint = kept.checkpoint();
        kept.acknowledged(at(9), "9".into());
        let again = kept.answered(checkpoint, Verdict::Verified, list(2), Standing::Cut);
        assert_eq!(
            again,
            Again::Batches(vec!["1".into(), "2".into(), "3".into()])
        );
        assert_eq!(kept, {
            let mut rest = self::kept(9..=9);
            rest.born = Some(Mark(2));
            rest
        });
    }

    #[test]
    fn a_log_without_the_checkpoint_gets_everything_once() {
        let mut kept = kept(1..=3);
        let again = answered(&mut kept, Verdict::Unknown, 1, Standing::Lacking);
        assert_eq!(again, Again::Everything);
        let again = answered(&mut kept, Verdict::Verified, 1, Standing::NotAsked);
        assert_eq!(again, Again::Nothing);
    }

    #[test]
    fn what_was_trimmed_away_in_order_is_not_lost() {
        let trimmed = |verdict, before, now| {
            let mut kept = kept(1..=3);
            let _ = answered(&mut kept, Verdict::Verified, before, Standing::Whole);
            answered(&mut kept, verdict, now, Standing::Trimmed)
        };
        assert_eq!(trimmed(Verdict::Verified, 1, 2), Again::Nothing);
        assert_eq!(trimmed(Verdict::TooFarBehind, 1, 2), Again::Nothing);
        assert_eq!(trimmed(Verdict::Unknown, 1, 1), Again::Nothing);
        assert_eq!(trimmed(Verdict::Unknown, 1, 2), Again::Everything);
    }

    #[test]
    fn a_bounded_number_is_kept_and_the_oldest_is_the_checkpoint() {
        let kept = kept(1..=1000);
        assert_eq!(kept.batches.len(), MOST);
        assert_eq!(kept.checkpoint().unwrap().oldest, at(1000 - 255));
        let mut kept = Kept::default();
        kept.acknowledged(at(1), vec![0; MOST_BYTES].into());
        kept.acknowledged(at(2), vec![0; MOST_BYTES].into());
        assert_eq!((kept.batches.len(), kept.bytes), (1, MOST_BYTES));
    }
}
