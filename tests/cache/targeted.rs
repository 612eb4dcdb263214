//! Targeted `Cache-Control` (RFC 9213): what a handler says to this cache alone.

use crate::held::{Shop, body, eventually, plain};
use crate::origin::{Lines, Origin, field};
use axum::http::{HeaderName, HeaderValue};
use std::time::Duration;
use tower_coherence::test_util::Clock;
use tower_coherence::{Cache, CacheBuilder};

const OWN: &str = "coherence-cache-control";
const CDN: &str = "cdn-cache-control";

fn heeding(names: &[&'static str]) -> CacheBuilder {
    let names = names.iter().map(|name| HeaderName::from_static(name));
    Cache::builder().targeted_fields(names)
}

/// Whether the second of two requests is answered from memory.
async fn is_stored(cache: &Cache, lines: Lines<'_>) -> bool {
    let origin = Origin::says(cache.layer(), lines);
    origin.get("/a").await;
    origin.get("/a").await.body == "run 1"
}

#[tokio::test]
async fn a_targeted_field_decides_alone_and_the_others_pass_unchanged() {
    let clock = Clock::new();
    let cache = Cache::builder().clock(clock.clone()).build().unwrap();
    let lines = [
        (OWN, "max-age=60"),
        ("cache-control", "no-store, private, max-age=5"),
        ("expires", "0"),
    ];
    let origin = Origin::says(cache.layer(), &lines);
    for _ in 0..2 {
        let answer = origin.get("/a").await;
        assert_eq!(answer.body, "run 1");
        assert_eq!(field(&answer, OWN), None);
        assert_eq!(field(&answer, "cache-control"), Some(lines[1].1));
        assert_eq!(field(&answer, "expires"), Some("0"));
        clock.advance(Duration::from_millis(59_999));
    }
    clock.advance(Duration::from_millis(1));
    assert_eq!(origin.get("/a").await.body, "run 2");
}

#[tokio::test]
async fn a_targeted_field_may_be_the_stricter_one() {
    let fresh = ("cache-control", "public, max-age=60");
    for value in ["no-store", "private", "no-cache", "max-age=0", "ext"] {
        assert!(!is_stored(&Cache::local(), &[(OWN, value), fresh]).await);
    }
    assert!(is_stored(&Cache::local(), &[fresh]).await);
}

#[tokio::test]
async fn an_invalid_or_empty_targeted_field_is_as_if_absent() {
    for value in ["", "max-age=9,", "Max-Age=9", "max-age=9; no-store x", "&"] {
        let fresh = ("cache-control", "max-age=60");
        assert!(is_stored(&Cache::local(), &[(OWN, value), fresh]).await);
        let none = ("cache-control", "no-store");
        assert!(!is_stored(&Cache::local(), &[(OWN, value), none]).await);
    }
}

#[tokio::test]
async fn a_lifetime_that_is_no_integer_is_not_consumed() {
    let other = ("cache-control", "max-age=60");
    for value in ["max-age=\"60\"", "max-age=60.5", "max-age=-60"] {
        assert!(!is_stored(&Cache::local(), &[(OWN, value), other]).await);
    }
}

#[tokio::test]
async fn a_field_that_is_not_on_the_list_passes_on_and_changes_nothing() {
    let cache = Cache::local();
    let lines = [(CDN, "max-age=60"), ("surrogate-control", "max-age=60")];
    assert!(!is_stored(&cache, &lines).await);
    let fresh = ("cache-control", "max-age=60");
    let origin = Origin::says(cache.layer(), &[(CDN, "no-store"), fresh]);
    for _ in 0..2 {
        let answer = origin.get("/a").await;
        assert_eq!(answer.body, "run 1");
        assert_eq!(field(&answer, CDN), Some("no-store"));
    }
    // Ours is like any other where it is not on the list.
    let cache = heeding(&[]).build().unwrap();
    let origin = Origin::says(cache.layer(), &[(OWN, "no-store"), fresh]);
    for _ in 0..2 {
        let answer = origin.get("/a").await;
        assert_eq!(
            (&*answer.body, field(&answer, OWN)),
            ("run 1", Some("no-store"))
        );
    }
}

#[tokio::test]
async fn the_first_field_of_the_list_counts_and_those_for_others_pass_on() {
    let lines = [(CDN, "no-store"), (OWN, "max-age=60")];
    assert!(is_stored(&heeding(&[OWN, CDN]).build().unwrap(), &lines).await);
    assert!(!is_stored(&heeding(&[CDN, OWN]).build().unwrap(), &lines).await);
    let cache = heeding(&[CDN]).build().unwrap();
    let origin = Origin::says(cache.layer(), &[(CDN, "max-age=60")]);
    for _ in 0..2 {
        let answer = origin.get("/a").await;
        assert_eq!(
            (&*answer.body, field(&answer, CDN)),
            ("run 1", Some("max-age=60"))
        );
    }
}

#[tokio::test]
async fn what_is_for_this_cache_leaves_on_no_way() {
    let origin = Origin::says(Cache::local().layer(), &[(OWN, "no-store"), (CDN, "x")]);
    for method in ["GET", "HEAD", "OPTIONS", "POST", "DELETE", "QUERY"] {
        let answer = origin.ask(method, "/a", &[]).await;
        assert_eq!(field(&answer, OWN), None, "{method}");
        assert_eq!(field(&answer, CDN), Some("x"), "{method}");
    }
    let answer = origin.ask("GET", "/a", &[("range", "bytes=0-1")]).await;
    assert_eq!(field(&answer, OWN), None);
}

#[tokio::test]
async fn those_who_wait_get_by_it_what_is_stored() {
    let mut shop = Shop::new();
    let (first, second) = (shop.get("/a"), shop.get("/a"));
    let call = shop.origin.next().await;
    eventually(|| shop.cache.stats().waiters == 1).await;
    let mut response = plain("one");
    let fields = response.headers_mut();
    fields.insert("cache-control", HeaderValue::from_static("private"));
    fields.insert(OWN, HeaderValue::from_static("max-age=60"));
    call.answer(response);
    assert_eq!(
        (body(first).await, body(second).await),
        ("one".into(), "one".into())
    );
    assert_eq!(shop.cache.stats().fills, 1);
}
