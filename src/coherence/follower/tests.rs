use super::*;
use crate::bus::{Answer, Form, LogEntry, Standing, Verdict};
use crate::position::{Mark, Position, Sequence};
use std::time::Duration;

fn at(number: u64) -> Position {
    Position {
        sequence: Sequence { millis: 0, number },
        mark: Mark(100 + number),
    }
}

fn entry(number: u64) -> LogEntry<()> {
    LogEntry {
        position: at(number),
        previous: Some(at(number - 1)),
        form: Form::Appended,
        payload: (),
    }
}

fn verified(head: u64, entries: std::ops::RangeInclusive<u64>) -> Answer<()> {
    Answer {
        verdict: Verdict::Verified,
        entries: entries.map(entry).collect(),
        head: at(head),
        cloned: false,
        list: None,
        standing: Standing::NotAsked,
        longest_intent: Duration::ZERO,
    }
}

/// Nothing came after the position.
fn quiet(head: u64) -> Answer<()> {
    Answer {
        entries: Vec::new(),
        ..verified(head, 1..=1)
    }
}

fn unknown(head: u64) -> Answer<()> {
    Answer {
        verdict: Verdict::Unknown,
        ..quiet(head)
    }
}

/// A follower that has adopted entry 1.
fn follower() -> Follower {
    let mut follower = Follower::new(7, Duration::from_secs(3));
    let question = follower.ask(10);
    let step = follower.answer(question.counter, &unknown(1));
    assert_eq!(step.invalidate, Invalidation::Everything);
    assert_eq!(step.prove, Some(10));
    follower
}

#[test]
fn a_ring_that_follows_moves_the_position_and_proves_nothing() {
    let mut follower = follower();
    let step = follower.ring(&entry(2));
    assert_eq!(step.invalidate, Invalidation::Entries);
    assert_eq!((step.prove, step.ask), (None, Ask::AtTheHeartbeat));
    assert_eq!(follower.position(), Some(at(2)));
}

#[test]
fn any_other_ring_is_applied_and_asks() {
    let mut follower = follower();
    let step = follower.ring(&entry(3));
    assert_eq!(step.invalidate, Invalidation::Entries);
    assert_eq!(step.ask, Ask::Now);
    assert_eq!(follower.position(), Some(at(1)));
}

#[test]
fn a_ring_that_comes_again_changes_nothing() {
    let mut follower = follower();
    let _ = follower.ring(&entry(2));
    let step = follower.ring(&entry(2));
    assert_eq!(step, Step::NOTHING);
}

#[test]
fn before_the_first_answer_a_ring_is_applied_and_moves_nothing() {
    let mut follower = Follower::new(7, Duration::from_secs(3));
    let step = follower.ring(&entry(2));
    assert_eq!(
        (step.invalidate, step.ask),
        (Invalidation::Entries, Ask::Now)
    );
    assert_eq!(follower.position(), None);
}

#[test]
fn an_answer_does_not_throw_back_a_position_that_rings_have_moved_past_it() {
    let mut follower = follower();
    let question = follower.ask(20);
    for number in 2..=4 {
        let _ = follower.ring(&entry(number));
    }
    let step = follower.answer(question.counter, &verified(3, 2..=3));
    assert_eq!(step.prove, Some(20));
    assert_eq!(follower.position(), Some(at(4)));
}

#[test]
fn an_answer_from_another_branch_takes_the_position_with_it() {
    let mut follower = follower();
    let question = follower.ask(20);
    let _ = follower.ring(&entry(2));
    let other = LogEntry {
        position: Position {
            mark: Mark(999),
            ..at(2)
        },
        ..entry(2)
    };
    let answer = Answer {
        head: other.position,
        entries: vec![other.clone()],
        ..quiet(2)
    };
    let _ = follower.answer(question.counter, &answer);
    assert_eq!(follower.position(), Some(other.position));
    assert!(!follower.has_applied(at(2)));
    assert!(follower.has_applied(at(1)));
}

