use super::{MAX_NOTES, Settling};
use crate::clock::Moment;
use crate::store::race::Strength;
use crate::store::race::{Name, Raise};
use std::time::Duration;

const WINDOW: Duration = Duration::from_secs(5);
const FILL: Duration = Duration::from_secs(30);
const NANO: Duration = Duration::from_nanos(1);

fn at(seconds: u64) -> Moment {
    Moment::default().plus(Duration::from_secs(1000 + seconds))
}

fn used() -> Settling {
    let settling = Settling::default();
    settling.widen(WINDOW, FILL, Moment::default);
    settling
}

fn raise(name: u128) -> Raise {
    Raise {
        name: Name::Target(name),
        strength: Strength::Hard,
    }
}

fn everything() -> Raise {
    Raise {
        name: Name::Everything,
        strength: Strength::Hard,
    }
}

#[test]
fn a_name_settles_when_the_window_is_over_and_not_before() {
    let settling = used();
    settling.note(&[raise(1)], at(10));
    let settled = |began| settling.settled(&[7, 1], began, WINDOW);
    assert!(!settled(at(9)));
    assert!(!settled(at(10)));
    assert!(!settled(at(15)));
    assert!(settled(at(15).plus(NANO)));
    assert!(settling.settled(&[7, 8], at(10), WINDOW));
    assert!(settling.settled(&[1], at(10), Duration::ZERO));
}

#[test]
fn each_rule_has_a_window_of_its_own() {
    let settling = used();
    settling.note(&[raise(1)], at(10));
    let second = Duration::from_secs(1);
    assert!(!settling.settled(&[1], at(11), second));
    assert!(settling.settled(&[1], at(12), second));
    assert!(!settling.settled(&[1], at(12), WINDOW));
}

#[test]
fn the_last_time_counts_and_a_softer_word_is_one_too() {
    let settling = used();
    settling.note(&[raise(1)], at(10));
    let soft = Raise {
        strength: Strength::Soft,
        ..raise(1)
    };
    settling.note(&[soft], at(14));
    // A note that comes late does not go back.
    settling.note(&[raise(1)], at(12));
    assert!(!settling.settled(&[1], at(19), WINDOW));
    assert!(settling.settled(&[1], at(20), WINDOW));
}

#[test]
fn everything_is_every_name() {
    let settling = used();
    settling.note(&[raise(1)], at(9));
    settling.note(&[everything()], at(10));
    for names in [&[1][..], &[2], &[]] {
        assert!(!settling.settled(names, at(15), WINDOW));
        assert!(settling.settled(names, at(16), WINDOW));
    }
}

#[test]
fn a_larger_window_than_before_begins_with_everything() {
    let settling = used();
    assert!(settling.is_used());
    settling.widen(WINDOW * 2, FILL, || at(30));
    assert!(!settling.settled(&[1], at(35), WINDOW));
    settling.widen(WINDOW, FILL, || at(100));
    assert!(settling.settled(&[1], at(100), WINDOW));
}

#[test]
fn it_is_not_used_without_a_window() {
    let settling = Settling::default();
    settling.widen(Duration::ZERO, FILL, || at(0));
    assert!(!settling.is_used());
    assert!(settling.settled(&[1], at(0), Duration::ZERO));
}

#[test]
fn what_no_fill_can_have_begun_after_is_forgotten() {
    let settling = used();
    for second in 0..1000 {
        // The name 1 each time, and one of its own.
        settling.note(&[raise(1), raise(u128::from(second) + 2)], at(second));
    }
    let kept = settling.notes().len();
    assert!(kept <= 40, "{kept}");
    assert!(!settling.settled(&[1], at(999), WINDOW));
    assert!(settling.settled(&[2], at(999), WINDOW));
}

#[test]
fn a_fill_that_took_long_finds_what_was_noted_before_it_began() {
    let settling = used();
    settling.note(&[raise(1)], at(10));
    settling.note(&[raise(2)], at(45));
    assert!(!settling.settled(&[1], at(15), WINDOW));
    assert!(settling.settled(&[3], at(15), WINDOW));
    // Later than any should ask: the note is gone, and counts for all names.
    settling.note(&[raise(2)], at(46));
    for name in [1, 3] {
        assert!(!settling.settled(&[name], at(15), WINDOW));
        assert!(settling.settled(&[name], at(16), WINDOW));
    }
}

#[test]
fn where_there_is_no_room_what_is_older_than_the_window_goes_first() {
    let settling = used();
    let most = u128::try_from(MAX_NOTES).unwrap();
    let raises: Vec<_> = (0..most).map(raise).collect();
    settling.note(&raises, at(10));
    settling.note(&[raise(most)], at(16));
    assert!(!settling.settled(&[most], at(17), WINDOW));
    assert!(settling.settled(&[most + 1], at(17), WINDOW));
    assert!(!settling.settled(&[0], at(15), WINDOW));
}

#[test]
fn too_many_names_become_everything() {
    let settling = used();
    let most = u128::try_from(MAX_NOTES).unwrap();
    let raises: Vec<_> = (0..most).map(raise).collect();
    settling.note(&raises, at(10));
    // A name that is there already takes no more room.
    settling.note(&[raise(0)], at(11));
    assert!(settling.settled(&[most + 5], at(11), WINDOW));
    settling.note(&[raise(most)], at(12));
    for name in [0, most - 1, most, most + 5] {
        assert!(!settling.settled(&[name], at(17), WINDOW));
        assert!(settling.settled(&[name], at(18), WINDOW));
    }
    assert!(settling.notes().len() <= 1);
}

/// Two apply at once, and the one whose name finds no room has read the clock first.
#[test]
fn a_name_without_room_does_not_make_the_notes_older_that_it_drops() {
    let settling = used();
    let most = u128::try_from(MAX_NOTES).unwrap();
    let raises: Vec<_> = (0..most).map(raise).collect();
    settling.note(&raises, at(12));
    settling.note(&[raise(most)], at(10));
    assert!(!settling.settled(&[0], at(17), WINDOW));
    assert!(settling.settled(&[0], at(18), WINDOW));
}
