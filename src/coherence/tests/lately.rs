//! What an instance knows of what it heard, and of how long things take.

use super::fake::Mode;
use super::{BOUND, HEARTBEAT, Instance, path};
use crate::bus::{Engine, InProcess, Local, Ring};
use crate::coherence::HeardBy;
use crate::position::Mark;
use crate::wire;
use std::time::Duration;

async fn append(bus: &Local, mark: u64) {
    let payload = wire::encode(&[path("/a"), path("/b")]);
    bus.append(payload, Mark(mark)).await.unwrap();
}

/// How each of the last entries was heard of, the newest first, and how many targets
/// it has.
fn heard(instance: &Instance) -> Vec<(HeardBy, usize)> {
    let figures = instance.coherence.figures();
    let entries = figures.lately.iter();
    entries.map(|entry| (entry.by, entry.targets)).collect()
}

#[tokio::test]
async fn what_no_ring_brought_is_counted_with_the_time_it_may_have_stood_there() {
    let bus = Local::new();
    let one = Instance::on(&bus);
    one.engine.set(|modes| modes.rings = Mode::Silent);
    one.coherence.coherent().await.unwrap();
    // The first adoption has missed nothing.
    let figures = one.coherence.figures();
    assert_eq!((figures.found_late, figures.detection.count), (0, 0));
    append(&bus, 1).await;
    append(&bus, 2).await;
    one.passes_until(|i| i.coherence.figures().found_late == 2)
        .await;
    let detection = one.coherence.figures().detection;
    assert_eq!(detection.count, 1);
    assert!(detection.longest >= HEARTBEAT / 2, "{detection:?}");
    assert!(detection.longest < BOUND, "{detection:?}");
    assert_eq!(heard(&one)[..2], [(HeardBy::Question, 2); 2]);
}

#[tokio::test]
async fn what_the_ring_brought_or_is_of_ones_own_is_not_late() {
    let bus = Local::new();
    let one = Instance::coherent_on(&bus).await;
    one.passes_until(|i| i.coherence.figures().connections == 1)
        .await;
    append(&bus, 1).await;
    one.passes_until(|i| i.coherence.figures().rings == 1).await;
    assert_eq!(heard(&one), [(HeardBy::Ring, 2), (HeardBy::Adoption, 1)]);
    let deaf = Instance::on(&bus);
    deaf.engine.set(|modes| modes.rings = Mode::Silent);
    deaf.coherence.coherent().await.unwrap();
    deaf.coherence.enqueue(&[path("/a")]);
    deaf.coherence.idle().await.unwrap();
    let own = deaf.coherence.figures();
    assert!(own.lately.iter().any(|entry| entry.own), "{own:?}");
    for instance in [&one, &deaf] {
        let syncs = instance.coherence.figures().syncs;
        instance
            .passes_until(|i| i.coherence.figures().syncs > syncs + 1)
            .await;
        let figures = instance.coherence.figures();
        assert_eq!((figures.found_late, figures.detection.count), (0, 0));
    }
}

#[tokio::test]
async fn what_an_adoption_missed_is_detected_after_the_proof_before() {
    let one = Instance::coherent_on(&Local::new()).await;
    one.clock.advance(Duration::from_secs(2));
    one.engine.set(|modes| modes.sync = Mode::Hangs);
    one.coherence.shared.forget();
    let question = one.coherence.shared.question();
    let other = Local::new();
    one.coherence
        .shared
        .receive(&question, &InProcess::answer(&other, &question));
    let detection = one.coherence.figures().detection;
    assert_eq!(detection.count, 1);
    assert!(detection.last >= Duration::from_secs(2), "{detection:?}");
}

/// Cause: a ring whose predecessor was lost is applied, and the log is asked, which tells
/// of its entry once more. Effect: it would be there twice.
#[tokio::test]
async fn an_entry_that_rings_and_is_told_of_once_more_is_one() {
    let bus = Local::new();
    let one = Instance::on(&bus);
    one.engine.set(|modes| modes.rings = Mode::Silent);
    one.coherence.coherent().await.unwrap();
    let shared = &one.coherence.shared;
    append(&bus, 1).await;
    append(&bus, 2).await;
    let answer = InProcess::answer(&bus, &shared.question());
    shared.hear(Ring::Entry(answer.entries[1].clone()));
    assert_eq!(heard(&one)[0], (HeardBy::Ring, 2));
    one.coherence.idle().await.unwrap();
    let both = [(HeardBy::Question, 2), (HeardBy::Ring, 2)];
    assert_eq!(heard(&one)[..2], both);
    assert_eq!(heard(&one)[2], (HeardBy::Adoption, 1));
}

#[tokio::test]
async fn the_last_32_are_kept() {
    let bus = Local::new();
    let one = Instance::coherent_on(&bus).await;
    for mark in 1..=40 {
        append(&bus, mark).await;
    }
    one.coherence.idle().await.unwrap();
    let figures = one.coherence.figures();
    let marks: Vec<_> = figures.lately.iter().map(|e| e.position.mark.0).collect();
    assert_eq!(marks, (9..=40).rev().collect::<Vec<_>>());
}

#[tokio::test]
async fn how_long_the_log_takes_is_known() {
    let one = Instance::coherent_on(&Local::new()).await;
    let quick = one.coherence.figures();
    assert_eq!(quick.answers.last, Duration::ZERO);
    assert_eq!(quick.appends.count, 0);
    one.engine.set(|modes| modes.append = Mode::Held);
    one.coherence.enqueue(&[path("/a")]);
    one.engine.held().await;
    one.clock.advance(Duration::from_millis(300));
    one.engine.release();
    one.passes_until(|i| i.coherence.figures().published == 1)
        .await;
    let appends = one.coherence.figures().appends;
    assert_eq!(
        (appends.count, appends.last),
        (1, Duration::from_millis(300))
    );
    one.engine.set(|modes| modes.sync = Mode::Held);
    one.coherence.shared.due.notify_one();
    one.engine.held().await;
    one.clock.advance(Duration::from_millis(200));
    one.engine.set(|modes| modes.sync = Mode::Works);
    one.engine.release();
    let longest = Duration::from_millis(200);
    one.passes_until(|i| i.coherence.figures().answers.longest == longest)
        .await;
}
