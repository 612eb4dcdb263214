//! Asking the handler whether what is stored still holds (RFC 9111 §4.3), and what
//! becomes of its 304.

use crate::held::{Call, Heard, OriginBody, Shop, body, eventually, read, settle, spawn, whole};
use crate::origin::Lines;
use crate::support::request_with;
use axum::body::Body;
use http::{Request, Response};
use std::time::Duration;
use tokio::task::JoinHandle;
use tower_coherence::policy::{SetCookie, StatusHeader};
use tower_coherence::test_util::Clock;
use tower_coherence::{Cache, Invalidate, Policy, Tags};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const TAGGED: Lines<'_> = &[("cache-control", "max-age=60"), ("etag", "\"a\"")];
const NO_CACHE: Lines<'_> = &[("cache-control", "no-cache"), ("etag", "\"a\"")];

fn asks(uri: &str, lines: Lines<'_>) -> Request<Body> {
    request_with("GET", uri, lines)
}

fn says(status: u16, lines: Lines<'_>, text: &'static str) -> Response<OriginBody> {
    let mut response = Response::builder().status(status);
    for (name, value) in lines {
        response = response.header(*name, *value);
    }
    response.body(whole(text)).unwrap()
}

/// What the handler was asked by.
fn conditions(call: &Call) -> [Option<&str>; 2] {
    ["if-none-match", "if-modified-since"].map(|name| {
        let value = call.request.headers().get(name)?;
        value.to_str().ok()
    })
}

/// A response with its fields.
struct Got {
    heard: Heard,
    headers: http::HeaderMap,
}

