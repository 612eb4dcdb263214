//! Filling the store before clients ask.

use crate::held::{self, eventually, fresh, spawn};
use crate::origin::{Origin, response};
use crate::support::Runs;
use axum::body::Body;
use http::Uri;
use std::time::Duration;
use tower::Layer;
use tower_coherence::test_util::Clock;
use tower_coherence::{Cache, ErrorKind, Policy, Scope, WarmedUp};

fn uris(paths: &[&str]) -> Vec<Uri> {
    let whole = |path: &&str| format!("http://shop.example{path}").parse().unwrap();
    paths.iter().map(whole).collect()
}

fn figures(warm: WarmedUp) -> (u64, u64, u64) {
    (warm.asked, warm.stored, warm.failed)
}

#[tokio::test]
async fn what_is_warm_is_a_hit_for_clients() {
    let cache = Cache::local();
    let origin = Origin::says(cache.layer(), &[("cache-control", "max-age=60")]);
    let list = uris(&["/a", "/b?page=2", "/c"]);
    let warm = cache.warm_up::<_, Body, _>(origin.app.clone(), list).await;
    assert_eq!(figures(warm.unwrap()), (3, 3, 0));
    for path in ["/a", "/b?page=2", "/c"] {
        origin.get(path).await;
    }
    assert_eq!(origin.runs(), 3);
    // Another authority is another key, and what is warm is not asked for again.
    let list = ["http://other.example/a", "http://shop.example/a"];
    let list = list.map(|uri| uri.parse().unwrap());
    let warm = cache.warm_up::<_, Body, _>(origin.app.clone(), list).await;
    assert_eq!(figures(warm.unwrap()), (2, 1, 0));
    assert_eq!(origin.runs(), 4);
}

#[tokio::test]
async fn what_fails_and_what_is_not_stored_is_told_apart() {
    let cache = Cache::local();
    let origin = Origin::new(cache.layer(), |request| {
        let (status, control) = match request.uri().path() {
            "/fine" => (200, "max-age=60"),
            "/private" => (200, "private, max-age=60"),
            "/moved" => (301, "no-store"),
            "/none" => (404, "max-age=60"),
            _ => (500, "no-store"),
        };
        response(status, &[("cache-control", control)], "")
    });
    let list = uris(&["/fine", "/private", "/moved", "/none", "/broken"]);
    let warm = cache.warm_up::<_, Body, _>(origin.app.clone(), list).await;
    // The 404 may be kept, and is a failure of the list all the same.
    assert_eq!(figures(warm.unwrap()), (5, 2, 2));
}

#[tokio::test]
async fn what_a_route_refuses_when_it_is_whole_is_not_stored() {
    let cache = Cache::local();
    let policy = Policy::lifetime(Duration::from_secs(60)).store_if(|_, _, _| false);
    let origin = Origin::says(cache.layer().policy(policy), &[]);
    let warm = cache.warm_up::<_, Body, _>(origin.app, uris(&["/a"]));
    assert_eq!(figures(warm.await.unwrap()), (1, 0, 0));
}

#[tokio::test]
async fn its_requests_are_those_of_a_client_that_nobody_knows() {
    let cache = Cache::local();
    let origin = Origin::new(cache.layer(), |request| {
        let fields: Vec<_> = request.headers().keys().map(|it| it.as_str()).collect();
        assert_eq!(fields, ["host"]);
        assert_eq!(request.uri(), "/a?b");
        response(200, &[("cache-control", "max-age=60")], "")
    });
    let list = uris(&["/a?b"]);
    let warm = cache.warm_up::<_, Body, _>(origin.app.clone(), list).await;
    assert_eq!(figures(warm.unwrap()), (1, 1, 0));
    let origin = Origin::new(cache.layer(), |request| {
        assert_eq!(request.uri(), "https://shop.example/a");
        response(200, &[("cache-control", "max-age=60")], "")
    });
    let list = ["https://shop.example/a".parse().unwrap()];
    let warm = cache.warm_up::<_, Body, _>(origin.app.clone(), list).await;
    assert_eq!(figures(warm.unwrap()), (1, 1, 0));
}

#[tokio::test]
async fn four_requests_are_under_way_at_once_and_what_hangs_is_given_up() {
    let clock = Clock::new();
    let cache = Cache::builder().clock(clock.clone()).build().unwrap();
    let (service, mut calls) = held::origin();
    let app = cache.layer().layer(service);
    let list = uris(&["/1", "/2", "/3", "/4", "/5", "/6"]);
    let warming = {
        let cache = cache.clone();
        spawn(async move { cache.warm_up::<_, Body, _>(app, list).await })
    };
    assert_eq!(calls.waiting().await, 4);
    calls.next().await.answer(fresh("1"));
    calls.next().await.fail();
    assert_eq!(calls.waiting().await, 4);
    // Of these four nobody says anything.
    eventually(|| {
        clock.advance(Duration::from_secs(10));
        warming.is_finished()
    })
    .await;
    assert_eq!(figures(warming.await.unwrap().unwrap()), (6, 1, 5));
}

#[tokio::test]
async fn a_list_that_is_dropped_asks_for_no_more() {
    let cache = Cache::local();
    let runs = Runs::default();
    let count = runs.clone();
    let list = uris(&["/1", "/2"]).into_iter().inspect(move |_| {
        count.next();
    });
    let (service, mut calls) = held::origin();
    let app = cache.layer().layer(service);
    {
        let mut warming = Box::pin(cache.warm_up::<_, Body, _>(app, list.cycle().take(100)));
        assert!(futures_util::poll!(warming.as_mut()).is_pending());
        let first = calls.next().await;
        assert!(futures_util::poll!(warming.as_mut()).is_pending());
        drop(warming);
        first.answer(fresh("1"));
    }
    eventually(|| cache.stats().stored == 1).await;
    assert!(runs.count() <= 5, "{}", runs.count());
}

#[tokio::test]
async fn routes_count_as_for_any_request() {
    let cache = Cache::local();
    let tenants = Policy::lifetime(Duration::from_secs(60))
        .jitter(0.0)
        .scope(|request| request.headers.get("tenant").map(|_| Scope::new("a")));
    let origin = Origin::says(cache.layer().policy(tenants), &[]);
    let warm = cache.warm_up::<_, Body, _>(origin.app.clone(), uris(&["/a"]));
    // Nobody says which tenant it is for.
    assert_eq!(figures(warm.await.unwrap()), (1, 0, 0));
    assert_eq!(cache.stats().bypasses["no-scope"], 1);
}

#[test]
fn outside_a_runtime_there_is_nothing_to_ask_with() {
    let cache = Cache::local();
    let origin = Origin::says(cache.layer(), &[]);
    let warm = cache.warm_up::<_, Body, _>(origin.app, uris(&["/a"]));
    let error = futures_util::future::FutureExt::now_or_never(warm);
    assert_eq!(error.unwrap().unwrap_err().kind(), ErrorKind::NoRuntime);
}
