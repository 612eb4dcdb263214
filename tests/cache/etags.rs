//! Entity tags that the cache makes where the handler gives none.

use crate::held::{Shop, eventually, fed, fresh, fresh_with, settle, whole};
use crate::origin::{Lines, Origin, field, response, with};
use crate::support::{Runs, request};
use axum::body::Body;
use axum::http::Request;
use std::time::Duration;
use tower_coherence::test_util::{Clock, instances};
use tower_coherence::{Cache, Policy};

const MINUTE: Duration = Duration::from_secs(60);
const FRESH: (&str, &str) = ("cache-control", "max-age=60");

/// An origin whose every answer is this text.
fn says(cache: &Cache, policy: Policy, lines: Lines<'_>, text: &'static str) -> Origin {
    let lines = crate::origin::owned(lines);
    Origin::new(with(cache, policy), move |_| {
        response(200, &crate::origin::borrowed(&lines), text)
    })
}

/// The tag on a hit.
async fn tag_of(origin: &Origin) -> Option<String> {
    origin.get("/a").await;
    let hit = origin.get("/a").await;
    assert_eq!(origin.runs(), 1);
    field(&hit, "etag").map(str::to_owned)
}

fn tagging() -> Policy {
    Policy::from_headers().etag()
}

#[tokio::test]
async fn tags_are_made_only_where_a_policy_asks_for_them() {
    let cache = Cache::local();
    let off = says(&cache, Policy::from_headers(), &[FRESH], "x");
    assert_eq!(tag_of(&off).await, None);
    let cache = Cache::local();
    let on = says(&cache, tagging(), &[FRESH], "x");
    let tag = tag_of(&on).await.unwrap();
    // Strong, and at least 128 bits in hexadecimal digits.
    assert!(
        tag.starts_with('"') && tag.ends_with('"') && tag.len() >= 34,
        "{tag}"
    );
}

#[tokio::test]
async fn a_tag_is_the_same_on_every_instance_and_for_the_same_bytes_only() {
    let [one, other] = instances();
    let of = async |cache: &Cache, lines: Lines<'_>, text| {
        let lines = [&[FRESH], lines].concat();
        tag_of(&says(cache, tagging(), &lines, text)).await.unwrap()
    };
    let tag = of(&one, &[], "x").await;
    assert_eq!(of(&other, &[("x-run", "2")], "x").await, tag);
    assert_ne!(of(&Cache::local(), &[], "y").await, tag);
    assert_ne!(
        of(&Cache::local(), &[("content-encoding", "gzip")], "x").await,
        tag
    );
}

#[tokio::test]
async fn what_a_handler_says_stays() {
    let cache = Cache::local();
    let origin = says(&cache, tagging(), &[FRESH, ("etag", "W/\"own\"")], "x");
    assert_eq!(tag_of(&origin).await.as_deref(), Some("W/\"own\""));
}

#[tokio::test]
async fn only_a_200_gets_a_tag() {
    for status in [203, 404] {
        let layer = with(&Cache::local(), tagging());
        let origin = Origin::new(layer, move |_| response(status, &[FRESH], "x"));
        assert_eq!(tag_of(&origin).await, None, "{status}");
    }
}

#[tokio::test]
async fn the_head_of_the_first_client_has_left_before_there_is_a_tag() {
    let cache = Cache::local();
    let origin = says(&cache, tagging(), &[FRESH], "x");
    assert_eq!(field(&origin.get("/a").await, "etag"), None);
    let head = origin.ask("HEAD", "/a", &[]).await;
    let get = origin.get("/a").await;
    assert_eq!(field(&head, "etag"), field(&get, "etag"));
    assert!(field(&get, "etag").is_some());
}

#[tokio::test]
async fn a_made_tag_is_answered_with_a_304_and_a_206_from_memory() {
    let cache = Cache::local();
    let origin = says(&cache, tagging(), &[FRESH], "text");
    let tag = tag_of(&origin).await.unwrap();
    let same = origin.ask("GET", "/a", &[("if-none-match", &tag)]).await;
    assert_eq!(
        (same.status, field(&same, "etag")),
        (304, Some(tag.as_str()))
    );
    let lines = [("range", "bytes=1-2"), ("if-range", &tag)];
    let part = origin.ask("GET", "/a", &lines).await;
    assert_eq!((part.status, part.body.as_str()), (206, "ex"));
    assert_eq!(origin.runs(), 1);
}

#[tokio::test]
async fn after_it_expired_the_same_bytes_are_unmodified_and_others_are_not() {
    let clock = Clock::new();
    let cache = Cache::builder().clock(clock.clone()).build().unwrap();
    let runs = Runs::default();
    let origin = Origin::new(with(&cache, tagging()), move |_| {
        response(200, &[FRESH], if runs.next() < 3 { "old" } else { "new" })
    });
    let tag = tag_of(&origin).await.unwrap();
    for (expected, text) in [(304, ""), (200, "new")] {
        clock.advance(MINUTE);
        let answer = origin.ask("GET", "/a", &[("if-none-match", &tag)]).await;
        assert_eq!((answer.status, answer.body.as_str()), (expected, text));
    }
    assert_eq!(origin.runs(), 3);
}

fn asks(lines: Lines<'_>) -> Request<Body> {
    let mut request = request("GET", "/a");
    for (name, value) in lines {
        let name: http::HeaderName = name.parse().unwrap();
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    request
}

#[tokio::test]
async fn a_leader_with_a_tag_is_answered_when_the_body_is_whole() {
    let mut shop = Shop::of(Cache::local(), tagging());
    let leader = shop.head(asks(&[("if-none-match", "\"other\"")]));
    let (feed, body) = fed();
    shop.origin.next().await.answer(fresh_with(body));
    feed.data("text");
    settle().await;
    assert!(!leader.is_finished());
    let waiter = shop.head(asks(&[]));
    drop(feed);
    eventually(|| leader.is_finished() && waiter.is_finished()).await;
    let [leader, waiter] = [leader.await, waiter.await].map(|head| head.unwrap().unwrap());
    assert_eq!(
        (leader.status().as_u16(), waiter.status().as_u16()),
        (200, 200)
    );
    assert_eq!(leader.headers()["etag"], waiter.headers()["etag"]);
}

#[tokio::test]
async fn what_is_not_stored_gets_no_tag() {
    let mut shop = Shop::of(Cache::local(), tagging());
    let asked = shop.head(asks(&[("if-none-match", "*")]));
    let answer = http::Response::new(whole("text"));
    shop.origin.next().await.answer(answer);
    let head = asked.await.unwrap().unwrap();
    assert_eq!(
        (head.status().as_u16(), head.headers().get("etag")),
        (200, None)
    );
    // A `Content-Length` that is wrong is known only at the end.
    let mut lying = fresh("text");
    lying.headers_mut().insert("content-length", 5.into());
    let mut request = asks(&[("if-none-match", "*")]);
    *request.uri_mut() = "/b".parse().unwrap();
    let asked = shop.head(request);
    shop.origin.next().await.answer(lying);
    let head = asked.await.unwrap().unwrap();
    assert_eq!(
        (head.status().as_u16(), head.headers().get("etag")),
        (200, None)
    );
}
