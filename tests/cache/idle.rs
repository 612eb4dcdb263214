//! What nobody asks for is let go before it expires, where a route says so.

use crate::held::{Shop, body, eventually, fresh, plain};
use crate::origin::{Lines, Origin, field, with};
use std::time::Duration;
use tower_coherence::policy::StatusHeader;
use tower_coherence::test_util::Clock;
use tower_coherence::{Cache, Policy};

const SECOND: Duration = Duration::from_secs(1);

fn idle() -> Policy {
    let policy = Policy::lifetime(SECOND * 60).jitter(0.0);
    policy.idle(SECOND * 10)
}

fn with_clock() -> (Cache, Clock) {
    let clock = Clock::new();
    let cache = Cache::builder().clock(clock.clone()).build().unwrap();
    (cache, clock)
}

fn origin(policy: Policy, lines: Lines<'_>) -> (Origin, Cache, Clock) {
    let (cache, clock) = with_clock();
    let origin = Origin::says(with(&cache, policy), lines);
    (origin, cache, clock)
}

#[tokio::test]
async fn it_is_served_while_somebody_asks_and_not_after() {
    let (origin, cache, clock) = origin(idle().cache_status(StatusHeader::WithDetail), &[]);
    origin.get("/a").await;
    // The longer it is asked for, the longer it is there, up to its lifetime.
    for method in ["GET", "HEAD", "GET", "GET", "GET"] {
        clock.advance(SECOND * 10);
        origin.ask(method, "/a", &[]).await;
        assert_eq!(origin.runs(), 1);
    }
    clock.advance(SECOND * 10);
    assert_eq!(origin.get("/a").await.body, "run 2");
    assert_eq!(cache.stats().misses["expired"], 1);
    clock.advance(SECOND * 10 + Duration::from_nanos(1));
    let answer = origin.get("/a").await;
    assert_eq!(answer.body, "run 3");
    let said = field(&answer, "cache-status").unwrap();
    assert!(
        said.contains("fwd=miss") && said.contains("detail=idle"),
        "{said}"
    );
    assert_eq!(cache.stats().misses["idle"], 1);
    assert_eq!(origin.get("/a").await.body, "run 3");
}

#[tokio::test]
async fn unless_said_it_is_there_until_it_expires() {
    let policy = Policy::lifetime(SECOND * 60).jitter(0.0);
    let (origin, _, clock) = origin(policy, &[]);
    origin.get("/a").await;
    clock.advance(SECOND * 59);
    assert_eq!(origin.get("/a").await.body, "run 1");
}

#[tokio::test]
async fn each_variant_is_asked_for_by_itself() {
    let (origin, _, clock) = origin(idle(), &[("vary", "x")]);
    let ask = async |value| origin.ask("GET", "/a", &[("x", value)]).await.body;
    assert_eq!((ask("1").await, ask("2").await).1, "run 2");
    clock.advance(SECOND * 6);
    assert_eq!(ask("1").await, "run 1");
    clock.advance(SECOND * 6);
    assert_eq!(ask("1").await, "run 1");
    assert_eq!(ask("2").await, "run 3");
}

#[tokio::test]
async fn what_is_idle_is_not_served_stale_and_the_handler_is_not_asked_about_it() {
    let stale = idle().stale_while_revalidate(SECOND * 60);
    let (cache, clock) = with_clock();
    let mut shop = Shop::of(cache, stale.stale_if_error(SECOND * 60));
    let tagged = || {
        let mut response = fresh("old");
        let tag = "\"a\"".parse().unwrap();
        response.headers_mut().insert("etag", tag);
        response
    };
    let asked = shop.get("/a");
    shop.origin.next().await.answer(tagged());
    assert_eq!(body(asked).await, "old");
    clock.advance(SECOND * 61);
    let asked = shop.get("/a");
    let call = shop.origin.next().await;
    assert!(!call.request.headers().contains_key("if-none-match"));
    call.fail();
    eventually(|| asked.is_finished()).await;
    assert!(asked.await.unwrap().is_err());
}

#[tokio::test]
async fn an_idle_one_does_not_make_those_wait_who_ask_for_what_is_not_stored_any_more() {
    let (cache, clock) = with_clock();
    let mut shop = Shop::of(cache, Policy::from_headers().idle(SECOND * 10));
    shop.fill("/a", "old").await;
    clock.advance(SECOND * 11);
    let asked = shop.get("/a");
    shop.origin.next().await.answer(plain("not stored"));
    assert_eq!(body(asked).await, "not stored");
    let both = [shop.get("/a"), shop.get("/a")];
    let calls = [shop.origin.next().await, shop.origin.next().await];
    for call in calls {
        call.answer(plain("side by side"));
    }
    for asked in both {
        assert_eq!(body(asked).await, "side by side");
    }
}
