use super::machine::{MOST, MOST_BYTES};
use super::{Begun, Due, Heard, Intents, Order};
use crate::write_intent::IntentId;

const LASTS: u64 = 10;

fn begun(number: u64) -> Heard<u64> {
    Heard {
        begun: Some(Begun {
            id: IntentId(number),
            lasts: LASTS,
            targets: vec![number],
            weight: 1,
        }),
        ended: Vec::new(),
        everything: false,
    }
}

fn ended(number: u64) -> Heard<u64> {
    Heard {
        begun: None,
        ended: vec![IntentId(number)],
        everything: false,
    }
}

fn targets(targets: &[u64]) -> Due<u64> {
    Due::Targets(targets.to_vec())
}

#[test]
fn what_does_not_end_is_due_when_its_time_is_up_and_once() {
    let mut intents = Intents::default();
    intents.hear(begun(1), Order::Kept, 5);
    intents.hear(begun(2), Order::Unknown, 7);
    assert_eq!(intents.due(14), targets(&[]));
    assert_eq!(intents.due(15), targets(&[1]));
    assert_eq!(intents.due(40), targets(&[2]));
    assert_eq!(intents.due(80), targets(&[]));
}

#[test]
fn what_ends_is_never_due() {
    let mut intents = Intents::default();
    intents.hear(begun(1), Order::Kept, 0);
    intents.hear(ended(1), Order::Kept, 1);
    assert_eq!(intents.due(100), targets(&[]));
}

#[test]
fn a_write_that_has_ended_does_not_begin_again() {
    let mut intents = Intents::default();
    intents.hear(begun(1), Order::Kept, 0);
    intents.hear(ended(1), Order::Kept, 1);
    intents.hear(begun(1), Order::Kept, 2);
    // Or its end is heard first.
    intents.hear(ended(2), Order::Kept, 2);
    intents.hear(begun(2), Order::Unknown, 3);
    assert_eq!(intents.due(100), targets(&[]));
    // So many are remembered.
    (10..2000).for_each(|number| intents.hear(ended(number), Order::Kept, 4));
    intents.hear(begun(1), Order::Kept, 100);
    intents.hear(begun(1500), Order::Kept, 100);
    assert_eq!(intents.due(110), targets(&[1]));
}

#[test]
fn an_end_out_of_order_is_not_believed() {
    let mut intents = Intents::default();
    intents.hear(begun(1), Order::Kept, 0);
    intents.hear(ended(1), Order::Unknown, 1);
    assert_eq!(intents.due(LASTS), targets(&[1]));
}

#[test]
fn heard_twice_the_first_time_counts() {
    let mut intents = Intents::default();
    intents.hear(begun(1), Order::Kept, 0);
    intents.hear(begun(1), Order::Kept, 9);
    assert_eq!(intents.due(LASTS), targets(&[1]));
    assert_eq!(intents.due(100), targets(&[]));
}

#[test]
fn who_has_missed_something_invalidates_everything_when_the_longest_time_has_passed() {
    let mut intents = Intents::<u64>::default();
    intents.missed(0);
    assert_eq!(intents.due(1000), targets(&[]), "nobody uses intents");
    intents.learn(LASTS);
    intents.missed(100);
    assert_eq!(intents.due(109), targets(&[]));
    assert_eq!(intents.due(110), Due::Everything);
    assert_eq!(intents.due(1000), targets(&[]));
    let everything = Heard {
        begun: None,
        ended: Vec::new(),
        everything: true,
    };
    intents.hear(everything, Order::Unknown, 2000);
    assert_eq!(intents.due(2010), Due::Everything);
}

#[test]
fn who_misses_again_and_again_is_not_put_off() {
    let mut intents = Intents::<u64>::default();
    intents.learn(LASTS);
    let mut times = 0;
    for now in 0..=100 {
        intents.missed(now);
        times += usize::from(intents.due(now) == Due::Everything);
    }
    assert_eq!(times, 10);
    assert_eq!(intents.due(109), targets(&[]));
    assert_eq!(intents.due(110), Due::Everything);
    assert_eq!(intents.due(1000), targets(&[]));
}

#[test]
fn more_writes_than_are_watched_become_everything() {
    let mut intents = Intents::default();
    let most = u64::try_from(MOST).unwrap();
    for number in 0..most {
        intents.hear(begun(number), Order::Kept, 0);
    }
    intents.hear(begun(0), Order::Kept, 3);
    assert!(!intents.waits_for_everything());
    intents.hear(begun(most), Order::Kept, 5);
    assert!(matches!(intents.due(14), Due::Targets(due) if due.len() == MOST));
    assert_eq!(intents.due(15), Due::Everything);
}

/// What is forged may name very much.
#[test]
fn more_than_is_kept_of_what_will_be_stale_becomes_everything() {
    let heavy = |number| {
        let mut heard = begun(number);
        let begun = heard.begun.as_mut();
        begun.unwrap().weight = MOST_BYTES / 2;
        heard
    };
    let mut intents = Intents::default();
    intents.hear(heavy(1), Order::Kept, 0);
    intents.hear(heavy(2), Order::Kept, 0);
    assert!(!intents.waits_for_everything());
    intents.hear(begun(3), Order::Kept, 0);
    assert!(intents.waits_for_everything());
    assert_eq!(intents.due(LASTS), Due::Everything);
    // There is room again.
    intents.hear(heavy(4), Order::Kept, 20);
    intents.hear(ended(4), Order::Kept, 20);
    intents.hear(heavy(5), Order::Kept, 20);
    intents.hear(heavy(6), Order::Kept, 20);
    assert_eq!(intents.due(20 + LASTS), targets(&[5, 6]));
}
