//! Writes that are announced, and what the others do when they do not end.

use super::fake::{Did, Mode};
use super::{BOUND, HEARTBEAT, Instance, path};
use crate::bus::{Form, Local, LogEntry, Ring};
use crate::coherence::Announced;
use crate::position::{Mark, Position, Sequence};
use crate::target::Target;
use crate::wire;
use crate::write_intent::{IntentId, WriteIntent};
use std::time::Duration;

const LASTS: Duration = Duration::from_secs(20);
const ID: IntentId = IntentId(7);

fn intent() -> WriteIntent {
    WriteIntent {
        id: ID,
        lasts: LASTS,
        targets: vec![path("/a")],
    }
}

async fn announce(writer: &Instance) {
    let announced = writer.coherence.announce(&intent(), HEARTBEAT).await;
    assert_eq!(announced, Announced::Yes);
}

/// Lets this much time pass, in heartbeats, each with an answer.
async fn pass(instance: &Instance, time: Duration) {
    let mut left = time;
    while !left.is_zero() {
        let step = left.min(HEARTBEAT);
        let syncs = instance.coherence.figures().syncs;
        instance.clock.advance(step);
        left -= step;
        while instance.coherence.figures().syncs == syncs {
            instance.coherence.shared.due.notify_one();
            tokio::task::yield_now().await;
        }
    }
}

/// A writer, and another one that has heard of its intent.
async fn two_of_which_one_writes() -> (Instance, Instance) {
    let bus = Local::new();
    let writer = Instance::coherent_on(&bus).await;
    let other = Instance::coherent_on(&bus).await;
    announce(&writer).await;
    pass(&other, HEARTBEAT).await;
    assert_eq!(other.sink.times(&path("/a")), 0, "nothing is stale yet");
    (writer, other)
}

#[tokio::test]
async fn a_write_that_never_ends_is_invalidated_when_its_time_is_up() {
    let (writer, other) = two_of_which_one_writes().await;
    pass(&other, LASTS - HEARTBEAT * 2).await;
    assert_eq!(other.sink.times(&path("/a")), 0);
    pass(&other, HEARTBEAT * 3).await;
    assert_eq!(other.sink.times(&path("/a")), 1);
    pass(&other, LASTS).await;
    assert_eq!(other.sink.times(&path("/a")), 1);
    let figures = other.coherence.figures();
    assert_eq!((figures.intents, figures.intents_ran_out), (0, 1));
    // The writer sees to its own.
    pass(&writer, LASTS * 2).await;
    assert_eq!(writer.sink.times(&path("/a")), 0);
    assert_eq!(writer.coherence.figures().intents, 1);
}

#[tokio::test]
async fn a_write_that_ends_is_forgotten() {
    let (writer, other) = two_of_which_one_writes().await;
    writer.coherence.ended(ID);
    writer.coherence.drained().await;
    pass(&other, LASTS * 2).await;
    assert_eq!(other.sink.times(&path("/a")), 0);
}

/// However late it is: the cells first, then the proof.
#[tokio::test]
async fn one_that_was_paused_invalidates_it_before_it_has_a_proof() {
    let (_writer, other) = two_of_which_one_writes().await;
    let before = other.sink.did().len();
    other.clock.advance(LASTS * 10);
    let applied = |other: &Instance| other.sink.times(&path("/a")) > 0;
    other.passes_until(applied).await;
    let did = other.sink.did();
    let Did::Applied(targets) = &did[before] else {
        panic!("a proof came first: {did:?}");
    };
    assert_eq!(targets[..], [path("/a")]);
}

#[tokio::test]
async fn one_that_was_cut_off_invalidates_at_once_what_it_hears_of_late() {
    let bus = Local::new();
    let writer = Instance::coherent_on(&bus).await;
    let other = Instance::coherent_on(&bus).await;
    other.engine.set(|modes| {
        modes.rings = Mode::Fails;
        modes.sync = Mode::Fails;
    });
    other.coherence.shared.reconnect.notify_one();
    other
        .passes_until(|other| !other.coherence.is_coherent())
        .await;
    announce(&writer).await;
    other.engine.set(|modes| modes.sync = Mode::Works);
    other
        .passes_until(|other| other.coherence.is_coherent())
        .await;
    assert_eq!(other.sink.times(&path("/a")), 1);
    // And when its time is up.
    pass(&other, LASTS + HEARTBEAT).await;
    assert_eq!(other.sink.times(&path("/a")), 2);
}

#[tokio::test]
async fn one_that_starts_in_the_middle_of_a_write_invalidates_everything_a_second_time() {
    let bus = Local::new();
    let writer = Instance::coherent_on(&bus).await;
    announce(&writer).await;
    let late = Instance::coherent_on(&bus).await;
    let everything = Target::everything();
    assert_eq!(late.sink.times(&everything), 1);
    pass(&late, LASTS - HEARTBEAT).await;
    assert_eq!(late.sink.times(&everything), 1);
    pass(&late, HEARTBEAT).await;
    assert_eq!(late.sink.times(&everything), 2);
    pass(&late, LASTS * 2).await;
    assert_eq!(late.sink.times(&everything), 2);
}

#[tokio::test]
async fn where_nobody_announces_writes_a_start_invalidates_everything_once() {
    let one = Instance::coherent_on(&Local::new()).await;
    pass(&one, LASTS * 2).await;
    assert_eq!(one.sink.times(&Target::everything()), 1);
    one.coherence.uses_intents(LASTS);
    let other = Instance::on(&Local::new());
    other.coherence.uses_intents(LASTS);
    other.coherence.coherent().await.unwrap();
    pass(&other, LASTS).await;
    assert_eq!(other.sink.times(&Target::everything()), 2);
}

/// What the write made stale stands before its end, and may not have been heard.
#[tokio::test]
async fn an_end_that_rings_out_of_order_is_heeded_when_the_log_tells_it() {
    let (_writer, other) = two_of_which_one_writes().await;
    let position = Position {
        sequence: Sequence {
            millis: u64::MAX,
            number: 1,
        },
        mark: Mark(1),
    };
    other.coherence.shared.hear(Ring::Entry(LogEntry {
        position,
        previous: None,
        form: Form::Appended,
        payload: wire::encode_with(&[], &[ID]),
    }));
    pass(&other, LASTS + HEARTBEAT).await;
    assert_eq!(other.sink.times(&path("/a")), 1);
}

#[tokio::test]
async fn a_write_waits_for_a_slow_log_as_long_as_it_says_and_not_for_one_that_is_down() {
    let one = Instance::coherent_on(&Local::new()).await;
    one.engine.set(|modes| modes.append = Mode::Hangs);
    let (coherence, clock) = (one.coherence.clone(), one.clock.clone());
    let intent = intent();
    let announce = coherence.announce(&intent, HEARTBEAT / 2);
    tokio::pin!(announce);
    assert!(futures_util::poll!(announce.as_mut()).is_pending());
    clock.advance(HEARTBEAT / 2);
    assert_eq!(announce.await, Announced::Unknown);
    one.engine.set(|modes| modes.sync = Mode::Fails);
    one.passes_until(|one| one.coherence.is_down()).await;
    let announced = one.coherence.announce(&intent, BOUND);
    assert_eq!(
        futures_util::FutureExt::now_or_never(announced),
        Some(Announced::Unknown)
    );
    assert_eq!(one.coherence.figures().intents_untold, 2);
}
