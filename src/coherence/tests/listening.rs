//! What an instance hears and what it proves.

use super::fake::{Did, Mode};
use super::{BOUND, HEARTBEAT, Instance, path};
use crate::bus::{Engine, Local};
use crate::clock::Clock;
use crate::coherence::figures::Condition;
use crate::position::Mark;
use crate::target::Target;
use crate::wire;
use bytes::Bytes;
use std::time::Duration;

#[tokio::test]
async fn a_new_instance_invalidates_everything_before_it_proves_anything() {
    let one = Instance::coherent_on(&Local::new()).await;
    let now = Clock::Set(one.clock.clone()).now();
    let everything = Did::Applied(vec![Target::everything()]);
    assert_eq!(one.sink.did()[..2], [everything, Did::Proved(now)]);
    assert_eq!(one.coherence.figures().adoptions, 1);
}

#[tokio::test]
async fn what_one_invalidates_is_heard_by_the_other_without_a_heartbeat() {
    let bus = Local::new();
    let one = Instance::coherent_on(&bus).await;
    let other = Instance::coherent_on(&bus).await;
    other
        .passes_until(|i| i.coherence.figures().connections == 1)
        .await;
    one.coherence.enqueue(&[path("/a")]);
    other.sink.told(&path("/a")).await;
    assert_eq!(other.coherence.figures().rings, 1);
}

#[tokio::test]
async fn idle_means_sent_and_applied() {
    let bus = Local::new();
    let one = Instance::coherent_on(&bus).await;
    let other = Instance::on(&bus);
    other.engine.set(|modes| modes.rings = Mode::Silent);
    other.coherence.coherent().await.unwrap();
    one.coherence.enqueue(&[path("/a"), path("/b")]);
    one.coherence.idle().await.unwrap();
    other.coherence.idle().await.unwrap();
    assert!(other.sink.times(&path("/a")) > 0);
    assert!(other.sink.times(&path("/b")) > 0);
}

#[tokio::test]
async fn without_a_ring_the_heartbeat_brings_the_entries_and_then_the_proof() {
    let bus = Local::new();
    let other = Instance::on(&bus);
    other.engine.set(|modes| modes.rings = Mode::Fails);
    other.coherence.coherent().await.unwrap();
    let before = other.sink.did().len();
    let payload = wire::encode(&[path("/a")]);
    bus.append(payload, Mark(1)).await.unwrap();
    other
        .passes_until(|i| i.sink.did().len() > before + 1)
        .await;
    let did = other.sink.did();
    assert_eq!(did[before], Did::Applied(vec![path("/a")]));
    assert!(matches!(did[before + 1], Did::Proved(_)));
    assert_eq!(other.coherence.figures().rings, 0);
}

#[tokio::test]
async fn a_heartbeat_renews_the_proof() {
    let one = Instance::coherent_on(&Local::new()).await;
    let proofs = |i: &Instance| {
        let did = i.sink.did();
        did.iter()
            .filter(|did| matches!(did, Did::Proved(_)))
            .count()
    };
    let syncs = one.coherence.figures().syncs;
    one.passes_until(|i| i.coherence.figures().syncs > syncs + 5)
        .await;
    assert!(proofs(&one) > 5);
    assert!(one.coherence.is_coherent());
    assert_eq!(one.coherence.figures().deaf, Duration::ZERO);
}

#[tokio::test]
async fn a_bus_that_hangs_is_noticed_and_the_instance_is_deaf_until_it_answers() {
    let one = Instance::coherent_on(&Local::new()).await;
    one.engine.set(|modes| modes.sync = Mode::Hangs);
    one.passes_until(|i| !i.coherence.is_coherent()).await;
    one.passes_until(|i| i.coherence.figures().sync_failures > 2)
        .await;
    let figures = one.coherence.figures();
    assert_eq!(figures.asking, Condition::Down);
    assert!(figures.lag > Some(BOUND) && figures.deaf > Duration::ZERO);
    assert_eq!(figures.last_trouble.as_deref(), Some("no answer in time"));

    one.engine.set(|modes| modes.sync = Mode::Works);
    one.passes_until(|i| i.coherence.is_coherent()).await;
    assert_eq!(one.coherence.figures().adoptions, 1);
    assert!(!one.coherence.figures().is_down());
}

#[tokio::test]
async fn a_proof_is_as_of_the_question_and_not_of_its_answer() {
    let one = Instance::on(&Local::new());
    one.engine.set(|modes| modes.sync = Mode::Held);
    let clock = Clock::Set(one.clock.clone());
    let asked = clock.now();
    let coherent = one.coherence.coherent();
    tokio::pin!(coherent);
    assert!(futures_util::poll!(coherent.as_mut()).is_pending());
    one.engine.held().await;
    one.clock.advance(HEARTBEAT / 2);
    one.engine.release();
    coherent.await.unwrap();
    assert_eq!(one.sink.did().last(), Some(&Did::Proved(asked)));
}

