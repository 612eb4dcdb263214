//! Writes that are announced before their handlers run.

use crate::held::{Shop, body, fresh, origin, plain, settle, with_status};
use crate::patience::eventually;
use crate::support::request;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tower::Layer;
use tower_coherence::bus::{Local, Redis};
use tower_coherence::policy::{BusDown, WritePolicy};
use tower_coherence::test_util::Clock;
use tower_coherence::{Cache, Invalidate, Policy};

/// Longer than any test waits for what comes to pass.
const LONG: Duration = Duration::from_secs(30);
const TIME: Duration = Duration::from_secs(20);
const SECOND: Duration = Duration::from_secs(1);

fn shop(cache: &Cache, writes: WritePolicy) -> Shop {
    let (service, origin) = origin();
    let layer = cache.layer().policy(Policy::lifetime(TIME * 100));
    Shop {
        cache: cache.clone(),
        app: layer.write_policy(writes).layer(service),
        origin,
    }
}

/// Two instances on one bus and one clock.
fn two(writes: &WritePolicy) -> ([Shop; 2], Clock) {
    let (bus, clock) = (Local::new(), Clock::new());
    let one = || {
        let cache = Cache::builder().bus(bus.clone()).clock(clock.clone());
        shop(&cache.build().unwrap(), writes.clone())
    };
    ([one(), one()], clock)
}

/// Lets time pass in heartbeats.
async fn pass(clock: &Clock, time: Duration) {
    for _ in 0..time.as_secs() {
        clock.advance(SECOND);
        settle().await;
    }
}

#[tokio::test]
async fn the_others_know_of_a_write_before_its_handler_runs() {
    let ([mut one, mut other], _) = two(&WritePolicy::new().intent(TIME));
    other.fill("/a", "old").await;
    let rings = other.cache.stats().bus.rings;
    let asked = one.ask(request("PUT", "/a"));
    let call = one.origin.next().await;
    assert_eq!(one.cache.stats().bus.intents, 1);
    crate::held::eventually(|| other.cache.stats().bus.rings > rings).await;
    // Nothing is stale yet.
    assert_eq!(other.see("/a", "new").await, "old");
    call.answer(plain("done"));
    assert_eq!(body(asked).await, "done");
    crate::held::eventually(|| other.cache.stats().bus.rings > rings + 1).await;
    assert_eq!(other.see("/a", "new").await, "new");
    assert_eq!(
        one.cache.stats().bus.published,
        1,
        "the end goes with the write"
    );
}

#[tokio::test]
async fn a_write_that_ends_is_not_invalidated_again_when_its_time_is_up() {
    let ([mut one, mut other], clock) = two(&WritePolicy::new().intent(TIME));
    other.fill("/b", "at the start").await;
    // When everything has been invalidated for the second time after the start.
    pass(&clock, TIME * 2).await;
    let ran_out = other.cache.stats().bus.intents_ran_out;
    for status in [200, 404] {
        let asked = one.ask(request("PUT", "/a"));
        one.origin.next().await.answer(with_status(status));
        asked.await.unwrap().unwrap();
        one.cache.idle().await.unwrap();
        settle().await;
        other.fill("/a", "filled since").await;
        pass(&clock, TIME * 2).await;
        assert_eq!(other.see("/a", "new").await, "filled since", "{status}");
        assert_eq!(other.cache.stats().bus.intents_ran_out, ran_out);
        other.cache.invalidate_now(Invalidate::path("/a"));
    }
}

#[tokio::test]
async fn a_write_whose_handler_panics_ends_too_and_has_made_its_path_stale() {
    let ([mut one, mut other], _) = two(&WritePolicy::new().intent(TIME));
    other.fill("/a", "old").await;
    let asked = one.ask(request("PUT", "/a"));
    one.origin.next().await.panic();
    assert!(asked.await.is_err());
    one.cache.idle().await.unwrap();
    settle().await;
    assert_eq!(other.see("/a", "new").await, "new");
    assert_eq!(one.cache.stats().bus.published, 1);
}

#[tokio::test]
async fn a_read_and_a_grpc_call_announce_nothing() {
    let ([mut one, _], _) = two(&WritePolicy::new().intent(TIME));
    one.fill("/a", "read").await;
    let mut call = request("POST", "/shop.Shop/Set");
    let kind = HeaderValue::from_static("application/grpc");
    call.headers_mut().insert(CONTENT_TYPE, kind);
    let asked = one.ask(call);
    one.origin.next().await.answer(plain("done"));
    asked.await.unwrap().unwrap();
    let bus = one.cache.stats().bus;
    assert_eq!((bus.intents, bus.intents_untold), (0, 0));
}

#[tokio::test]
async fn a_time_of_zero_announces_nothing() {
    let ([mut one, _], _) = two(&WritePolicy::new().intent(Duration::ZERO));
    let asked = one.ask(request("PUT", "/a"));
    one.origin.next().await.answer(plain("done"));
    asked.await.unwrap().unwrap();
    assert_eq!(one.cache.stats().bus.intents, 0);
}

/// A bus that takes connections and says nothing.
async fn mute(choice: BusDown, max_fills: usize) -> (Shop, TcpListener) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    let bus = Redis::new(&url, "shop").unwrap();
    // The bus is not known to be down yet when the test writes.
    let bus = bus.connect_timeout(LONG).reply_timeout(LONG);
    let cache = Cache::builder().bus(bus).max_fills(max_fills);
    let writes = WritePolicy::new().intent(TIME).while_bus_down(choice);
    (shop(&cache.build().unwrap(), writes), listener)
}

#[tokio::test]
async fn a_write_that_the_log_does_not_take_is_refused_where_the_route_says_so() {
    for max_fills in [1024, 1] {
        let (mut shop, _listener) = mute(BusDown::RefuseWrites, max_fills).await;
        // Holds the only permit there may be.
        let reading = shop.get("/held");
        let held = shop.origin.next().await;
        let response = timeout(LONG, shop.head(request("PUT", "/a"))).await;
        let response = response.expect("an answer").unwrap().unwrap();
        assert_eq!(
            (response.status().as_u16(), shop.origin.waiting().await),
            (503, 0)
        );
        let stats = shop.cache.stats();
        assert_eq!((stats.refused_writes, stats.writes), (1, 0));
        assert_eq!((stats.bus.intents, stats.bus.intents_untold), (0, 1));
        assert_eq!(stats.invalidations, 0, "the handler did not run");
        held.answer(fresh("read"));
        assert_eq!(body(reading).await, "read");
    }
}

#[tokio::test]
async fn it_runs_where_the_route_says_so_also_when_its_client_has_gone() {
    let (mut shop, _listener) = mute(BusDown::Queue, 1024).await;
    let asked = shop.ask(request("PUT", "/a"));
    settle().await;
    asked.abort();
    let call = eventually("the handler runs", LONG, async || {
        (shop.origin.waiting().await == 1).then_some(())
    });
    call.await;
    shop.origin.next().await.answer(plain("done"));
    eventually("its path is stale", LONG, async || {
        (shop.cache.stats().invalidations > 0).then_some(())
    })
    .await;
    let stats = shop.cache.stats();
    assert_eq!((stats.writes, stats.bus.intents_untold), (1, 1));
}
