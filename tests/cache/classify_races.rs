//! What a closure has classed, under way: those who wait, who hangs up, and what is
//! invalidated meanwhile.

use crate::classify::{minutely, sent};
use crate::held::{Asked, Calls, Origin, body, eventually, fresh, origin, plain, read, spawn};
use axum::body::Body;
use bytes::Bytes;
use futures_util::poll;
use std::time::Duration;
use tower::{Layer, ServiceExt};
use tower_coherence::policy::{OwnPath, WritePolicy};
use tower_coherence::test_util::Clock;
use tower_coherence::{Cache, CacheService, Invalidate, Policy};

/// A held handler behind a layer that asks a closure.
struct Desk {
    cache: Cache,
    app: CacheService<Origin, fn(Bytes) -> Body>,
    calls: Calls,
}

impl Desk {
    fn new(policy: Policy, writes: WritePolicy) -> Self {
        Self::of(Cache::local(), policy, writes)
    }

    fn of(cache: Cache, policy: Policy, writes: WritePolicy) -> Self {
        let (service, calls) = origin();
        let layer = cache.layer().policy(policy).write_policy(writes);
        let app = layer.replay(Body::from).layer(service);
        Self { cache, app, calls }
    }

    fn post(&self, text: &'static str) -> Asked {
        let asked = self.app.clone().oneshot(sent("POST", "/a", &[], text));
        spawn(async move { read(asked.await?).await })
    }

    async fn fill(&mut self, text: &'static str, tag: &'static str) {
        let asked = self.post(text);
        let call = self.calls.next().await;
        call.context().tag(tag);
        call.answer(fresh("old"));
        assert_eq!(body(asked).await, "old");
    }

    /// Whether this is answered with what was stored before.
    async fn is_served(&mut self, text: &'static str) -> bool {
        let asked = self.post(text);
        if self.calls.waiting().await > 0 {
            self.calls.next().await.answer(plain("new"));
        }
        body(asked).await == "old"
    }
}

fn desk() -> Desk {
    Desk::new(minutely(), WritePolicy::new())
}

#[tokio::test]
async fn those_with_one_key_wait_for_one_fill_also_when_its_leader_leaves() {
    let mut desk = desk();
    let leads = desk.post("read:one");
    let call = desk.calls.next().await;
    let waits = [desk.post("read: one"), desk.post("read:one ")];
    eventually(|| desk.cache.stats().waiters == 2).await;
    let other = desk.post("read:two");
    desk.calls.next().await.answer(fresh("two"));
    assert_eq!(body(other).await, "two");
    leads.abort();
    call.answer(fresh("one"));
    for asked in waits {
        assert_eq!(body(asked).await, "one");
    }
    assert_eq!(desk.calls.waiting().await, 0);
    assert_eq!(desk.cache.stats().fills, 2);
}

#[tokio::test]
async fn a_fill_by_post_begun_before_an_invalidation_is_not_stored() {
    for what in [Invalidate::path("/a"), Invalidate::tag("t")] {
        let mut desk = desk();
        let asked = desk.post("read:one");
        let call = desk.calls.next().await;
        desk.cache.invalidate(what).await;
        call.context().tag("t");
        call.answer(fresh("old"));
        assert_eq!(body(asked).await, "old");
        assert!(!desk.is_served("read:one").await);
    }
}

#[tokio::test]
async fn a_write_between_head_and_store_of_a_read_keeps_it_out() {
    let mut desk = desk();
    let asked = desk.post("read:one");
    let reads = desk.calls.next().await;
    let written = desk.post("write:x");
    desk.calls.next().await.answer(plain("done"));
    body(written).await;
    reads.answer(fresh("old"));
    assert_eq!(body(asked).await, "old");
    assert!(!desk.is_served("read:one").await);
}

#[tokio::test]
async fn a_write_runs_to_its_end_when_its_client_has_gone() {
    let mut desk = desk();
    desk.fill("read:one", "t").await;
    let asked = desk.post("write:x");
    let call = desk.calls.next().await;
    asked.abort();
    assert!(asked.await.is_err());
    assert!(desk.is_served("read:one").await);
    call.answer(plain("committed"));
    eventually(|| desk.cache.stats().invalidations > 0).await;
    assert!(!desk.is_served("read:one").await);
}

#[tokio::test]
async fn what_is_unknown_runs_to_its_end_and_what_it_notes_late_counts() {
    let mut desk = desk();
    desk.fill("read:one", "t").await;
    desk.fill("read:two", "u").await;
    let asked = desk.post("what");
    let mut call = desk.calls.next().await;
    asked.abort();
    assert!(asked.await.is_err());
    assert!(poll!(Box::pin(call.dropped())).is_pending());
    // It has committed by now, and says so.
    call.context().invalidate(Invalidate::tag("t"));
    call.answer(plain("done"));
    eventually(|| desk.cache.stats().invalidations > 0).await;
    assert!(!desk.is_served("read:one").await);
    assert!(desk.is_served("read:two").await);
}