#[tokio::test]
async fn an_entry_that_cannot_be_understood_is_garbage_on_the_ring_and_everything_in_the_log() {
    let bus = Local::new();
    let one = Instance::coherent_on(&bus).await;
    one.passes_until(|i| i.coherence.figures().connections == 1)
        .await;
    one.coherence.idle().await.unwrap();
    let before = one.sink.times(&Target::everything());
    for mark in 1..=2 {
        bus.append(Bytes::from_static(b"\xff??"), Mark(mark))
            .await
            .unwrap();
    }
    // The clock stands still: garbage asks by itself.
    one.sink.told_times(&Target::everything(), before + 1).await;
    let figures = one.coherence.figures();
    assert_eq!((figures.garbage, figures.unreadable), (2, 2));
    assert_eq!(figures.adoptions, 1);
}

/// Others who have lost something do not send it where they see an everything. So its
/// sender needs it where it stands, unless it was applied here just before.
#[tokio::test]
async fn an_own_everything_that_comes_late_into_the_log_is_applied_where_it_stands() {
    let one = Instance::coherent_on(&Local::new()).await;
    one.coherence.idle().await.unwrap();
    let times = || one.sink.times(&Target::everything());
    let before = times();
    one.coherence.enqueue(&[Target::everything()]);
    one.coherence.idle().await.unwrap();
    assert_eq!(times(), before, "it was applied here");

    one.engine.set(|modes| modes.append = Mode::Fails);
    one.coherence.enqueue(&[Target::everything(), path("/a")]);
    one.passes_until(|i| i.coherence.figures().publish_failures > 0)
        .await;
    one.engine.set(|modes| modes.append = Mode::Works);
    one.passes_until(|i| i.coherence.figures().outbox == 0)
        .await;
    one.coherence.idle().await.unwrap();
    assert_eq!(times(), before + 1, "it came late");
    assert_eq!(one.sink.times(&path("/a")), 0);
}

/// One that is sent for what a log has lost is not applied before at all.
#[tokio::test]
async fn an_everything_for_what_was_lost_is_applied_where_it_stands() {
    let bus = Local::new();
    let one = Instance::coherent_on(&bus).await;
    one.coherence.enqueue(&[path("/a")]);
    one.coherence.idle().await.unwrap();
    let before = one.sink.times(&Target::everything());
    one.lacks(&bus);
    one.passes_until(|i| i.coherence.figures().sent_again == 1)
        .await;
    one.coherence.idle().await.unwrap();
    assert_eq!(one.sink.times(&Target::everything()), before + 1);
}

#[tokio::test]
async fn an_everything_that_rings_while_an_own_one_is_due_makes_it_needless() {
    let bus = Local::new();
    let one = Instance::coherent_on(&bus).await;
    let other = Instance::coherent_on(&bus).await;
    one.passes_until(|i| i.coherence.figures().connections == 1)
        .await;
    one.coherence.enqueue(&[path("/a")]);
    one.coherence.idle().await.unwrap();
    one.lacks(&bus);
    other.coherence.enqueue(&[Target::everything()]);
    other.coherence.idle().await.unwrap();
    one.passes_until(|i| i.coherence.figures().everything_due.is_none())
        .await;
    one.coherence.idle().await.unwrap();
    assert_eq!(one.engine.appends().len(), 1, "of /a");
    assert_eq!(one.coherence.figures().sent_again, 0);
}

#[tokio::test]
async fn a_ring_that_stays_silent_while_the_log_moves_is_connected_anew() {
    let bus = Local::new();
    let other = Instance::on(&bus);
    other.engine.set(|modes| modes.rings = Mode::Silent);
    other.coherence.coherent().await.unwrap();
    other
        .passes_until(|i| i.coherence.figures().connections == 1)
        .await;
    other.engine.set(|modes| modes.rings = Mode::Works);
    for name in ["/a", "/b"] {
        bus.append(wire::encode(&[path(name)]), Mark(1))
            .await
            .unwrap();
        other.passes_until(|i| i.sink.times(&path(name)) > 0).await;
    }
    other
        .passes_until(|i| i.coherence.figures().connections == 2)
        .await;
    bus.append(wire::encode(&[path("/c")]), Mark(2))
        .await
        .unwrap();
    other.sink.told(&path("/c")).await;
    assert_eq!(other.coherence.figures().rings, 1);
}

#[tokio::test]
async fn a_ring_that_cannot_be_connected_is_tried_again_and_costs_no_proof() {
    let one = Instance::on(&Local::new());
    one.engine.set(|modes| modes.rings = Mode::Hangs);
    one.coherence.coherent().await.unwrap();
    one.clock.advance(HEARTBEAT);
    one.engine.set(|modes| modes.rings = Mode::Works);
    one.passes_until(|i| i.coherence.figures().connections == 1)
        .await;
    assert!(one.coherence.is_coherent());
}

#[tokio::test]
async fn what_the_bus_lacks_is_known_once_it_answers() {
    let one = Instance::coherent_on(&Local::new()).await;
    one.passes_until(|i| i.coherence.figures().findings.is_some())
        .await;
    let findings = one.coherence.figures().findings;
    assert_eq!(findings, Some(vec!["it is a fake".to_owned()]));
}
