//! `Cache-Status` (RFC 9211): what the cache says it did.

use crate::held::{Failure, Head, Shop, eventually, fed, fresh, fresh_with, plain};
use crate::origin::{Lines, Origin, response, with};
use crate::support::Answer;
use axum::http::HeaderMap;
use bytes::Bytes;
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full};
use std::collections::BTreeMap;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tower_coherence::policy::StatusHeader;
use tower_coherence::test_util::Clock;
use tower_coherence::{Cache, CacheContext, Invalidate, Mode, Policy, Stats};

const FRESH: (&str, &str) = ("cache-control", "max-age=60");

fn told() -> Policy {
    Policy::from_headers().cache_status(StatusHeader::On)
}

fn detailed() -> Policy {
    Policy::from_headers().cache_status(StatusHeader::WithDetail)
}

fn says(lines: Lines<'_>) -> Origin {
    Origin::says(with(&Cache::local(), told()), lines)
}

/// All members, line by line.
fn members(headers: &HeaderMap) -> Vec<&str> {
    let lines = headers.get_all("cache-status").iter();
    lines.map(|line| line.to_str().unwrap()).collect()
}

/// What the one member says after the name.
fn said(headers: &HeaderMap) -> &str {
    let [member] = members(headers)[..] else {
        panic!("not one member: {headers:?}")
    };
    member.strip_prefix("tower-coherence; ").unwrap()
}

async fn asked(origin: &Origin, method: &str, lines: Lines<'_>) -> String {
    let answer: Answer = origin.ask(method, "/a", lines).await;
    said(&answer.headers).to_owned()
}

#[tokio::test]
async fn nobody_is_told_unless_the_policy_says_so() {
    let origin = Origin::says(Cache::local().layer(), &[FRESH]);
    for method in ["GET", "GET", "POST", "OPTIONS"] {
        let answer = origin.ask(method, "/a", &[]).await;
        assert_eq!(members(&answer.headers), [""; 0]);
    }
}

#[tokio::test]
async fn a_hit_says_for_how_long_it_is_fresh() {
    let clock = Clock::new();
    let cache = Cache::builder().clock(clock.clone()).build().unwrap();
    let origin = Origin::says(with(&cache, told()), &[FRESH, ("age", "5")]);
    let miss = asked(&origin, "GET", &[]).await;
    assert_eq!(miss, "fwd=uri-miss; fwd-status=200; stored; ttl=55");
    assert_eq!(asked(&origin, "GET", &[]).await, "hit; ttl=55");
    clock.advance(Duration::from_secs(20));
    assert_eq!(asked(&origin, "GET", &[]).await, "hit; ttl=35");
    assert_eq!(asked(&origin, "HEAD", &[]).await, "hit; ttl=35");
    clock.advance(Duration::from_secs(40));
    let stale = asked(&origin, "GET", &[]).await;
    assert_eq!(stale, "fwd=stale; fwd-status=200; stored; ttl=55");
}

#[tokio::test]
async fn a_forward_says_why() {
    let origin = says(&[FRESH, ("vary", "x-a")]);
    let head = asked(&origin, "HEAD", &[]).await;
    assert_eq!(head, "fwd=uri-miss; fwd-status=200");
    asked(&origin, "GET", &[]).await;
    let other = asked(&origin, "GET", &[("x-a", "1")]).await;
    assert_eq!(other, "fwd=vary-miss; fwd-status=200; stored; ttl=60");
    for (method, lines, why) in [
        ("POST", &[][..], "method"),
        ("OPTIONS", &[], "method"),
        ("POST", &[("content-type", "application/grpc")], "method"),
        ("GET", &[("if-match", "\"x\"")], "bypass"),
        ("GET", &[("content-length", "1")], "bypass"),
        (
            "GET",
            &[("connection", "upgrade"), ("upgrade", "x")],
            "bypass",
        ),
        ("GET", &[("host", "second.example")], "bypass"),
        ("GET", &[("cookie", "a=b")], "request"),
    ] {
        // Fills it again after the writes.
        asked(&origin, "GET", &[]).await;
        let said = asked(&origin, method, lines).await;
        assert_eq!(said, format!("fwd={why}; fwd-status=200"), "{lines:?}");
    }
    let cache = Cache::local();
    let policy = Policy::bypass().cache_status(StatusHeader::On);
    let origin = Origin::says(with(&cache, policy), &[FRESH]);
    assert_eq!(
        asked(&origin, "GET", &[]).await,
        "fwd=bypass; fwd-status=200"
    );
}

