//! One URL that reads and writes: a closure says by its content what a request is for.

use crate::held::{eventually, settle, spawn};
use crate::origin::{Lines, field};
use crate::query::fed;
use crate::support::{Answer, Runs, read, request_with};
use crate::write_policies::{NoBus, down};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use bytes::Bytes;
use http::request;
use http_body_util::{BodyExt, StreamBody};
use std::time::Duration;
use tower::ServiceExt;
use tower_coherence::policy::{BusDown, Class, Downstream, Inputs, OwnPath, Query, WritePolicy};
use tower_coherence::test_util::Clock;
use tower_coherence::{Cache, Policy, RouteTable, Scope};

const TEXT: (&str, &str) = ("content-type", "text/plain");

/// `read:` with a key, `write:`, `panic:` or anything; of a GET its query says it.
pub(crate) fn class(request: &request::Parts, content: &Bytes) -> Class {
    let text = match request.method.as_str() {
        "GET" | "HEAD" => request.uri.query().unwrap_or_default(),
        _ => std::str::from_utf8(content).unwrap(),
    };
    match text.split_once(':') {
        Some(("read", key)) => Class::Read {
            key: key.trim().to_owned(),
        },
        Some(("write", _)) => Class::Write,
        Some(("panic", _)) => panic!("the closure panics"),
        _ => Class::Bypass,
    }
}

pub(crate) fn minutely() -> Policy {
    Policy::lifetime(Duration::from_secs(60)).classify(class)
}

/// An application that says which run of it this is and what it was sent; with the query
/// `public` that this is for all.
struct Echo {
    app: Router,
    cache: Cache,
    runs: Runs,
}

impl Echo {
    fn new(policy: Policy) -> Self {
        let cache = Cache::local();
        let layer = cache.layer().policy(policy).replay(Body::from);
        let (router, runs) = router();
        let app = router.layer(layer);
        Self { app, cache, runs }
    }

    /// The same by a route table.
    fn routed(cache: Cache) -> Self {
        let (router, runs) = router();
        let app = router.layer(cache.layer().replay(Body::from));
        Self { app, cache, runs }
    }

    async fn ask(
        &self,
        method: &str,
        uri: &str,
        lines: Lines<'_>,
        body: impl Into<Body>,
    ) -> Answer {
        let request = sent(method, uri, lines, body);
        let Ok(response) = self.app.clone().oneshot(request).await;
        read(response).await
    }

    async fn post(&self, text: &'static str) -> String {
        self.ask("POST", "/a", &[TEXT], text).await.body
    }

    async fn get(&self, uri: &str) -> String {
        self.ask("GET", uri, &[], "").await.body
    }

    fn bypasses(&self, reason: &str) -> u64 {
        self.cache
            .stats()
            .bypasses
            .get(reason)
            .copied()
            .unwrap_or(0)
    }
}

