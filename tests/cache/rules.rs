//! Rules of HTTP that no other file shows.

use crate::origin::{Origin, field, response};
use crate::support::send;
use axum::body::Body;
use axum::http::Request;
use std::time::Duration;
use tower_coherence::Cache;
use tower_coherence::test_util::Clock;

const FRESH: (&str, &str) = ("cache-control", "max-age=60");

/// Whether the next request for it is answered from memory.
async fn is_stored(origin: &Origin, uri: &str) -> bool {
    let before = origin.runs();
    origin.get(uri).await;
    origin.runs() == before
}

/// `/both` is in two groups, `/second` in one of them; any other path says that the
/// first is stale.
fn in_groups(cache: &Cache) -> Origin {
    Origin::new(cache.layer(), |request| {
        let line = match request.uri().path() {
            "/both" => ("cache-groups", "\"first\", \"second\""),
            "/second" => ("cache-groups", "\"second\""),
            _ => ("cache-group-invalidation", "\"first\""),
        };
        response(200, &[FRESH, line], "")
    })
}

#[tokio::test]
async fn the_time_that_a_handler_took_counts_as_age_beside_what_it_says() {
    let clock = Clock::new();
    let cache = Cache::builder().clock(clock.clone()).build().unwrap();
    let origin = Origin::new(cache.layer(), move |_| {
        clock.advance(Duration::from_secs(5));
        response(200, &[FRESH, ("age", "3")], "")
    });
    origin.get("/a").await;
    assert_eq!(field(&origin.get("/a").await, "age"), Some("8"));
    assert_eq!(origin.runs(), 1);
}

#[tokio::test]
async fn who_would_take_what_is_stale_or_wants_it_fresher_gets_what_all_get() {
    let clock = Clock::new();
    let cache = Cache::builder().clock(clock.clone()).build().unwrap();
    let origin = Origin::says(cache.layer(), &[FRESH]);
    origin.get("/a").await;
    let ask = async |value| {
        origin
            .ask("GET", "/a", &[("cache-control", value)])
            .await
            .body
    };
    assert_eq!(ask("min-fresh=3600").await, "run 1");
    clock.advance(Duration::from_secs(60));
    assert_eq!(ask("max-stale").await, "run 2");
    clock.advance(Duration::from_secs(60));
    assert_eq!(ask("max-stale=3600").await, "run 3");
}

#[tokio::test]
async fn what_a_group_takes_along_takes_no_other_group_along() {
    let origin = in_groups(&Cache::local());
    for uri in ["/both", "/second"] {
        origin.get(uri).await;
        assert!(is_stored(&origin, uri).await);
    }
    origin.ask("POST", "/write", &[]).await;
    assert!(!is_stored(&origin, "/both").await);
    assert!(is_stored(&origin, "/second").await);
}

#[tokio::test]
async fn a_group_ends_at_its_origin() {
    let origin = in_groups(&Cache::local());
    origin.get("/both").await;
    let elsewhere = Request::post("/write").header("host", "second.example");
    send(&origin.app, elsewhere.body(Body::empty()).unwrap()).await;
    assert!(is_stored(&origin, "/both").await);
}

#[tokio::test]
async fn the_response_to_a_safe_request_invalidates_no_group() {
    let origin = in_groups(&Cache::local());
    origin.get("/both").await;
    for method in ["GET", "HEAD", "OPTIONS", "TRACE", "QUERY"] {
        origin.ask(method, "/read", &[]).await;
        assert!(is_stored(&origin, "/both").await, "{method}");
    }
}