#[tokio::test]
async fn fwd_status_is_what_the_handler_answered() {
    let origin = Origin::new(with(&Cache::local(), told()), |_| {
        response(404, &[FRESH], "")
    });
    let miss = asked(&origin, "GET", &[]).await;
    assert_eq!(miss, "fwd=uri-miss; fwd-status=404; stored; ttl=60");
    assert_eq!(asked(&origin, "GET", &[]).await, "hit; ttl=60");
}

#[tokio::test]
async fn the_own_member_comes_last_and_is_not_stored() {
    let theirs = "upstream; fwd=uri-miss; key=\"x\"";
    let cache = Cache::builder().status_name("my cache").build().unwrap();
    let lines = [FRESH, ("cache-status", theirs)];
    let origin = Origin::says(with(&cache, told()), &lines);
    let miss = origin.get("/a").await.headers;
    let own = "\"my cache\"; fwd=uri-miss; fwd-status=200; stored; ttl=60";
    assert_eq!(members(&miss), [theirs, own]);
    for _ in 0..2 {
        let hit = origin.get("/a").await.headers;
        assert_eq!(members(&hit), [theirs, "\"my cache\"; hit; ttl=60"]);
    }
}

#[tokio::test]
async fn a_name_that_cannot_be_written_is_a_configuration_error() {
    for name in ["", "a\r\nset-cookie: x=y", "\u{e9}"] {
        assert!(Cache::builder().status_name(name).build().is_err());
    }
}

#[tokio::test]
async fn detail_is_ours_and_only_where_it_is_asked_for() {
    let cache = Cache::local();
    let origin = Origin::new(with(&cache, detailed()), |request| {
        let context = CacheContext::from_extensions(request.extensions()).unwrap();
        if request.headers().contains_key("x-never") {
            context.do_not_store();
        }
        match request.headers().get("x-set-cookie") {
            Some(_) => response(200, &[FRESH, ("set-cookie", "a=b")], ""),
            None => response(200, &[FRESH], ""),
        }
    });
    let refused = asked(&origin, "GET", &[("x-set-cookie", "1")]).await;
    assert_eq!(refused, "fwd=uri-miss; fwd-status=200; detail=set-cookie");
    let again = asked(&origin, "GET", &[("x-never", "1")]).await;
    assert_eq!(
        again,
        "fwd=miss; fwd-status=200; detail=forbidden-by-handler"
    );
    let third = asked(&origin, "GET", &[]).await;
    assert!(
        third.starts_with("fwd=miss; fwd-status=200; stored;"),
        "{third}"
    );
    cache.invalidate_now(Invalidate::path("/a"));
    let gone = asked(&origin, "GET", &[]).await;
    assert_eq!(
        gone,
        "fwd=miss; fwd-status=200; stored; ttl=60; detail=invalidated"
    );
    assert_eq!(asked(&origin, "GET", &[]).await, "hit; ttl=60");
    let bypass = asked(&origin, "GET", &[("if-match", "\"x\"")]).await;
    assert!(bypass.ends_with("; detail=precondition"), "{bypass}");
    // Without detail nothing of the inside shows.
    let origin = says(&[FRESH, ("set-cookie", "a=b")]);
    assert_eq!(
        asked(&origin, "GET", &[]).await,
        "fwd=uri-miss; fwd-status=200"
    );
}

/// The reasons that were counted between the two, the last one that counts first: why it
/// was not stored, why it was passed on, why it missed.
fn counted(before: &Stats, after: &Stats) -> Vec<&'static str> {
    let more = |of: fn(&Stats) -> &BTreeMap<&'static str, u64>| {
        let before = of(before).clone();
        let risen = move |(reason, times): &(&&'static str, &u64)| {
            before.get(**reason).copied().unwrap_or_default() < **times
        };
        of(after).iter().filter(risen).map(|(reason, _)| *reason)
    };
    more(|stats| &stats.refusals)
        .chain(more(|stats| &stats.bypasses))
        .chain(more(|stats| &stats.misses))
        .collect()
}

