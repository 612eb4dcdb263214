//! When a token is satisfied, and who waits for it.

use super::fake::Mode;
use super::{BOUND, HEARTBEAT, Instance, path};
use crate::bus::{Form, Local, LogEntry, Ring};
use crate::coherence::Satisfied;
use crate::concern::WriteConcern;
use crate::position::{Mark, Position, Sequence};
use crate::token::{Part, Token};
use crate::wire;
use futures_util::{FutureExt, poll};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

fn position(number: u64) -> Position {
    let sequence = Sequence {
        millis: u64::MAX,
        number,
    };
    let mark = Mark(number);
    Position { sequence, mark }
}

fn token(number: u64) -> Token {
    Token::of(Part::At(position(number)))
}

/// A write on this instance, and its token.
async fn write(one: &Instance, concern: WriteConcern) -> Token {
    let ticket = one.coherence.enqueue(&[path("/a")]);
    let receipt = one.coherence.receipt(ticket, concern).await;
    receipt.token().cloned().expect("a token for each write")
}

/// One that hears nothing unless it asks.
async fn without_a_ring(local: &Local) -> Instance {
    let instance = Instance::on(local);
    instance.engine.set(|modes| modes.rings = Mode::Silent);
    instance.coherence.coherent().await.unwrap();
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    instance
}

#[tokio::test]
async fn a_ring_that_follows_satisfies_and_one_that_does_not_only_invalidates() {
    let one = without_a_ring(&Local::new()).await;
    let ring = |number, previous| {
        one.coherence.shared.hear(Ring::Entry(LogEntry {
            position: position(number),
            previous,
            form: Form::Appended,
            payload: wire::encode(&[path("/a")]),
        }));
        one.coherence.satisfies(&token(number))
    };
    assert_eq!(ring(2, Some(position(1))), Satisfied::NotYet);
    assert_eq!(ring(3, None), Satisfied::NotYet);
    assert_eq!(one.sink.times(&path("/a")), 2);
    let here = one.coherence.figures().position;
    assert_eq!(ring(4, here), Satisfied::Yes);
    assert_eq!(ring(5, Some(position(4))), Satisfied::Yes);
}

#[tokio::test]
async fn a_write_has_a_token_that_its_own_instance_satisfies_at_once() {
    let bus = Local::new();
    let one = Instance::coherent_on(&bus).await;
    let other = without_a_ring(&bus).await;
    let token = write(&one, WriteConcern::default()).await;
    assert!(matches!(token.parts(), [Part::At(_)]), "{token}");
    assert_eq!(one.coherence.satisfies(&token), Satisfied::Yes);
    let token = write(&one, WriteConcern::Enqueued).await;
    assert!(matches!(token.parts(), [Part::Here { .. }]), "{token}");
    assert_eq!(one.coherence.satisfies(&token), Satisfied::Yes);
    assert_eq!(other.coherence.satisfies(&token), Satisfied::Never);
    assert!(!other.coherence.wait_for(&token, HOUR).await);
}

#[tokio::test]
async fn who_waits_for_a_token_asks_the_log_and_is_told_after_the_cells_are_raised() {
    let bus = Local::new();
    let one = Instance::coherent_on(&bus).await;
    let other = without_a_ring(&bus).await;
    let token = write(&one, WriteConcern::default()).await;
    assert_eq!(other.coherence.satisfies(&token), Satisfied::NotYet);
    let told = other.sink.times(&path("/a"));
    // The clock stands: it is not the heartbeat that tells.
    assert!(other.coherence.wait_for(&token, HOUR).await);
    assert_eq!(other.sink.times(&path("/a")), told + 1);
    assert_eq!(other.coherence.satisfies(&token), Satisfied::Yes);
}

#[tokio::test]
async fn an_adoption_satisfies_the_token_of_the_head_alone() {
    let bus = Local::new();
    let one = Instance::coherent_on(&bus).await;
    let earlier = write(&one, WriteConcern::default()).await;
    let head = write(&one, WriteConcern::default()).await;
    let late = without_a_ring(&bus).await;
    assert_eq!(late.coherence.satisfies(&head), Satisfied::Yes);
    assert_eq!(late.coherence.satisfies(&earlier), Satisfied::NotYet);
}

#[tokio::test]
async fn tokens_that_were_made_up_wait_for_their_time_and_ask_once() {
    let one = without_a_ring(&Local::new()).await;
    let before = one.coherence.figures().syncs;
    let (token, limit) = (token(7), HEARTBEAT / 10);
    let mut waits: Vec<_> = (0..100)
        .map(|_| Box::pin(one.coherence.wait_for(&token, limit)))
        .collect();
    for _ in 0..100 {
        for wait in &mut waits {
            assert!(poll!(wait.as_mut()).is_pending());
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(one.coherence.figures().syncs, before + 1);
    one.clock.advance(limit);
    for wait in waits {
        assert!(!wait.await);
    }
}

#[tokio::test]
async fn at_most_a_thousand_and_a_few_wait_and_nobody_does_while_the_bus_is_down() {
    let one = without_a_ring(&Local::new()).await;
    let token = token(7);
    let mut waits: Vec<_> = (0..1024)
        .map(|_| Box::pin(one.coherence.wait_for(&token, HOUR)))
        .collect();
    for wait in &mut waits {
        assert!(poll!(wait.as_mut()).is_pending());
    }
    let at_once = || one.coherence.wait_for(&token, HOUR).now_or_never();
    assert_eq!(at_once(), Some(false));
    drop(waits.pop());
    assert_eq!(at_once(), None);
    drop(waits);
    one.engine.set(|modes| modes.sync = Mode::Fails);
    one.passes_until(|i| i.coherence.figures().is_down()).await;
    assert_eq!(at_once(), Some(false));
}

#[test]
fn without_a_runtime_nobody_waits() {
    let one = Instance::on(&Local::new());
    let waited = one.coherence.wait_for(&token(1), BOUND).now_or_never();
    assert_eq!(waited, Some(false));
}