#[test]
fn an_answer_proves_the_instant_of_its_question_and_a_superseded_one_nothing() {
    let mut follower = follower();
    let old = follower.ask(20);
    let new = follower.ask(30);
    let step = follower.answer(old.counter, &quiet(1));
    assert_eq!(step, Step::NOTHING);
    let step = follower.answer(new.counter, &quiet(1));
    assert_eq!(step.prove, Some(30));
    assert_eq!(step.invalidate, Invalidation::Nothing);
}

#[test]
fn the_answer_to_a_question_that_was_given_up_is_dropped() {
    let mut follower = follower();
    let question = follower.ask(20);
    assert_eq!(follower.counter(), question.counter);
    follower.give_up(question.counter);
    let step = follower.answer(question.counter, &unknown(9));
    assert_eq!(step, Step::NOTHING);
    assert_eq!(follower.coherent_as_of(), Some(10));
}

#[test]
fn a_proof_never_goes_back() {
    let mut follower = follower();
    let question = follower.ask(5);
    let step = follower.answer(question.counter, &quiet(1));
    assert_eq!(step.prove, Some(10));
}

#[test]
fn too_far_behind_is_everything() {
    let mut follower = follower();
    let question = follower.ask(20);
    let answer = Answer {
        verdict: Verdict::TooFarBehind,
        ..unknown(90)
    };
    let step = follower.answer(question.counter, &answer);
    assert_eq!(step.invalidate, Invalidation::Everything);
    assert_eq!(follower.position(), Some(at(90)));
}

#[test]
fn a_ring_that_is_silent_while_the_log_moves_is_connected_anew() {
    let mut follower = follower();
    let mut ears = Vec::new();
    for number in 2..=5 {
        let question = follower.ask(20);
        let step = follower.answer(question.counter, &verified(number, number..=number));
        ears.push(step.ear);
        let question = follower.ask(20);
        let _ = follower.answer(question.counter, &quiet(number));
    }
    assert_eq!(ears, [Ear::Keep, Ear::Reconnect, Ear::Keep, Ear::Reconnect]);
}

#[test]
fn a_ring_that_is_only_late_and_entries_that_do_not_ring_are_not_silence() {
    let mut follower = follower();
    for number in 2..=5 {
        let question = follower.ask(20);
        let step = follower.answer(question.counter, &verified(number, number..=number));
        assert_eq!(step.ear, Ear::Keep);
        assert_eq!(follower.ring(&entry(number)), Step::NOTHING);
    }
    for number in 6..=9 {
        let question = follower.ask(20);
        let mut answer = verified(number, number..=number);
        answer.entries[0].form = Form::Foreign;
        assert_eq!(follower.answer(question.counter, &answer).ear, Ear::Keep);
    }
}

#[test]
fn a_ring_whose_entries_are_too_large_to_keep_is_not_silent() {
    let mut follower = follower();
    for number in 2..=5 {
        follower.gap();
        let question = follower.ask(20);
        let step = follower.answer(question.counter, &verified(number, number..=number));
        assert_eq!(step.ear, Ear::Keep);
    }
}

#[test]
fn a_cloned_member_takes_another_id_and_proves_nothing() {
    let mut follower = follower();
    let question = follower.ask(20);
    let answer = Answer {
        cloned: true,
        ..quiet(1)
    };
    let step = follower.answer(question.counter, &answer);
    assert_eq!((step.member, step.prove), (Member::Rename, None));
    assert_eq!(step.ask, Ask::Now);
    follower.rename(8);
    assert_eq!(follower.ask(30).member, 8);
}

#[test]
fn more_rings_than_are_remembered_while_a_question_is_out_do_no_harm() {
    let mut follower = follower();
    let question = follower.ask(20);
    for number in 2..=1000 {
        let _ = follower.ring(&entry(number));
    }
    let step = follower.answer(question.counter, &verified(5, 2..=5));
    assert_eq!(step.prove, Some(20));
    assert_eq!(follower.position(), Some(at(5)));
    assert!(!follower.has_applied(at(1000)));
}