pub(crate) fn router() -> (Router, Runs) {
    let runs = Runs::default();
    let count = runs.clone();
    let handler = move |request: Request| async move {
        let run = count.next();
        let (parts, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8(body.to_vec()).unwrap();
        let public = parts.uri.query() == Some("public");
        let cache_control = if public { "public" } else { "max-age=60" };
        let fields = [("etag", "\"a\""), ("cache-control", cache_control)];
        (fields, format!("{run} {} {text}", parts.method))
    };
    (Router::new().fallback(handler), runs)
}

pub(crate) fn sent(
    method: &str,
    uri: &str,
    lines: Lines<'_>,
    body: impl Into<Body>,
) -> http::Request<Body> {
    let mut request = request_with(method, uri, lines);
    *request.body_mut() = body.into();
    request
}

#[tokio::test]
async fn a_post_that_reads_is_stored_by_its_key_and_its_handler_gets_the_same_bytes() {
    let echo = Echo::new(minutely());
    assert_eq!(echo.post("read: one").await, "1 POST read: one");
    assert_eq!(echo.post("read:one ").await, "1 POST read: one");
    assert_eq!(echo.post("read:two").await, "2 POST read:two");
    assert_eq!(echo.post("read:").await, "3 POST read:");
    // What describes the content counts, and so do method and URI.
    let coded = [TEXT, ("content-encoding", "gzip")];
    for (nth, (method, uri, lines)) in [
        ("POST", "/a", &[("content-type", "x/y")][..]),
        ("POST", "/a", &[]),
        ("POST", "/a", &coded),
        ("QUERY", "/a", &[TEXT]),
        ("POST", "/a?q", &[TEXT]),
        ("POST", "/b", &[TEXT]),
    ]
    .into_iter()
    .enumerate()
    {
        let expected = format!("{} {method} read:one", nth + 4);
        for _ in 0..2 {
            assert_eq!(
                echo.ask(method, uri, lines, "read:one").await.body,
                expected
            );
        }
    }
    assert_eq!(echo.post("read:one").await, "1 POST read: one");
    assert_eq!((echo.get("/a").await, echo.get("/a").await).0, "10 GET ");
    assert_eq!(echo.cache.stats().writes, 0);
}

#[tokio::test]
async fn a_write_gets_its_content_and_invalidates_its_path() {
    let echo = Echo::new(minutely());
    echo.post("read:one").await;
    echo.get("/a?read:").await;
    assert_eq!(echo.post("write:x").await, "3 POST write:x");
    assert_eq!(echo.post("write:x").await, "4 POST write:x");
    assert_eq!(echo.post("read:one").await, "5 POST read:one");
    assert_eq!(echo.get("/a?read:").await, "6 GET ");
    assert_eq!(echo.cache.stats().writes, 2);
}

#[tokio::test]
async fn the_write_route_of_the_path_is_for_writes_only() {
    let writes = WritePolicy::new().own_path(OwnPath::Off).tags(["things"]);
    let table = RouteTable::builder()
        .read("/a", minutely().tags(["things"]))
        .read("/b", minutely().query(Query::All))
        .write("/a", writes)
        .write("/b", WritePolicy::new().own_path(OwnPath::Off))
        .build();
    let cache = Cache::builder().routes(table.unwrap()).build().unwrap();
    let echo = Echo::routed(cache);
    let ask = async |uri, text: &'static str| echo.ask("POST", uri, &[TEXT], text).await.body;
    assert_eq!(ask("/a", "read:one").await, "1 POST read:one");
    assert_eq!(ask("/b", "read:one").await, "2 POST read:one");
    ask("/a", "read:two").await;
    assert_eq!(ask("/a", "read:one").await, "1 POST read:one");
    ask("/b", "write:x").await;
    assert_eq!(ask("/b", "read:one").await, "2 POST read:one");
    ask("/a", "write:x").await;
    assert_eq!(ask("/a", "read:one").await, "6 POST read:one");
    assert_eq!(ask("/b", "read:one").await, "2 POST read:one");
}

#[tokio::test]
async fn what_is_unknown_passes_and_leaves_its_path_alone() {
    let echo = Echo::new(minutely());
    assert_eq!(echo.post("read:one").await, "1 POST read:one");
    assert_eq!(echo.post("what").await, "2 POST what");
    assert_eq!(echo.post("what").await, "3 POST what");
    assert_eq!(echo.get("/a?what").await, "4 GET ");
    assert_eq!(echo.get("/a?what").await, "5 GET ");
    assert_eq!(echo.post("read:one").await, "1 POST read:one");
    assert_eq!(echo.bypasses("classify"), 4);
}

#[tokio::test]
async fn content_that_cannot_be_read_is_a_writes_and_reaches_it_whole() {
    let stream = || {
        let frames = ["read:", "one"]
            .map(|text| Ok::<_, std::io::Error>(http_body::Frame::data(text.into())));
        Body::new(StreamBody::new(futures_util::stream::iter(frames)))
    };
    let long: &'static str = format!("read:{}", "x".repeat(65_532)).leak();
    let upgrade = [TEXT, ("upgrade", "h2c"), ("connection", "upgrade")];
    let echo = Echo::new(minutely());
    for (lines, body, text) in [
        (&[TEXT][..], Body::from(long), long),
        (&[TEXT], stream(), "read:one"),
        (&upgrade, Body::from("read:one"), "read:one"),
    ] {
        let first = echo.post("read:one").await;
        assert_eq!(echo.post("read:one").await, first);
        let answer = echo.ask("POST", "/a", lines, body).await.body;
        assert!(answer.ends_with(text), "{answer}");
        assert_ne!(echo.post("read:one").await, first, "{text}");
    }
    assert_eq!(echo.bypasses("unread-content"), 3);
    // One byte less is read.
    let fits: &'static str = &long[..65_536];
    assert_eq!(echo.post(fits).await, echo.post(fits).await);
    let short = Echo::new(minutely().body_key(8));
    assert_eq!(short.post("read:one").await, "1 POST read:one");
    assert_eq!(short.post("read:one").await, "1 POST read:one");
    assert_eq!(short.post("read:more").await, "2 POST read:more");
    assert_eq!(short.post("read:one").await, "3 POST read:one");
}

#[tokio::test]
async fn a_layer_that_cannot_hand_content_on_makes_a_write_of_each_post_and_says_so() {
    let table = RouteTable::builder().read("/a", minutely()).build();
    let cache = Cache::builder().routes(table.unwrap()).build().unwrap();
    let (router, runs) = router();
    let app = router.layer(cache.layer());
    let echo = Echo { app, cache, runs };
    assert_eq!(echo.get("/a?read:").await, "1 GET ");
    assert_eq!(echo.get("/a?read:").await, "1 GET ");
    assert_eq!(echo.cache.health().mistakes, Vec::<String>::new());
    for run in ["2", "3"] {
        assert_eq!(echo.post("read:one").await, format!("{run} POST read:one"));
    }
    assert_eq!(echo.get("/a?read:").await, "4 GET ");
    let mistakes = echo.cache.health().mistakes;
    assert_eq!(mistakes.len(), 1);
    assert!(mistakes[0].starts_with("read \"/a\": "), "{mistakes:?}");
    assert!(mistakes[0].contains("CacheLayer::replay"), "{mistakes:?}");
}

#[tokio::test]
async fn content_that_fails_or_does_not_come_reaches_no_handler_and_invalidates_nothing() {
    let clock = Clock::new();
    let cache = Cache::builder().clock(clock.clone()).build().unwrap();
    let (router, runs) = router();
    let policy = Policy::lifetime(Duration::from_secs(3600)).classify(class);
    let app = router.layer(cache.layer().policy(policy).replay(Body::from));
    let echo = Echo { app, cache, runs };
    echo.get("/a?read:").await;
    let ask = |body| {
        let asked = echo.app.clone().oneshot(sent("POST", "/a", &[TEXT], body));
        spawn(async move { read(asked.await.unwrap()).await.status })
    };
    let (broken, body) = fed(7);
    let fails = ask(body);
    let (slow, body) = fed(7);
    let late = ask(body);
    broken.send(Err(std::io::Error::other("reset"))).unwrap();
    slow.send(Ok("write:".into())).unwrap();
    eventually(|| fails.is_finished()).await;
    assert_eq!(fails.await.unwrap(), 400);
    settle().await;
    clock.advance(Duration::from_secs(30));
    eventually(|| late.is_finished()).await;
    assert_eq!(late.await.unwrap(), 408);
    assert_eq!(echo.get("/a?read:").await, "1 GET ");
    assert_eq!(echo.runs.count(), 1);
}

#[tokio::test]
async fn a_closure_that_panics_makes_a_write_of_a_post_and_nothing_of_a_get() {
    let echo = Echo::new(minutely());
    echo.post("read:one").await;
    assert_eq!(echo.get("/a?panic:").await, "2 GET ");
    assert_eq!(echo.ask("QUERY", "/a", &[TEXT], "panic:").await.status, 200);
    assert_eq!(echo.post("read:one").await, "1 POST read:one");
    assert_eq!(echo.post("panic:").await, "4 POST panic:");
    assert_eq!(echo.post("read:one").await, "5 POST read:one");
    assert_eq!(echo.bypasses("classify-panicked"), 3);
}

#[tokio::test]
async fn a_get_is_what_the_closure_says_and_a_head_is_answered_from_it() {
    // By their names only, so that the key of the closure tells them apart.
    let echo = Echo::new(minutely().query(Query::only(["id"])));
    assert_eq!(echo.get("/a?read:one").await, "1 GET ");
    assert_eq!(echo.get("/a?read:one%20").await, "2 GET ");
    assert_eq!(echo.get("/a?read:one").await, "1 GET ");
    let head = echo.ask("HEAD", "/a?read:one", &[], "").await;
    assert_eq!(
        (head.body.as_str(), field(&head, "content-length")),
        ("", Some("6"))
    );
    assert_eq!(echo.runs.count(), 2);
    // Conditions that are for a handler do not hide that it writes.
    for lines in [&[][..], &[("if-match", "\"a\"")]] {
        let first = echo.get("/a?read:one").await;
        echo.ask("GET", "/a?write:", lines, "").await;
        assert_ne!(echo.get("/a?read:one").await, first);
    }
    assert_eq!(echo.cache.stats().writes, 2);
    echo.ask("GET", "/a?read:one", &[("if-match", "\"a\"")], "")
        .await;
    assert_eq!(echo.bypasses("precondition"), 1);
}

#[tokio::test]
async fn only_a_get_with_an_empty_key_is_fetched_in_the_background() {
    let echo = Echo::new(minutely().refresh_ahead(0.0));
    for (uri, refreshes) in [("/a?read:one", 0), ("/a?read:", 1)] {
        echo.get(uri).await;
        echo.get(uri).await;
        settle().await;
        assert_eq!(echo.cache.stats().refreshes, refreshes, "{uri}");
    }
    echo.post("read:").await;
    echo.post("read:").await;
    assert_eq!(echo.cache.stats().refreshes, 1);
}

#[tokio::test]
async fn a_post_with_cookies_passes_unless_the_policy_says_what_becomes_of_them() {
    let cookie = [TEXT, ("cookie", "session=1")];
    let bearer = [TEXT, ("authorization", "Bearer x")];
    let twice = async |echo: &Echo, uri: &str, lines: Lines<'_>| {
        let first = echo.ask("POST", uri, lines, "read:one").await.body;
        first == echo.ask("POST", uri, lines, "read:one").await.body
    };
    let echo = Echo::new(minutely());
    assert!(!twice(&echo, "/a?public", &cookie).await);
    assert!(twice(&echo, "/a?public", &[TEXT]).await);
    assert!(!twice(&echo, "/a?public", &cookie).await);
    assert_eq!(echo.bypasses("cookies"), 4);
    // Credentials count as for a GET (RFC 9111 §3.5).
    assert!(!twice(&echo, "/a", &bearer).await);
    assert!(twice(&echo, "/a?public", &bearer).await);
    let hidden = Echo::new(minutely().cookies(Inputs::Hide));
    assert!(twice(&hidden, "/a", &cookie).await);
    let keyed = Echo::new(minutely().cookies(Inputs::key(["session"])));
    assert!(twice(&keyed, "/a", &cookie).await);
    let other = [TEXT, ("cookie", "session=2")];
    assert!(twice(&keyed, "/a", &other).await);
    assert_eq!(keyed.runs.count(), 2);
}

