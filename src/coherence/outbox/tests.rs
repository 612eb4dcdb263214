use super::*;
use crate::clock::Moment;
use crate::path::CanonicalPath;
use crate::position::{Mark, Position, Sequence};
use crate::target::{Strength, What};
use crate::wire::{self, Decoded, Message};
use crate::write_intent::IntentId;

const LIMITS: Limits = Limits {
    targets: 4,
    bytes: 10_000_000,
};

fn landed(number: u64) -> Landed {
    let sequence = Sequence { millis: 1, number };
    let mark = Mark(number);
    Landed {
        position: Position { sequence, mark },
        at: Moment(number),
    }
}

fn path(name: &str) -> Target {
    Target::hard(What::Path(CanonicalPath::new(name)))
}

/// A path whose message is longer than half of what a message may be.
fn long(first: char) -> Target {
    path(&format!("/{first}{}", "x".repeat(140 * 1024)))
}

fn read(message: Option<&Bytes>) -> Vec<Target> {
    match message.map(|message| wire::decode(message)) {
        Some(Decoded::Message(Message { targets, .. })) => targets,
        _ => Vec::new(),
    }
}

#[test]
fn what_waits_is_merged_and_what_is_being_sent_is_frozen() {
    let mut queue = Queue::new(LIMITS);
    assert_eq!(queue.put(&[path("/a"), path("/b")]), 1);
    assert_eq!(queue.put(&[path("/a")]), 2);
    let first = queue.message();
    assert_eq!(read(first.as_ref()), [path("/a"), path("/b")]);
    assert_eq!(queue.put(&[path("/a")]), 3);
    assert_eq!(queue.message(), first);
    assert_eq!(queue.acknowledge(), Some(2));
    assert_eq!(read(queue.message().as_ref()), [path("/a")]);
    assert_eq!(queue.acknowledge(), Some(3));
    assert_eq!((queue.message(), queue.acknowledge()), (None, None));
}

#[test]
fn what_does_not_fit_into_one_message_goes_in_several_and_is_done_with_the_last() {
    let mut queue = Queue::new(LIMITS);
    queue.put(&[path("/a")]);
    queue.put(&[long('b'), long('c')]);
    assert_eq!(read(queue.message().as_ref()), [path("/a"), long('b')]);
    assert_eq!(queue.acknowledge(), Some(1));
    assert_eq!(read(queue.message().as_ref()), [long('c')]);
    assert_eq!(queue.acknowledge(), Some(2));
    assert_eq!(queue.len(), 0);
}

#[test]
fn one_target_over_the_limit_becomes_everything() {
    let mut queue = Queue::new(LIMITS);
    queue.put(&[path(&"x".repeat(wire::MAX_MESSAGE_BYTES))]);
    assert_eq!(read(queue.message().as_ref()), [Target::everything()]);
    assert_eq!(queue.acknowledge(), Some(1));
}

#[test]
fn a_queue_that_is_full_becomes_everything_and_keeps_the_oldest_ticket() {
    let mut queue = Queue::new(LIMITS);
    for name in ["/a", "/b", "/c", "/d", "/e", "/f"] {
        queue.put(&[path(name)]);
    }
    assert_eq!((queue.len(), queue.widened()), (1, 1));
    assert_eq!(read(queue.message().as_ref()), [Target::everything()]);
    assert_eq!(queue.acknowledge(), Some(6));
}

#[test]
fn a_queue_with_too_many_bytes_becomes_everything() {
    let mut queue = Queue::new(Limits {
        targets: 1000,
        bytes: 100,
    });
    queue.put(&[path(&format!("/{}", "a".repeat(50)))]);
    assert_eq!(queue.widened(), 0);
    queue.put(&[path(&format!("/{}", "b".repeat(50)))]);
    assert_eq!((queue.len(), queue.widened()), (1, 1));
}

#[test]
fn everything_takes_in_what_waits_and_what_comes_but_a_soft_or_scoped_one_does_not() {
    let soft = Target {
        strength: Strength::Soft,
        ..Target::everything()
    };
    let mut queue = Queue::new(LIMITS);
    queue.put(&[soft, path("/a")]);
    assert_eq!(queue.len(), 2);
    queue.put(&[Target::everything(), path("/b")]);
    assert_eq!((queue.len(), queue.widened()), (1, 0));
    assert_eq!(read(queue.message().as_ref()), [Target::everything()]);
    assert_eq!(queue.acknowledge(), Some(2));
}

#[test]
fn a_ticket_is_not_done_while_a_part_of_it_waits() {
    let mut queue = Queue::new(LIMITS);
    let ticket = queue.put(&[long('a'), long('b'), path("/c")]);
    queue.message();
    assert!(queue.acknowledge() < Some(ticket));
    queue.message();
    assert_eq!(queue.acknowledge(), Some(ticket));
}

