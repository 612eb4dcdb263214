//! A HEAD that is passed on, and what it says of a stored GET (RFC 9111 §4.3.5).

use crate::origin::{Origin, field, response};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tower_coherence::Cache;
use tower_coherence::test_util::Clock;

const MINUTE: Duration = Duration::from_secs(60);

/// A response that is stale and may stand in for an error, after a HEAD with this tag and
/// length was passed on; what a GET gets then, of a handler that fails.
async fn after_a_head(tag: &'static str, length: &'static str) -> u16 {
    let clock = Clock::new();
    let cache = Cache::builder().clock(clock.clone()).build().unwrap();
    let fails = Arc::new(AtomicBool::new(false));
    let failing = fails.clone();
    let origin = Origin::new(cache.layer(), move |request| {
        if failing.load(Ordering::SeqCst) {
            return response(500, &[], "");
        }
        let lines = [
            ("cache-control", "max-age=60, stale-if-error=600"),
            ("vary", "accept"),
        ];
        if request.method() == "HEAD" {
            let own = [
                lines[0],
                lines[1],
                ("etag", tag),
                ("content-length", length),
            ];
            return response(200, &own, "");
        }
        response(200, &[lines[0], lines[1], ("etag", "\"a\"")], "old")
    });
    let accept = [("accept", "text/x")];
    origin.ask("GET", "/a", &accept).await;
    // While it is fresh the handler is not asked.
    let head = origin.ask("HEAD", "/a", &accept).await;
    assert_eq!((field(&head, "etag"), origin.runs()), (Some("\"a\""), 1));
    clock.advance(MINUTE);
    assert_eq!(origin.ask("HEAD", "/a", &accept).await.status, 200);
    assert_eq!(origin.runs(), 2);
    fails.store(true, Ordering::SeqCst);
    origin.ask("GET", "/a", &accept).await.status
}

#[tokio::test]
async fn a_head_with_another_tag_or_length_takes_the_stored_get_away() {
    assert_eq!(after_a_head("\"b\"", "3").await, 500);
    assert_eq!(after_a_head("\"a\"", "4").await, 500);
}

#[tokio::test]
async fn a_head_that_says_the_same_leaves_it() {
    assert_eq!(after_a_head("\"a\"", "3").await, 200);
}