impl Got {
    fn field(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    fn seen(&self) -> (u16, &str) {
        (self.heard.status, &self.heard.text)
    }
}

fn ask(shop: &Shop, lines: Lines<'_>) -> JoinHandle<Got> {
    let head = shop.head(asks("/a", lines));
    spawn(async move {
        let response = head.await.unwrap().unwrap();
        let headers = response.headers().clone();
        let heard = read(response).await.unwrap();
        Got { heard, headers }
    })
}

async fn got(asked: JoinHandle<Got>) -> Got {
    eventually(|| asked.is_finished()).await;
    asked.await.unwrap()
}

fn shop(policy: Policy) -> (Shop, Clock) {
    let clock = Clock::new();
    let cache = Cache::builder().clock(clock.clone()).build().unwrap();
    (Shop::of(cache, policy), clock)
}

/// A shop with this response to `/a`.
async fn filled(policy: Policy, lines: Lines<'_>) -> (Shop, Clock) {
    let (mut shop, clock) = shop(policy);
    let asked = ask(&shop, &[]);
    shop.origin.next().await.answer(says(200, lines, "old"));
    assert_eq!(got(asked).await.seen(), (200, "old"));
    (shop, clock)
}

#[tokio::test]
async fn what_expired_is_asked_about_by_its_tag_and_date_and_a_304_is_enough() {
    let lines = [TAGGED[0], TAGGED[1], ("last-modified", DAY)];
    let (mut shop, clock) = filled(Policy::from_headers(), &lines).await;
    for _ in 0..2 {
        clock.advance(MINUTE);
        let asked = ask(&shop, &[]);
        let call = shop.origin.next().await;
        assert_eq!(conditions(&call), [Some("\"a\""), Some(DAY)]);
        call.answer(says(304, &[], ""));
        let got = got(asked).await;
        assert_eq!(got.seen(), (200, "old"));
        assert_eq!(got.field("age"), Some("0"));
        clock.advance(Duration::from_secs(59));
        assert_eq!(body(shop.get("/a")).await, "old");
        clock.advance(Duration::from_secs(1));
    }
    let stats = shop.cache.stats();
    assert_eq!((stats.confirmed, stats.stored, stats.hits), (2, 1, 2));
}

#[tokio::test]
async fn a_304_updates_the_stored_fields_and_how_long_they_hold() {
    let lines = [TAGGED[0], TAGGED[1], ("x-a", "1"), ("x-b", "1")];
    let (mut shop, clock) = filled(Policy::from_headers(), &lines).await;
    clock.advance(MINUTE);
    let asked = ask(&shop, &[]);
    let update = [
        ("cache-control", "max-age=100"),
        ("x-a", "2"),
        ("x-c", "1"),
        ("content-length", "9"),
        ("age", "10"),
    ];
    shop.origin.next().await.answer(says(304, &update, ""));
    let answers = [got(asked).await, got(ask(&shop, &[])).await];
    for answer in &answers {
        assert_eq!(answer.seen(), (200, "old"));
        let fields = ["x-a", "x-b", "x-c", "age", "content-length", "etag"];
        let said = fields.map(|name| answer.field(name));
        let one = Some("1");
        assert_eq!(said, [Some("2"), one, one, Some("10"), None, Some("\"a\"")]);
    }
    clock.advance(Duration::from_secs(89));
    assert_eq!(body(shop.get("/a")).await, "old");
    clock.advance(Duration::from_secs(1));
    ask(&shop, &[]);
    shop.origin.next().await;
}

#[tokio::test]
async fn a_full_reply_takes_the_place_of_what_was_stored() {
    let (mut shop, clock) = filled(Policy::from_headers(), TAGGED).await;
    clock.advance(MINUTE);
    let asked = ask(&shop, &[]);
    let new = [TAGGED[0], ("etag", "\"b\"")];
    shop.origin.next().await.answer(says(200, &new, "new"));
    assert_eq!(got(asked).await.seen(), (200, "new"));
    assert_eq!(body(shop.get("/a")).await, "new");
}

#[tokio::test]
async fn no_cache_is_stored_where_the_handler_can_be_asked_and_it_is_each_time() {
    let (mut shop, _) = filled(Policy::from_headers(), NO_CACHE).await;
    for _ in 0..2 {
        let asked = ask(&shop, &[]);
        let call = shop.origin.next().await;
        assert_eq!(conditions(&call), [Some("\"a\""), None]);
        call.answer(says(304, &[], ""));
        assert_eq!(got(asked).await.seen(), (200, "old"));
    }
    // Nobody takes the word that was given to somebody else.
    let both = [ask(&shop, &[]), ask(&shop, &[])];
    let calls = [shop.origin.next().await, shop.origin.next().await];
    for call in calls {
        call.answer(says(304, &[], ""));
    }
    for asked in both {
        assert_eq!(got(asked).await.seen(), (200, "old"));
    }
    assert_eq!(shop.cache.stats().hits, 0);
}

#[tokio::test]
async fn those_who_waited_for_what_has_to_be_asked_each_time_ask_for_themselves() {
    let (mut shop, _) = shop(Policy::from_headers());
    let first = ask(&shop, &[]);
    let call = shop.origin.next().await;
    let second = ask(&shop, &[]);
    assert_eq!(shop.origin.waiting().await, 0);
    call.answer(says(200, NO_CACHE, "first"));
    assert_eq!(got(first).await.seen(), (200, "first"));
    shop.origin
        .next()
        .await
        .answer(says(200, NO_CACHE, "second"));
    assert_eq!(got(second).await.seen(), (200, "second"));
}

#[tokio::test]
async fn those_who_wait_are_answered_with_what_was_confirmed() {
    let (mut shop, clock) = filled(Policy::from_headers(), TAGGED).await;
    clock.advance(MINUTE);
    let first = ask(&shop, &[]);
    let call = shop.origin.next().await;
    let second = ask(&shop, &[("if-none-match", "\"a\"")]);
    settle().await;
    call.answer(says(304, &[], ""));
    assert_eq!(got(first).await.seen(), (200, "old"));
    assert_eq!(got(second).await.seen(), (304, ""));
    assert_eq!(shop.origin.waiting().await, 0);
}

#[tokio::test]
async fn the_client_is_answered_by_its_own_conditions() {
    let (mut shop, clock) = filled(Policy::from_headers(), TAGGED).await;
    for (own, expected) in [
        (("if-none-match", "\"a\""), (304, "")),
        (("if-none-match", "\"other\""), (200, "old")),
        (("range", "bytes=0-1"), (206, "ol")),
    ] {
        clock.advance(MINUTE);
        let asked = ask(&shop, &[own]);
        let call = shop.origin.next().await;
        assert_eq!(conditions(&call), [Some("\"a\""), None]);
        call.answer(says(304, &[], ""));
        assert_eq!(got(asked).await.seen(), expected);
    }
}

#[tokio::test]
async fn a_cookie_that_a_304_sets_is_its_clients_where_it_is_not_stored() {
    let policy = Policy::from_headers().set_cookie(SetCookie::Strip);
    let (mut shop, clock) = filled(policy, TAGGED).await;
    clock.advance(MINUTE);
    let asked = ask(&shop, &[]);
    let sets = [("set-cookie", "a=1"), ("set-cookie", "b=2")];
    shop.origin.next().await.answer(says(304, &sets, ""));
    let answer = got(asked).await;
    assert_eq!(answer.headers.get_all("set-cookie").iter().count(), 2);
    let hit = got(ask(&shop, &[])).await;
    assert_eq!((hit.seen(), hit.field("set-cookie")), ((200, "old"), None));
}

#[tokio::test]
async fn a_304_about_something_else_changes_nothing_and_all_of_it_is_asked_for() {
    let (mut shop, clock) = filled(Policy::from_headers(), TAGGED).await;
    clock.advance(MINUTE);
    let asked = ask(&shop, &[]);
    let other = [("etag", "\"b\""), ("cache-control", "max-age=60")];
    shop.origin.next().await.answer(says(304, &other, ""));
    let again = shop.origin.next().await;
    assert_eq!(conditions(&again), [None, None]);
    again.answer(says(200, &other, "new"));
    assert_eq!(got(asked).await.seen(), (200, "new"));
    assert_eq!(shop.cache.stats().confirmed, 0);
}

#[tokio::test]
async fn a_304_that_forbids_storing_takes_the_entry_away() {
    let (mut shop, clock) = filled(Policy::from_headers(), TAGGED).await;
    clock.advance(MINUTE);
    let asked = ask(&shop, &[]);
    let forbids = [("cache-control", "no-store"), ("x-a", "1")];
    shop.origin.next().await.answer(says(304, &forbids, ""));
    let got = got(asked).await;
    assert_eq!(got.seen(), (200, "old"));
    assert_eq!(got.field("cache-control"), Some("no-store"));
    ask(&shop, &[]);
    let call = shop.origin.next().await;
    assert_eq!(conditions(&call), [None, None]);
}

#[tokio::test]
async fn a_tag_that_the_cache_made_is_no_question_to_the_handler() {
    let lines = [("cache-control", "max-age=60"), ("last-modified", DAY)];
    let (mut shop, clock) = filled(Policy::from_headers().etag(), &lines).await;
    let made = got(ask(&shop, &[])).await;
    for _ in 0..2 {
        clock.advance(MINUTE);
        let asked = ask(&shop, &[]);
        let call = shop.origin.next().await;
        assert_eq!(conditions(&call), [None, Some(DAY)]);
        call.answer(says(304, &[], ""));
        let got = got(asked).await;
        assert_eq!(got.seen(), (200, "old"));
        assert_eq!(got.field("etag"), made.field("etag"));
    }
}

#[tokio::test]
async fn what_was_invalidated_is_not_asked_about() {
    let (mut shop, _) = filled(Policy::from_headers(), NO_CACHE).await;
    shop.cache.invalidate_now(Invalidate::path("/a"));
    ask(&shop, &[]);
    assert_eq!(conditions(&shop.origin.next().await), [None, None]);
}

/// P1 for a 304.
#[tokio::test]
async fn what_is_invalidated_after_the_question_is_not_confirmed_by_the_304() {
    let (mut shop, clock) = filled(Policy::from_headers(), TAGGED).await;
    clock.advance(MINUTE);
    let before = ask(&shop, &[]);
    let call = shop.origin.next().await;
    shop.cache.invalidate_now(Invalidate::path("/a"));
    let after = ask(&shop, &[]);
    settle().await;
    call.answer(says(304, &[], ""));
    // It came before.
    assert_eq!(got(before).await.seen(), (200, "old"));
    let anew = shop.origin.next().await;
    assert_eq!(conditions(&anew), [None, None]);
    anew.answer(says(200, TAGGED, "new"));
    assert_eq!(got(after).await.seen(), (200, "new"));
    assert_eq!(body(shop.get("/a")).await, "new");
    assert_eq!(shop.refused("invalidated-meanwhile"), 1);
}

#[tokio::test]
async fn what_is_confirmed_keeps_the_tags_that_it_had() {
    let (mut shop, clock) = shop(Policy::from_headers());
    let asked = ask(&shop, &[]);
    let call = shop.origin.next().await;
    call.context().tag("t");
    call.answer(says(200, TAGGED, "old"));
    got(asked).await;
    clock.advance(MINUTE);
    let asked = ask(&shop, &[]);
    shop.origin.next().await.answer(says(304, &[], ""));
    assert_eq!(got(asked).await.seen(), (200, "old"));
    assert_eq!(body(shop.get("/a")).await, "old");
    shop.cache.invalidate_now(Invalidate::tag("t"));
    assert_eq!(shop.see("/a", "new").await, "new");
}

#[tokio::test]
async fn what_is_confirmed_with_ever_new_tags_is_filled_anew_at_some_time() {
    let (mut shop, clock) = filled(Policy::from_headers(), TAGGED).await;
    let mut rounds = 0;
    loop {
        clock.advance(MINUTE);
        let asked = ask(&shop, &[]);
        let call = shop.origin.next().await;
        if conditions(&call) == [None, None] {
            call.answer(says(200, TAGGED, "new"));
            assert_eq!(got(asked).await.seen(), (200, "new"));
            break;
        }
        let tags = (0..120).map(|tag| format!("{rounds}-{tag}"));
        call.context().tag(tags.collect::<Tags>());
        call.answer(says(304, &[], ""));
        assert_eq!(got(asked).await.seen(), (200, "old"));
        rounds += 1;
    }
    assert!((8..20).contains(&rounds), "{rounds}");
}

#[tokio::test]
async fn what_is_softly_invalidated_is_asked_about_by_its_tag_and_never_by_its_date() {
    let lines = [TAGGED[0], TAGGED[1], ("last-modified", DAY)];
    let (mut shop, _) = filled(Policy::from_headers(), &lines).await;
    shop.cache.invalidate_now(Invalidate::path("/a").soft());
    let asked = ask(&shop, &[]);
    let call = shop.origin.next().await;
    assert_eq!(conditions(&call), [Some("\"a\""), None]);
    call.answer(says(304, &[], ""));
    assert_eq!(got(asked).await.seen(), (200, "old"));
    assert_eq!(body(shop.get("/a")).await, "old");
    // Where the handler reads what lags behind, it is not asked at all.
    let lag = Duration::from_millis(1);
    let (mut shop, clock) = self::shop(Policy::from_headers().settle(lag));
    for _ in 0..2 {
        // What is filled right after the start is not stored.
        let asked = ask(&shop, &[]);
        shop.origin.next().await.answer(says(200, TAGGED, "old"));
        got(asked).await;
        clock.advance(Duration::from_secs(1));
    }
    assert_eq!(body(shop.get("/a")).await, "old");
    shop.cache.invalidate_now(Invalidate::path("/a").soft());
    clock.advance(Duration::from_secs(1));
    ask(&shop, &[]);
    assert_eq!(conditions(&shop.origin.next().await), [None, None]);
}

#[tokio::test]
async fn cache_status_says_that_the_handler_confirmed_it() {
    let policy = Policy::from_headers().cache_status(StatusHeader::On);
    let (mut shop, clock) = filled(policy, TAGGED).await;
    clock.advance(MINUTE);
    let asked = ask(&shop, &[]);
    shop.origin.next().await.answer(says(304, &[], ""));
    let expected = "tower-coherence; fwd=stale; fwd-status=304; stored; ttl=60";
    assert_eq!(got(asked).await.field("cache-status"), Some(expected));
}
