use super::*;
use crate::bus::{Answer, List, Standing, Verdict};
use crate::position::{Mark, Position, Sequence};
use std::time::Duration;

fn at(number: u64) -> Position {
    let sequence = Sequence { millis: 1, number };
    let mark = Mark(number);
    Position { sequence, mark }
}

fn keep(kept: &mut Kept, numbers: std::ops::RangeInclusive<u64>, list: u64) {
    for number in numbers {
        kept.acknowledged(at(number), number.to_string().into(), Some(Mark(list)));
    }
}

fn kept(numbers: std::ops::RangeInclusive<u64>) -> Kept {
    let mut kept = Kept::default();
    keep(&mut kept, numbers, 1);
    kept
}

fn list(born: u64) -> Option<List> {
    let largest = Duration::from_secs(3);
    let born = Mark(born);
    Some(List { born, largest })
}

fn answered(kept: &mut Kept, verdict: Verdict, born: u64, standing: Standing) -> Again {
    let checkpoint = kept.checkpoint();
    kept.answered(checkpoint, &answer(verdict, list(born), standing))
}

/// The head is entry 9.
fn answer(verdict: Verdict, list: Option<List>, standing: Standing) -> Answer<()> {
    Answer {
        verdict,
        entries: Vec::new(),
        head: at(9),
        cloned: false,
        list,
        standing,
        longest_intent: Duration::ZERO,
    }
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
    keep(&mut kept, 9..=9, 2);
    let again = kept.answered(
        checkpoint,
        &answer(Verdict::Verified, list(2), Standing::Cut),
    );
    assert_eq!(
        again,
        Again::Batches(vec!["1".into(), "2".into(), "3".into()])
    );
    assert_eq!(kept, {
        let mut rest = Kept::default();
        keep(&mut rest, 9..=9, 2);
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

/// What it has appended under the list 1 is trimmed away under the list `now`.
#[test]
fn what_was_trimmed_away_in_order_is_not_lost() {
    let trimmed = |verdict, now| answered(&mut kept(1..=3), verdict, now, Standing::Trimmed);
    assert_eq!(trimmed(Verdict::Verified, 1), Again::Nothing);
    assert_eq!(trimmed(Verdict::TooFarBehind, 1), Again::Nothing);
    assert_eq!(trimmed(Verdict::Unknown, 1), Again::Nothing);
    assert_eq!(trimmed(Verdict::Unknown, 2), Again::Everything);
    // The position may be of the new history, and the batch of the old one.
    assert_eq!(trimmed(Verdict::Verified, 2), Again::Everything);
}

/// A server that does not say who it is: only the position tells.
#[test]
fn without_a_list_what_was_trimmed_away_is_lost_with_the_position() {
    let trimmed = |verdict| {
        let mut kept = Kept::default();
        kept.acknowledged(at(1), "1".into(), None);
        let checkpoint = kept.checkpoint();
        kept.answered(checkpoint, &answer(verdict, None, Standing::Trimmed))
    };
    assert_eq!(trimmed(Verdict::Verified), Again::Nothing);
    assert_eq!(trimmed(Verdict::Unknown), Again::Everything);
}

/// The connection is led to another master, and the next batch is acknowledged
/// there before the next question. Asked for together, the new batch would stand
/// for the old one, which its log does not have.
#[test]
fn a_batch_that_another_master_took_does_not_stand_for_the_ones_before() {
    let mut kept = kept(1..=2);
    let _ = answered(&mut kept, Verdict::Verified, 1, Standing::Whole);
    keep(&mut kept, 7..=8, 2);
    assert!(kept.is_in_question());
    let checkpoint = kept.checkpoint().unwrap();
    assert_eq!((checkpoint.oldest, checkpoint.newest), (at(1), at(2)));
    let again = answered(&mut kept, Verdict::Verified, 2, Standing::Cut);
    assert_eq!(again, Again::Batches(vec!["1".into(), "2".into()]));
    assert!(!kept.is_in_question());
    assert_eq!(kept.checkpoint().unwrap().oldest, at(7));
}

#[test]
fn what_stands_under_the_new_list_is_asked_for_together_from_then_on() {
    let mut kept = kept(1..=2);
    keep(&mut kept, 7..=8, 2);
    let again = answered(&mut kept, Verdict::Verified, 2, Standing::Whole);
    assert_eq!(again, Again::Nothing);
    let checkpoint = kept.checkpoint().unwrap();
    assert_eq!((checkpoint.oldest, checkpoint.newest), (at(1), at(8)));
}

#[test]
fn a_batch_that_is_forgotten_before_the_new_master_was_asked_for_it_is_everything() {
    let mut kept = kept(1..=1);
    keep(&mut kept, 2..=256, 2);
    keep(&mut kept, 257..=257, 2);
    assert!(kept.is_in_question());
    let again = answered(&mut kept, Verdict::Verified, 2, Standing::Whole);
    assert_eq!(again, Again::Everything);
    assert!(!kept.is_in_question() && kept.len() == 0);
}

#[test]
fn a_bounded_number_is_kept_and_the_oldest_is_the_checkpoint() {
    let kept = kept(1..=1000);
    assert_eq!(kept.len(), MOST);
    assert_eq!(kept.checkpoint().unwrap().oldest, at(1000 - 255));
    let mut kept = Kept::default();
    kept.acknowledged(at(1), vec![0; MOST_BYTES].into(), None);
    kept.acknowledged(at(2), vec![0; MOST_BYTES].into(), None);
    assert_eq!(kept.len(), 1);
}

/// The position may have gone back meanwhile, and to another log: what is read then
/// may be older than what is lacking.
#[test]
fn only_an_everything_that_came_later_in_the_log_that_lacks_something_is_enough() {
    let mut kept = kept(1..=3);
    let again = answered(&mut kept, Verdict::Unknown, 2, Standing::Lacking);
    assert_eq!(again, Again::Everything);
    let enough = |born, number| kept.makes_needless(list(born), at(number).sequence);
    assert!(!enough(2, 9) && !enough(1, 10));
    assert!(enough(2, 10));
}
