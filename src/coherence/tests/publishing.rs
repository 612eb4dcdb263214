//! What becomes of an invalidation that was made here.

use super::fake::Mode;
use super::{Instance, path};
use crate::bus::Local;
use crate::concern::{Reached, WriteConcern};
use crate::target::Target;
use futures_util::FutureExt;
use futures_util::poll;
use std::time::Duration;

const PUBLISHED: WriteConcern = WriteConcern::Published {
    timeout: Duration::from_millis(500),
};

#[tokio::test]
async fn published_waits_until_the_log_has_it() {
    let one = Instance::coherent_on(&Local::new()).await;
    let ticket = one.coherence.enqueue(&[path("/a")]);
    let receipt = one.coherence.receipt(ticket, PUBLISHED).await;
    assert_eq!(receipt.reached(), Reached::Bus);
    assert_eq!(one.coherence.figures().published, 1);
    assert_eq!(one.coherence.figures().outbox, 0);
}

#[tokio::test]
async fn enqueued_does_not_wait() {
    let one = Instance::coherent_on(&Local::new()).await;
    let ticket = one.coherence.enqueue(&[path("/a")]);
    let receipt = one.coherence.receipt(ticket, WriteConcern::Enqueued);
    let receipt = receipt.now_or_never().expect("it does not wait");
    assert_eq!(receipt.reached(), Reached::Here);
}

#[tokio::test]
async fn published_ends_with_its_timeout_and_the_retries_go_on() {
    let one = Instance::coherent_on(&Local::new()).await;
    one.engine.set(|modes| modes.append = Mode::Hangs);
    let ticket = one.coherence.enqueue(&[path("/a")]);
    let receipt = one.coherence.receipt(ticket, PUBLISHED);
    tokio::pin!(receipt);
    assert!(poll!(receipt.as_mut()).is_pending());
    one.clock.advance(Duration::from_millis(500));
    assert_eq!(receipt.await.reached(), Reached::Here);

    one.passes_until(|i| i.coherence.figures().publish_failures > 2)
        .await;
    one.engine.set(|modes| modes.append = Mode::Works);
    one.passes_until(|i| i.coherence.figures().outbox == 0)
        .await;
    let receipt = one.coherence.receipt(ticket, PUBLISHED).await;
    assert_eq!(receipt.reached(), Reached::Bus);
}

#[tokio::test]
async fn published_does_not_wait_while_the_bus_is_known_to_be_down() {
    let one = Instance::coherent_on(&Local::new()).await;
    one.engine.set(|modes| modes.append = Mode::Fails);
    one.coherence.enqueue(&[path("/a")]);
    one.passes_until(|i| i.coherence.figures().is_down()).await;
    let ticket = one.coherence.enqueue(&[path("/b")]);
    let receipt = one.coherence.receipt(ticket, PUBLISHED);
    let receipt = receipt.now_or_never().expect("it does not wait");
    assert_eq!(receipt.reached(), Reached::Here);
}

#[tokio::test]
async fn an_append_that_may_have_happened_is_made_again_with_another_mark() {
    let bus = Local::new();
    let one = Instance::coherent_on(&bus).await;
    let other = Instance::coherent_on(&bus).await;
    one.engine.set(|modes| modes.append = Mode::FailsBehind);
    one.coherence.enqueue(&[path("/a")]);
    one.passes_until(|i| i.engine.appends().len() > 1).await;
    one.coherence.enqueue(&[path("/b")]);
    one.engine.set(|modes| modes.append = Mode::Works);
    one.passes_until(|i| i.coherence.figures().outbox == 0)
        .await;

    let appends = one.engine.appends();
    assert_eq!(appends[0].0, appends[1].0);
    assert_ne!(appends[0].1, appends[1].1);
    other.coherence.idle().await.unwrap();
    assert!(other.sink.times(&path("/a")) > 1 && other.sink.times(&path("/b")) > 0);
}

#[tokio::test]
async fn an_outbox_that_overflows_while_the_bus_is_down_becomes_everything() {
    let bus = Local::new();
    let one = Instance::coherent_on(&bus).await;
    let other = Instance::coherent_on(&bus).await;
    let before = other.sink.times(&Target::everything());
    one.engine.set(|modes| modes.append = Mode::Fails);
    let targets: Vec<Target> = (0..10_001).map(|n| path(&format!("/{n}"))).collect();
    one.coherence.enqueue(&targets);
    assert_eq!(one.coherence.figures().outbox, 1);
    assert_eq!(one.coherence.figures().widened, 1);
    one.engine.set(|modes| modes.append = Mode::Works);
    one.passes_until(|i| i.coherence.figures().outbox == 0)
        .await;
    other.coherence.idle().await.unwrap();
    assert!(other.sink.times(&Target::everything()) > before);
    assert_eq!(other.coherence.figures().adoptions, 1);
}

#[tokio::test]
async fn a_dead_bus_keeps_all_and_loses_nothing() {
    let bus = Local::new();
    let one = Instance::coherent_on(&bus).await;
    let other = Instance::coherent_on(&bus).await;
    one.engine.set(|modes| {
        modes.append = Mode::Fails;
        modes.sync = Mode::Fails;
        modes.rings = Mode::Fails;
    });
    for n in 0..100 {
        one.coherence.enqueue(&[path(&format!("/{n}"))]);
    }
    one.passes_until(|i| i.coherence.figures().publish_failures > 5)
        .await;
    one.engine
        .set(|modes| *modes = super::fake::Modes::default());
    one.passes_until(|i| i.coherence.figures().outbox == 0)
        .await;
    other.coherence.idle().await.unwrap();
    for n in 0..100 {
        assert!(other.sink.times(&path(&format!("/{n}"))) > 0, "{n}");
    }
}