/// An origin with something to refuse at each path.
fn refusing(cache: &Cache, policy: Policy) -> Origin {
    Origin::new(with(cache, policy), |request| {
        let context = CacheContext::from_extensions(request.extensions()).unwrap();
        let line = match request.uri().path() {
            "/cookie" => ("set-cookie", "a=b"),
            "/no-store" => ("cache-control", "no-store"),
            "/vary" => ("vary", "*"),
            "/marked" => {
                context.do_not_store();
                FRESH
            }
            _ => FRESH,
        };
        let long = "x".repeat(if request.uri().path() == "/long" {
            2_000
        } else {
            1
        });
        response(200, &[FRESH, line][usize::from(line == FRESH)..], long)
    })
}

#[tokio::test]
async fn the_detail_is_the_reason_that_is_counted() {
    let clock = Clock::new();
    let builder = Cache::builder().clock(clock.clone()).max_body_bytes(1_000);
    let cache = builder.build().unwrap();
    let policy = detailed().unless(|request| request.uri.path() == "/unless");
    let origin = refusing(&cache, policy);
    let mut seen = Vec::new();
    for (method, uri, lines) in [
        ("GET", "/cookie", &[][..]),
        ("GET", "/cookie", &[("if-none-match", "\"x\"")]),
        ("GET", "/no-store", &[]),
        ("GET", "/vary", &[]),
        ("GET", "/marked", &[]),
        ("GET", "/long", &[]),
        ("GET", "/unless", &[]),
        ("HEAD", "/head", &[]),
        ("GET", "/asked", &[("cache-control", "no-store")]),
        ("GET", "/a", &[("if-match", "\"x\"")]),
        ("GET", "/a", &[("content-length", "1")]),
        ("GET", "/a", &[("host", "second.example")]),
        ("GET", "/a", &[("connection", "upgrade"), ("upgrade", "x")]),
    ] {
        let before = cache.stats();
        let answer = origin.ask(method, uri, lines).await;
        let said = said(&answer.headers);
        let (_, detail) = said.split_once("detail=").expect(said);
        let counted = counted(&before, &cache.stats());
        assert_eq!(counted.first(), Some(&detail), "{uri}: {said}, {counted:?}");
        seen.push(detail.to_owned());
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 13, "{seen:?}");
}

#[tokio::test]
async fn the_detail_of_a_response_that_is_stored_is_why_the_look_up_missed() {
    let clock = Clock::new();
    let cache = Cache::builder().clock(clock.clone()).build().unwrap();
    let origin = Origin::says(with(&cache, detailed()), &[FRESH]);
    let expire = || clock.advance(Duration::from_secs(61));
    let invalidate = || cache.invalidate_now(Invalidate::path("/a"));
    let soften = || cache.invalidate_now(Invalidate::path("/a").soft());
    let changes: [(&str, &dyn Fn()); 3] = [
        ("expired", &expire),
        ("invalidated", &invalidate),
        ("softly-invalidated", &soften),
    ];
    asked(&origin, "GET", &[]).await;
    for (reason, change) in changes {
        change();
        let before = cache.stats();
        let said = asked(&origin, "GET", &[]).await;
        assert!(said.ends_with(&format!("detail={reason}")), "{said}");
        assert_eq!(counted(&before, &cache.stats()), [reason]);
    }
    cache.set_mode(Mode::Bypass);
    let before = cache.stats();
    let said = asked(&origin, "GET", &[]).await;
    assert!(said.ends_with("detail=switched-off"), "{said}");
    assert_eq!(counted(&before, &cache.stats()), ["switched-off"]);
}