#[tokio::test]
async fn conditions_and_ranges_of_a_post_are_the_handlers() {
    let echo = Echo::new(minutely());
    echo.post("read:one").await;
    for (name, value) in [
        ("if-none-match", "\"a\""),
        ("if-modified-since", "Sun, 06 Nov 2094 08:49:37 GMT"),
        ("range", "bytes=0-1"),
        ("if-match", "\"a\""),
        ("if-unmodified-since", "Sun, 06 Nov 1994 08:49:37 GMT"),
    ] {
        let runs = echo.runs.count();
        let answer = echo
            .ask("POST", "/a", &[TEXT, (name, value)], "read:one")
            .await;
        assert_eq!(
            (answer.status, echo.runs.count()),
            (200, runs + 1),
            "{name}"
        );
    }
    assert_eq!(echo.bypasses("precondition"), 5);
    assert_eq!(echo.post("read:one").await, "1 POST read:one");
}

#[tokio::test]
async fn who_is_behind_is_told_the_same_on_a_miss_as_on_a_hit_and_when_it_passes() {
    let echo = Echo::new(minutely().downstream(Downstream::Revalidate));
    for method in ["GET", "QUERY", "POST"] {
        for text in ["read:one", "read:one", "what"] {
            let (uri, body) = match method {
                "GET" => (format!("/a?{text}"), ""),
                _ => ("/a".to_owned(), text),
            };
            let answer = echo.ask(method, &uri, &[TEXT], body).await;
            let told = field(&answer, "cache-control").unwrap();
            // An unknown POST may have written, and is not a read.
            let read = (method, text) != ("POST", "what");
            assert_eq!(told == "no-cache", read, "{method} {text}: {told}");
        }
    }
    assert_eq!(echo.cache.stats().hits, 3);
}

