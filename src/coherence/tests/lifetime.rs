//! When the tasks run, and what survives them.

use super::fake::Mode;
use super::{Instance, path};
use crate::bus::Local;
use crate::concern::{Reached, WriteConcern};
use crate::error::ErrorKind;
use crate::target::Target;
use futures_util::FutureExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn without_a_runtime_nothing_waits_for_ever_and_nothing_is_lost() {
    let bus = Local::new();
    let one = Instance::on(&bus);
    let coherent = one.coherence.coherent().now_or_never().unwrap();
    assert_eq!(coherent.unwrap_err().kind(), ErrorKind::NoRuntime);
    let ticket = one.coherence.enqueue(&[path("/a")]);
    let concern = WriteConcern::Published {
        timeout: Duration::from_secs(1),
    };
    let receipt = one.coherence.receipt(ticket, concern).now_or_never();
    assert_eq!(receipt.unwrap().reached(), Reached::Here);

    runtime().block_on(async {
        let receipt = one.coherence.receipt(ticket, concern).await;
        assert_eq!(receipt.reached(), Reached::Bus);
    });
}

#[test]
fn the_tasks_start_anew_when_their_runtime_has_ended_and_send_what_was_left() {
    let bus = Local::new();
    let one = Instance::on(&bus);
    let first = runtime();
    first.block_on(async {
        one.coherence.coherent().await.unwrap();
        one.engine.set(|modes| modes.append = Mode::Hangs);
        one.coherence.enqueue(&[path("/a")]);
        one.passes_until(|i| !i.engine.appends().is_empty()).await;
    });
    drop(first);
    one.engine.set(|modes| modes.append = Mode::Works);
    runtime().block_on(async {
        one.coherence.idle().await.unwrap();
        let other = Instance::coherent_on(&bus).await;
        assert!(other.coherence.is_coherent());
    });
    let appends = one.engine.appends();
    assert_eq!(appends.first().map(|a| &a.0), appends.last().map(|a| &a.0));
    assert_eq!(one.coherence.figures().outbox, 0);
}

#[tokio::test]
async fn the_tasks_start_once_however_often_they_are_asked_to() {
    let one = Instance::coherent_on(&Local::new()).await;
    for _ in 0..10 {
        one.coherence.ensure_running();
    }
    one.passes_until(|i| i.coherence.figures().connections > 0)
        .await;
    one.coherence.idle().await.unwrap();
    assert_eq!(one.coherence.figures().connections, 1);
    assert_eq!(one.coherence.figures().adoptions, 1);
}

#[tokio::test]
async fn the_tasks_end_with_the_handle_and_let_go_of_the_store() {
    let one = Instance::coherent_on(&Local::new()).await;
    let store = Arc::downgrade(&one.sink);
    drop(one);
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(store.upgrade().is_none());
}

#[tokio::test]
async fn a_panic_while_a_ring_is_applied_is_survived_and_loses_nothing() {
    let bus = Local::new();
    let one = Instance::coherent_on(&bus).await;
    let other = Instance::coherent_on(&bus).await;
    other
        .passes_until(|i| i.coherence.figures().connections == 1)
        .await;
    let before = other.sink.times(&Target::everything());
    let bound = super::BOUND * 4;
    other.coherence.widen(bound);
    *other.sink.afraid_of.lock().unwrap() = Some(path("/a"));
    one.coherence.enqueue(&[path("/a")]);
    other
        .passes_until(|i| i.coherence.figures().panics == 1)
        .await;
    other
        .passes_until(|i| i.sink.times(&Target::everything()) > before)
        .await;

    one.coherence.enqueue(&[path("/b")]);
    one.coherence.idle().await.unwrap();
    other.passes_until(|i| i.sink.times(&path("/b")) > 0).await;
    // Its routes go on serving by it, under whatever id.
    assert_eq!(other.coherence.largest_bound(), bound);
}