#[tokio::test]
async fn a_ticket_is_reached_when_the_log_has_its_message() {
    let outbox = Outbox::new(LIMITS);
    let (ticket, _) = outbox.put(&[path("/a")]);
    let reached = outbox.reached(ticket);
    tokio::pin!(reached);
    assert!(futures_util::poll!(reached.as_mut()).is_pending());
    outbox.message().await;
    outbox.acknowledge(landed(7));
    reached.await;
    assert!(outbox.has_reached(ticket));
    assert_eq!(outbox.landed(ticket), Some(landed(7)));
}

#[tokio::test]
async fn a_ticket_stands_where_the_first_message_that_covers_it_does() {
    let outbox = Outbox::new(LIMITS);
    let (first, _) = outbox.put(&[path("/a")]);
    let (merged, _) = outbox.put(&[path("/a")]);
    outbox.message().await;
    let (later, _) = outbox.put(&[path("/b")]);
    outbox.acknowledge(landed(1));
    assert_eq!(outbox.landed(first), Some(landed(1)));
    assert_eq!(outbox.landed(merged), Some(landed(1)));
    assert_eq!(outbox.landed(later), None);
    outbox.message().await;
    outbox.acknowledge(landed(2));
    assert_eq!(outbox.landed(merged), Some(landed(1)));
    assert_eq!(outbox.landed(later), Some(landed(2)));
}

#[test]
fn nothing_has_always_reached_the_log() {
    let outbox = Outbox::new(LIMITS);
    outbox.put(&[path("/a")]);
    let (ticket, _) = outbox.put(&[]);
    assert!(outbox.has_reached(ticket));
}

fn said(message: Option<&Bytes>) -> (Vec<Target>, Vec<IntentId>) {
    match message.map(|message| wire::decode(message)) {
        Some(Decoded::Message(message)) => (message.targets, message.ended),
        other => panic!("a message and not {other:?}"),
    }
}

#[test]
fn the_end_of_a_write_goes_with_what_it_made_stale_or_behind_it() {
    let mut queue = Queue::new(LIMITS);
    queue.put(&[path("/a")]);
    queue.end(IntentId(1));
    let together = queue.message();
    assert_eq!(
        said(together.as_ref()),
        (vec![path("/a")], vec![IntentId(1)])
    );
    assert_eq!(queue.acknowledge(), Some(2));
    // One message has no room for both targets.
    queue.put(&[long('b'), long('c')]);
    queue.end(IntentId(2));
    queue.put(&[path("/d")]);
    assert_eq!(said(queue.message().as_ref()), (vec![long('b')], vec![]));
    assert_eq!(queue.acknowledge(), Some(2));
    let (targets, ended) = said(queue.message().as_ref());
    assert_eq!(targets, [long('c'), path("/d")]);
    assert_eq!(ended, [IntentId(2)]);
    assert_eq!(queue.acknowledge(), Some(5));
}

#[test]
fn a_write_that_made_nothing_stale_has_an_end_all_the_same() {
    let mut queue = Queue::new(LIMITS);
    queue.end(IntentId(1));
    assert_eq!(said(queue.message().as_ref()), (vec![], vec![IntentId(1)]));
    assert_eq!(queue.acknowledge(), Some(1));
    assert_eq!(queue.message(), None);
}

#[test]
fn ends_that_are_too_many_for_one_message_go_in_the_next_and_are_done_with_it() {
    let mut queue = Queue::new(LIMITS);
    let most = u64::try_from(wire::MAX_ENDED).unwrap();
    (0..=most).for_each(|number| queue.end(IntentId(number)));
    assert_eq!(said(queue.message().as_ref()).1.len(), wire::MAX_ENDED);
    assert_eq!(queue.acknowledge(), Some(most));
    assert_eq!(said(queue.message().as_ref()).1, [IntentId(most)]);
    assert_eq!(queue.acknowledge(), Some(most + 1));
}

#[test]
fn a_full_queue_keeps_the_ends_and_of_too_many_the_newest() {
    let mut queue = Queue::new(LIMITS);
    queue.end(IntentId(7));
    for name in ["/a", "/b", "/c", "/d", "/e"] {
        queue.put(&[path(name)]);
    }
    let everything = vec![Target::everything()];
    assert_eq!(
        said(queue.message().as_ref()),
        (everything, vec![IntentId(7)])
    );
    queue.acknowledge();
    (0..10_000).for_each(|number| queue.end(IntentId(number)));
    let first = said(queue.message().as_ref()).1[0];
    assert_eq!(first, IntentId(10_000 - 4096));
}