#[tokio::test]
async fn a_call_and_every_other_method_are_as_without_it() {
    let panics = Policy::lifetime(Duration::from_secs(60)).classify(|request, _| {
        assert_eq!(request.method, "GET", "the closure was asked");
        Class::Read { key: String::new() }
    });
    let echo = Echo::new(panics);
    for method in ["PUT", "PATCH", "DELETE", "PURGE"] {
        let first = echo.get("/a").await;
        assert_eq!(echo.get("/a").await, first);
        echo.ask(method, "/a", &[TEXT], "x").await;
        assert_ne!(echo.get("/a").await, first, "{method}");
    }
    echo.ask("OPTIONS", "/a", &[], "").await;
    let grpc = [("content-type", "application/grpc")];
    echo.ask("POST", "/a", &grpc, "x").await;
    assert_eq!(echo.bypasses("classify-panicked"), 0);
    assert_eq!(echo.bypasses("unread-content"), 0);
}

#[tokio::test]
async fn without_it_a_post_is_a_write_whatever_the_length_of_its_key() {
    let echo = Echo::new(Policy::lifetime(Duration::from_secs(60)).body_key(100));
    let first = echo.get("/a").await;
    assert_eq!(echo.post("read:one").await, "2 POST read:one");
    assert_eq!(echo.post("read:one").await, "3 POST read:one");
    assert_ne!(echo.get("/a").await, first);
    assert_eq!(echo.cache.stats().writes, 2);
}