/// What the handler answered, and not what was made of it.
#[tokio::test]
async fn a_part_says_what_became_of_the_whole() {
    let part = [("range", "bytes=0-1")];
    let origin = Origin::new(with(&Cache::local(), told()), |_| {
        response(200, &[FRESH, ("etag", "\"x\"")], "whole")
    });
    let miss = asked(&origin, "GET", &part).await;
    assert_eq!(miss, "fwd=uri-miss; fwd-status=200; stored; ttl=60");
    assert_eq!(asked(&origin, "GET", &part).await, "hit; ttl=60");
    let has_it = [("if-none-match", "\"x\"")];
    assert_eq!(asked(&origin, "GET", &has_it).await, "hit; ttl=60");
    let origin = Origin::new(with(&Cache::local(), told()), |_| {
        response(200, &[FRESH, ("etag", "\"x\"")], "whole")
    });
    let miss = asked(&origin, "GET", &has_it).await;
    assert_eq!(miss, "fwd=uri-miss; fwd-status=200; stored; ttl=60");
}

#[tokio::test]
async fn one_request_fills_and_those_that_waited_say_that_they_were_collapsed() {
    let mut shop = Shop::of(Cache::local(), told());
    let ask = || crate::support::request("GET", "/a");
    let (first, second) = (shop.head(ask()), shop.head(ask()));
    let call = shop.origin.next().await;
    eventually(|| shop.cache.stats().waiters == 1).await;
    call.answer(fresh("one"));
    let of = |head: &Head| said(head.headers()).to_owned();
    let first = of(&first.await.unwrap().unwrap());
    assert_eq!(first, "fwd=uri-miss; fwd-status=200; stored; ttl=60");
    let second = of(&second.await.unwrap().unwrap());
    assert_eq!(second, "fwd=uri-miss; fwd-status=200; collapsed; ttl=60");
}

#[tokio::test]
async fn a_request_that_waited_in_vain_says_so() {
    let mut shop = Shop::of(Cache::local(), told());
    let ask = || crate::support::request("GET", "/a");
    let (first, second) = (shop.head(ask()), shop.head(ask()));
    let call = shop.origin.next().await;
    eventually(|| shop.cache.stats().waiters == 1).await;
    call.answer(plain("one"));
    shop.origin.next().await.answer(plain("two"));
    let first = first.await.unwrap().unwrap();
    assert_eq!(said(first.headers()), "fwd=uri-miss; fwd-status=200");
    let second = second.await.unwrap().unwrap();
    let expected = "fwd=uri-miss; fwd-status=200; collapsed=?0";
    assert_eq!(said(second.headers()), expected);
}

#[tokio::test]
async fn the_head_of_a_stream_leaves_before_it_is_known_whether_it_is_stored() {
    let mut shop = Shop::of(Cache::local(), told());
    let head = shop.head(crate::support::request("GET", "/a"));
    let (feed, body) = fed();
    feed.data("begun");
    shop.origin.next().await.answer(fresh_with(body));
    eventually(|| head.is_finished()).await;
    let head = head.await.unwrap().unwrap();
    assert_eq!(said(head.headers()), "fwd=uri-miss; fwd-status=200; ttl=60");
    feed.data(", ended");
    drop(feed);
    eventually(|| shop.cache.stats().stored == 1).await;
    assert_eq!(shop.see("/a", "new").await, "begun, ended");
}

/// A body that is whole at once, and panics when it is dropped.
struct Bomb(Full<Bytes>);

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("the body panics in its drop");
    }
}

impl Body for Bomb {
    type Data = Bytes;
    type Error = Failure;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Failure>>> {
        let frame = Pin::new(&mut self.0).poll_frame(cx);
        frame.map_err(|never| match never {})
    }
}

/// Cause: a body is copied before the head leaves, to say whether it was stored, and
/// panics. Effect: the task ends with the head, and the client waits for ever.
#[tokio::test]
async fn a_body_that_panics_in_its_drop_costs_nobody_the_head() {
    for policy in [told(), Policy::from_headers()] {
        let mut shop = Shop::of(Cache::local(), policy);
        let head = shop.head(crate::support::request("GET", "/a"));
        let bomb = Bomb(Full::from("whole")).boxed_unsync();
        shop.origin.next().await.answer(fresh_with(bomb));
        eventually(|| head.is_finished()).await;
        assert_eq!(head.await.unwrap().unwrap().status(), 200);
    }
}
