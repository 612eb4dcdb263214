//! The cache never breaks the application: its errors, its readiness, and input
//! of any kind.

use crate::held::{
    Calls, Failure, Origin, OriginBody, Shop, body, fresh, origin, plain, spawn, whole,
};
use crate::support::request;
use axum::body::Body;
use futures_util::future::{BoxFuture, FutureExt, poll_fn};
use http::{HeaderValue, Request, Response};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::task::{Context, Poll};
use tower::{Layer, Service, ServiceExt};
use tower_coherence::{Cache, CacheService, Invalidate, Policy, Scope, Tag, Tags};

/// Every way a request can take through the layer, but for a hit.
fn requests() -> Vec<Request<Body>> {
    let mut upgrade = request("GET", "/");
    for (name, value) in [("connection", "upgrade"), ("upgrade", "websocket")] {
        upgrade
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    let mut rpc = request("POST", "/s/m");
    let kind = HeaderValue::from_static("application/grpc+proto");
    rpc.headers_mut().insert("content-type", kind);
    let mut all = vec![upgrade, rpc];
    for method in ["GET", "HEAD", "OPTIONS", "TRACE", "QUERY", "PUT", "PURGE"] {
        all.push(request(method, "/"));
    }
    all.push(request("CONNECT", "shop.example:443"));
    all
}

#[tokio::test]
async fn the_error_of_the_service_is_its_own_on_every_way() {
    let mut shop = Shop::new();
    for request in requests() {
        let asked = shop.ask(request);
        shop.origin.next().await.fail();
        assert_eq!(asked.await.unwrap().unwrap_err(), Failure);
    }
}

#[tokio::test]
async fn the_service_that_was_polled_ready_is_the_one_that_is_called_on_every_way() {
    let mut shop = Shop::new();
    let mut app = shop.app.clone();
    for request in requests() {
        // The origin panics if a clone that is not ready is called.
        let asked = spawn(app.ready().await.unwrap().call(request));
        shop.origin.next().await.answer(plain("done"));
        asked.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_service_that_was_not_called_for_a_hit_is_still_ready() {
    let mut shop = Shop::new();
    shop.fill("/a", "old").await;
    let mut app = shop.app.clone();
    let hit = app.ready().await.unwrap().call(request("GET", "/a"));
    hit.await.unwrap();
    let put = spawn(app.call(request("PUT", "/a")));
    shop.origin.next().await.answer(plain("done"));
    put.await.unwrap().unwrap();
}

/// Is ready, is not, or has failed.
#[derive(Clone)]
struct Gate {
    open: Arc<AtomicBool>,
    broken: Arc<AtomicBool>,
    inner: Origin,
}

impl Service<Request<Body>> for Gate {
    type Response = Response<OriginBody>;
    type Error = Failure;
    type Future = BoxFuture<'static, Result<Self::Response, Failure>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        if self.broken.load(SeqCst) {
            return Poll::Ready(Err(Failure));
        }
        if !self.open.load(SeqCst) {
            return Poll::Pending;
        }
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        self.inner.call(request)
    }
}

fn gated() -> (Gate, CacheService<Gate>, Calls) {
    let (inner, calls) = origin();
    let gate = Gate {
        open: Arc::default(),
        broken: Arc::default(),
        inner,
    };
    (gate.clone(), Cache::local().layer().layer(gate), calls)
}

#[tokio::test]
async fn readiness_is_the_services_own() {
    let (gate, mut app, mut calls) = gated();
    assert!(poll_fn(|cx| app.poll_ready(cx)).now_or_never().is_none());
    gate.open.store(true, SeqCst);
    assert_eq!(poll_fn(|cx| app.poll_ready(cx)).await, Ok(()));
    // It closes again: the one that was ready is called all the same.
    gate.open.store(false, SeqCst);
    let asked = spawn(app.call(request("GET", "/a")));
    calls.next().await.answer(fresh("one"));
    asked.await.unwrap().unwrap();
    assert!(poll_fn(|cx| app.poll_ready(cx)).now_or_never().is_none());
    gate.broken.store(true, SeqCst);
    assert_eq!(poll_fn(|cx| app.poll_ready(cx)).await, Err(Failure));
}

fn bypassed(shop: &Shop, reason: &str) -> u64 {
    shop.cache
        .stats()
        .bypasses
        .get(reason)
        .copied()
        .unwrap_or(0)
}

/// Requests whose key cannot be used, with the reason that is counted.
fn unusable() -> Vec<(&'static str, Request<Body>)> {
    let bare = |uri: String| Request::builder().uri(uri).body(Body::empty()).unwrap();
    let hosts = |hosts: &[&[u8]]| {
        let mut request = bare("/a".into());
        for host in hosts {
            let host = HeaderValue::from_bytes(host).unwrap();
            request.headers_mut().append("host", host);
        }
        request
    };
    vec![
        (
            "long-key",
            request("GET", &format!("/{}", "x".repeat(9000))),
        ),
        (
            "long-key",
            request("GET", &format!("/?{}", "%".repeat(60_000))),
        ),
        ("deep-path", request("GET", &"/a".repeat(17))),
        ("deep-path", request("GET", &"/".repeat(17))),
        ("target-form", request("GET", "*")),
        ("invalid-host", hosts(&[b"\xff\xfe"])),
        ("invalid-host", hosts(&[b""])),
        ("invalid-host", hosts(&[b"a b"])),
        ("repeated-host", hosts(&[b"a", b"a"])),
        ("two-hosts", request("GET", "http://elsewhere.example/a")),
    ]
}

#[tokio::test]
async fn a_request_without_a_usable_key_is_a_counted_bypass() {
    for (reason, asking) in unusable() {
        let mut shop = Shop::new();
        let asked = shop.ask(asking);
        shop.origin.next().await.answer(fresh("x"));
        assert_eq!(body(asked).await, "x");
        assert_eq!(bypassed(&shop, reason), 1, "{reason}");
        assert_eq!(shop.cache.stats().stored, 0, "{reason}");
    }
}

#[tokio::test]
async fn a_write_without_a_usable_key_is_carried_out_and_invalidates_its_path() {
    for (reason, mut asking) in unusable() {
        let mut shop = Shop::new();
        shop.fill("/a", "old").await;
        *asking.method_mut() = http::Method::PUT;
        let on_a = asking.uri().path() == "/a";
        let asked = shop.ask(asking);
        let mut response = plain("done");
        let fields = response.headers_mut();
        fields.append("location", HeaderValue::from_bytes(b"\xff/b").unwrap());
        fields.append("location", HeaderValue::from_static("http://[::1/%zz?"));
        let groups = HeaderValue::from_bytes(b"\"\xff\"").unwrap();
        fields.append("cache-group-invalidation", groups);
        shop.origin.next().await.answer(response);
        assert_eq!(body(asked).await, "done");
        let still = shop.see("/a", "new").await == "old";
        assert_eq!(still, !on_a, "{reason}");
    }
}

#[tokio::test]
async fn fields_that_are_not_text_are_compared_as_bytes() {
    let mut shop = Shop::new();
    let speaking = |language: &[u8]| {
        let mut request = request("GET", "/a");
        let language = HeaderValue::from_bytes(language).unwrap();
        request.headers_mut().insert("x-language", language);
        request
    };
    for (language, text) in [(&b"\xff"[..], "one"), (b"\xfe", "two"), (b"", "three")] {
        let asked = shop.ask(speaking(language));
        let mut response = fresh(text);
        let fields = response.headers_mut();
        fields.insert("vary", HeaderValue::from_static("x-language"));
        fields.insert("x-own", HeaderValue::from_bytes(b"\xff").unwrap());
        shop.origin.next().await.answer(response);
        assert_eq!(body(asked).await, text);
        assert_eq!(body(shop.ask(speaking(language))).await, text);
    }
}

#[tokio::test]
async fn response_fields_that_cannot_be_read_are_counted_refusals() {
    for (reason, name, value) in [
        (
            "unreadable-cache-control",
            "cache-control",
            &b"max-age=\xff"[..],
        ),
        ("vary", "vary", b"\xff"),
        ("vary-any", "vary", b"*"),
    ] {
        let mut shop = Shop::new();
        let asked = shop.get("/a");
        let mut response = fresh("x");
        let value = HeaderValue::from_bytes(value).unwrap();
        response.headers_mut().append(name, value);
        shop.origin.next().await.answer(response);
        assert_eq!(body(asked).await, "x");
        assert_eq!(shop.see("/a", "new").await, "new", "{reason}");
        assert_eq!(shop.refused(reason), 1, "{:?}", shop.cache.stats().refusals);
    }
}

#[tokio::test]
async fn tags_that_an_entry_may_not_have_are_counted_refusals() {
    let many = |count: usize| (0..count).map(|id| Tag::of("t", id)).collect::<Tags>();
    for (tags, stored) in [
        (many(128), true),
        (many(129), false),
        (Tags::from("x".repeat(256)), true),
        (Tags::from("x".repeat(257)), false),
        (Tags::from("x".repeat(1 << 20)), false),
        (Tags::from(""), false),
        (Tags::from("\0 \u{fffd}"), true),
    ] {
        let mut shop = Shop::new();
        let asked = shop.get("/a");
        let call = shop.origin.next().await;
        call.context().tag(tags.clone());
        call.answer(fresh("old"));
        assert_eq!(body(asked).await, "old");
        assert_eq!(
            shop.see("/a", "new").await == "old",
            stored,
            "{}",
            tags.len()
        );
        assert_eq!(shop.refused("tags-over-the-limit"), u64::from(!stored));
    }
}

#[tokio::test]
async fn targets_of_any_text_can_be_invalidated() {
    let cache = Cache::local();
    let long = "/%".repeat(100_000);
    for text in [
        "", "%", "%z", "/%zz/%2", "::", "http://", "//", "?", "#", "\0", "\u{e9}", &long,
    ] {
        let what = Invalidate::path(text)
            .and_prefix(text)
            .and_tag(text)
            .and(Invalidate::uri(text))
            .soft();
        cache.invalidate_now(what.clone());
        cache.scope(text).invalidate(what).await;
    }
    assert!(cache.stats().invalidations >= 12 * 2 * 3);
}

#[tokio::test]
async fn closures_of_a_policy_that_panic_cost_the_store_and_not_the_response() {
    let policy = Policy::from_headers().tag_with(|_, _| panic!("no tags"));
    let mut shop = Shop::of(Cache::local(), policy);
    let asked = shop.get("/a");
    shop.origin.next().await.answer(fresh("x"));
    assert_eq!(body(asked).await, "x");
    assert_eq!(shop.refused("policy-panicked"), 1);
}

#[tokio::test]
async fn a_request_without_a_scope_bypasses_and_scopes_of_any_name_do_not_meet() {
    let scope = |request: &http::request::Parts| {
        let name = request.headers.get("tenant")?;
        Some(Scope::new(String::from_utf8_lossy(name.as_bytes())))
    };
    let mut shop = Shop::of(Cache::local(), Policy::from_headers().scope(scope));
    let asked = shop.get("/a");
    shop.origin.next().await.answer(fresh("none"));
    body(asked).await;
    assert_eq!(bypassed(&shop, "no-scope"), 1);
    for (name, text) in [(&b""[..], "empty"), (b"a", "a"), (b"\xff", "odd")] {
        for hit in [false, true] {
            let mut asking = request("GET", "/a");
            let name = HeaderValue::from_bytes(name).unwrap();
            asking.headers_mut().insert("tenant", name);
            let asked = shop.ask(asking);
            if !hit {
                shop.origin.next().await.answer(fresh(text));
            }
            assert_eq!(body(asked).await, text);
        }
    }
}

#[tokio::test]
async fn what_is_larger_than_the_store_is_served_and_not_kept() {
    let cache = Cache::builder().max_bytes(500).build().unwrap();
    let mut shop = Shop::of(cache, Policy::from_headers());
    let asked = shop.get("/a");
    let long: &'static str = Box::leak("x".repeat(10_000).into_boxed_str());
    shop.origin
        .next()
        .await
        .answer(crate::held::fresh_with(whole(long)));
    assert_eq!(body(asked).await, long);
    // Asking does the bookkeeping that was put off.
    assert_eq!(
        (shop.cache.stats().bytes, shop.cache.stats().entries),
        (0, 0)
    );
    assert_eq!(shop.see("/a", "new").await, "new");
}

#[tokio::test]
async fn at_the_bound_of_cells_nothing_is_stored_and_all_is_served() {
    let cache = Cache::builder().max_cells(8).build().unwrap();
    let mut shop = Shop::of(cache, Policy::from_headers());
    for id in 0..20 {
        let uri = format!("/{id}");
        let asked = shop.get(&uri);
        shop.origin.next().await.answer(fresh("x"));
        assert_eq!(body(asked).await, "x");
    }
    let stats = shop.cache.stats();
    assert!(
        stats.refusals["cells-over-the-limit"] > 0 && stats.stored > 0,
        "{stats:?}"
    );
    assert!(stats.cells <= 8);
    // An invalidation still reaches what is stored.
    shop.cache.invalidate_now(Invalidate::prefix("/"));
    assert_eq!(shop.see("/0", "new").await, "new");
}

/// Cause: the fill's task waits with a timer that the runtime does not have, and
/// panics. Effect: its client waits for ever. So such a runtime counts as none.
#[test]
fn a_runtime_without_timers_serves_past_the_store() {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let cache = Cache::local();
    let app = axum::Router::new()
        .route("/a", axum::routing::any(|| async { "answered" }))
        .layer(cache.layer());
    runtime.unwrap().block_on(async {
        for method in ["GET", "PUT", "GET"] {
            let answer = crate::support::send(&app, request(method, "/a")).await;
            assert_eq!(answer.body, "answered");
        }
    });
    assert_eq!(cache.stats().stored, 0);
    assert_eq!(
        cache.stats().invalidations,
        2,
        "the path, and everything at the start"
    );
}