#[tokio::test]
async fn a_scope_and_what_is_hidden_are_as_for_a_get() {
    let tenant = |request: &request::Parts| {
        let name = request.headers.get("x-tenant")?.to_str().ok()?;
        Some(Scope::new(name))
    };
    let echo = Echo::new(minutely().scope(tenant));
    let ask = async |name: &str| {
        let lines = [TEXT, ("x-tenant", name)];
        echo.ask("POST", "/a", &lines, "read:one").await.body
    };
    let (one, two) = (ask("one").await, ask("two").await);
    assert_ne!(one, two);
    assert_eq!((ask("one").await, ask("two").await), (one, two));
    echo.post("read:one").await;
    assert_eq!(echo.bypasses("no-scope"), 1);
}

#[tokio::test]
async fn a_key_that_is_longer_than_content_may_be_bypasses() {
    let policy = Policy::lifetime(Duration::from_secs(60)).body_key(8);
    let echo = Echo::new(policy.classify(|_, content| Class::Read {
        key: "x".repeat(content.len() * 2),
    }));
    assert_eq!(echo.post("four").await, echo.post("four").await);
    assert_ne!(echo.post("fives").await, echo.post("fives").await);
    assert_eq!(echo.bypasses("long-key"), 2);
}

#[tokio::test]
async fn where_writes_are_refused_reads_by_post_go_on_and_what_is_unknown_does_not() {
    let bus = NoBus::new();
    let cache = bus.builder().while_bus_down(BusDown::RefuseWrites);
    let cache = cache.default_policy(minutely()).build().unwrap();
    down(&cache).await;
    let echo = Echo::routed(cache);
    for (text, status) in [("read:one", 200), ("write:x", 503), ("what", 503)] {
        let answer = echo.ask("POST", "/a", &[TEXT], text).await;
        assert_eq!(answer.status, status, "{text}");
    }
    assert_eq!(echo.runs.count(), 1);
}