#[tokio::test]
async fn a_write_that_fails_or_panics_invalidates_and_what_is_unknown_does_not() {
    for fails in [true, false] {
        for (text, served) in [("write:x", false), ("what", true)] {
            let mut desk = desk();
            desk.fill("read:one", "t").await;
            let asked = desk.post(text);
            let call = desk.calls.next().await;
            if fails {
                call.fail();
            } else {
                call.panic();
            }
            eventually(|| asked.is_finished()).await;
            assert!(!matches!(asked.await, Ok(Ok(_))));
            assert_eq!(desk.is_served("read:one").await, served, "{text}");
        }
    }
}

#[tokio::test]
async fn groups_that_the_response_of_an_unknown_one_names_are_stale() {
    let mut desk = Desk::new(minutely(), WritePolicy::new().own_path(OwnPath::Off));
    let asked = desk.post("read:one");
    let mut response = fresh("old");
    let groups = "\"g\"".parse().unwrap();
    response.headers_mut().insert("cache-groups", groups);
    desk.calls.next().await.answer(response);
    body(asked).await;
    assert!(desk.is_served("read:one").await);
    let asked = desk.post("what");
    let mut response = plain("done");
    let groups = "\"g\"".parse().unwrap();
    let headers = response.headers_mut();
    headers.insert("cache-group-invalidation", groups);
    desk.calls.next().await.answer(response);
    body(asked).await;
    assert!(!desk.is_served("read:one").await);
}

#[tokio::test]
async fn what_expired_is_asked_for_whole_and_stands_in_where_the_handler_fails() {
    let clock = Clock::new();
    let cache = Cache::builder().clock(clock.clone()).build().unwrap();
    let minute = Duration::from_secs(60);
    let windows = minutely().stale_while_revalidate(minute);
    let mut desk = Desk::of(cache, windows.stale_if_error(minute), WritePolicy::new());
    let asked = desk.post("read:one");
    let mut response = fresh("old");
    let tag = "\"a\"".parse().unwrap();
    response.headers_mut().insert("etag", tag);
    desk.calls.next().await.answer(response);
    body(asked).await;
    clock.advance(minute);
    let asked = desk.post("read:one");
    let call = desk.calls.next().await;
    assert!(!call.request.headers().contains_key("if-none-match"));
    call.fail();
    assert_eq!(body(asked).await, "old");
    assert_eq!(desk.cache.stats().stale["if-error"], 1);
}

#[tokio::test]
async fn a_token_of_a_write_by_post_is_for_reads_by_post() {
    let header = http::HeaderName::from_static("x-token");
    let cache = Cache::builder().token_header(header).build().unwrap();
    let mut desk = Desk::of(cache, minutely(), WritePolicy::new());
    let asked = spawn(desk.app.clone().oneshot(sent("POST", "/a", &[], "write:x")));
    desk.calls.next().await.answer(plain("done"));
    let written = asked.await.unwrap().unwrap();
    let token = written.headers()["x-token"].to_str().unwrap().to_owned();
    desk.fill("read:one", "t").await;
    for (token, passes) in [(token.as_str(), 0), ("nonsense", 1)] {
        let lines = [("x-token", token)];
        let request = sent("POST", "/a", &lines, "read:one");
        let asked = spawn(desk.app.clone().oneshot(request));
        if desk.calls.waiting().await > 0 {
            desk.calls.next().await.answer(plain("new"));
        }
        assert_eq!(asked.await.unwrap().unwrap().status(), 200);
        let passed = desk.cache.stats().bypasses.get("token").copied();
        assert_eq!(passed.unwrap_or(0), passes);
    }
    assert_eq!(desk.cache.stats().hits, 1);
}

#[tokio::test]
async fn the_inner_one_of_two_layers_asks_nobody() {
    let mut desk = desk();
    let inner = desk.app.clone();
    let layer = desk.cache.layer().policy(Policy::bypass());
    let outer = layer.layer(inner);
    let asked = spawn(outer.oneshot(sent("POST", "/a", &[], "panic:")));
    desk.calls.next().await.answer(plain("done"));
    assert_eq!(asked.await.unwrap().unwrap().status(), 200);
    assert!(
        !desk
            .cache
            .stats()
            .bypasses
            .contains_key("classify-panicked")
    );
}
