//! Which requests use the cache and which responses are stored, by closures and by the
//! switch.

use crate::held::{Shop, body, eventually, fresh, settle};
use crate::origin::{Origin, with};
use std::time::Duration;
use tower_coherence::{Cache, Invalidate, Mode, Policy};

fn hourly() -> Policy {
    Policy::lifetime(Duration::from_secs(3600))
}

#[tokio::test]
async fn requests_that_a_policy_excepts_pass_the_cache_by() {
    let cache = Cache::local();
    let policy = hourly().unless(|request| request.headers.contains_key("x-preview"));
    let origin = Origin::says(with(&cache, policy), &[]);
    let preview = [("x-preview", "1")];
    assert_eq!(origin.get("/a").await.body, "run 1");
    assert_eq!(origin.ask("GET", "/a", &preview).await.body, "run 2");
    assert_eq!(origin.get("/a").await.body, "run 1");
    assert_eq!(origin.ask("GET", "/b", &preview).await.body, "run 3");
    assert_eq!(origin.get("/b").await.body, "run 4");
    assert_eq!(cache.stats().bypasses["unless"], 2);
}

#[tokio::test]
async fn a_policy_decides_by_the_whole_body_what_is_stored() {
    let policy = hourly().store_if(|request, response, body| {
        assert_eq!((request.uri.path(), response.status.as_u16()), ("/a", 200));
        assert_eq!(response.headers["cache-control"], "max-age=60");
        !body.starts_with(b"{\"errors\"")
    });
    let mut shop = Shop::of(Cache::local(), policy);
    let first = shop.get("/a");
    let call = shop.origin.next().await;
    let waits = shop.get("/a");
    eventually(|| shop.cache.stats().waiters == 1).await;
    call.answer(fresh("{\"errors\":[]}"));
    // It goes out, and to those who wait.
    assert_eq!(body(first).await, "{\"errors\":[]}");
    assert_eq!(body(waits).await, "{\"errors\":[]}");
    assert_eq!(shop.refused("store-if"), 1);
    // Those who come later do not wait for each other.
    let both = [shop.get("/a"), shop.get("/a")];
    let calls = [shop.origin.next().await, shop.origin.next().await];
    for call in calls {
        call.answer(fresh("{\"data\":1}"));
    }
    for asked in both {
        assert_eq!(body(asked).await, "{\"data\":1}");
    }
    assert_eq!(body(shop.get("/a")).await, "{\"data\":1}");
}

#[tokio::test]
async fn a_closure_that_panics_stores_nothing_and_breaks_nothing() {
    let cache = Cache::local();
    let policy = hourly().store_if(|_, _, _| panic!("a closure of the application"));
    let origin = Origin::says(with(&cache, policy), &[]);
    assert_eq!(origin.get("/a").await.body, "run 1");
    assert_eq!(origin.get("/a").await.body, "run 2");
    assert_eq!(cache.stats().refusals["policy-panicked"], 2);
}

#[tokio::test]
async fn a_cache_that_is_switched_off_answers_nothing_and_still_invalidates() {
    let [a, b] = tower_coherence::test_util::instances();
    let here = Origin::says(with(&a, hourly()), &[]);
    let there = Origin::says(with(&b, hourly()), &[]);
    for origin in [&here, &there] {
        origin.get("/a").await;
        origin.get("/b").await;
    }
    a.set_mode(Mode::Bypass);
    assert_eq!(here.get("/a").await.body, "run 3");
    assert_eq!(here.get("/c").await.body, "run 4");
    assert_eq!(a.stats().bypasses["switched-off"], 2);
    // A write here counts here and there, and one from there here.
    here.ask("PUT", "/a", &[]).await;
    b.idle().await.unwrap();
    assert_eq!(there.get("/a").await.body, "run 3");
    b.invalidate(Invalidate::path("/b")).await;
    a.idle().await.unwrap();
    settle().await;
    a.set_mode(Mode::Serve);
    assert_eq!(here.get("/a").await.body, "run 6");
    assert_eq!(here.get("/b").await.body, "run 7");
    assert_eq!(here.get("/c").await.body, "run 8");
    assert_eq!(here.get("/c").await.body, "run 8");
}
