//! QUERY, with its content in the key (RFC 10008).

use crate::held::{Calls, Origin as Held, eventually, fresh, origin as held, read as hear, settle};
use crate::origin::Lines;
use crate::support::{Answer, Runs, read};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use bytes::Bytes;
use http::Method;
use http_body_util::{BodyExt, StreamBody};
use std::time::Duration;
use tokio::sync::mpsc;
use tower::{Layer, ServiceExt};
use tower_coherence::test_util::Clock;
use tower_coherence::{Cache, CacheService, Invalidate, Policy};

const JSON: (&str, &str) = ("content-type", "application/json");

fn minutely() -> Policy {
    Policy::lifetime(Duration::from_secs(60)).body_key(100)
}

/// An application that says what it was asked, behind a layer.
struct App {
    app: Router,
    runs: Runs,
    cache: Cache,
}

impl App {
    fn new(policy: Policy) -> Self {
        let cache = Cache::local();
        let layer = cache.layer().policy(policy).replay(Body::from);
        let (app, runs) = Self::router();
        Self {
            app: app.layer(layer),
            runs,
            cache,
        }
    }

    fn router() -> (Router, Runs) {
        let runs = Runs::default();
        let count = runs.clone();
        let handler = move |request: Request| async move {
            let run = count.next();
            let (parts, body) = request.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            let text = String::from_utf8(body.to_vec()).unwrap();
            let etag = format!("\"{text}\"");
            ([("etag", etag)], format!("{run} {} {text}", parts.method))
        };
        (Router::new().fallback(handler), runs)
    }

    async fn ask(&self, method: &str, lines: Lines<'_>, body: impl Into<Body>) -> Answer {
        let request = asking(method, lines, body);
        let Ok(response) = self.app.clone().oneshot(request).await;
        read(response).await
    }

    async fn query(&self, text: &'static str) -> String {
        self.ask("QUERY", &[JSON], text).await.body
    }

    fn stored(&self) -> u64 {
        self.cache.stats().stored
    }
}

fn asking(method: &str, lines: Lines<'_>, body: impl Into<Body>) -> Request {
    let mut request = http::Request::builder()
        .method(Method::from_bytes(method.as_bytes()).unwrap())
        .uri("/a")
        .header("host", "shop.example");
    for (name, value) in lines {
        request = request.header(*name, *value);
    }
    request.body(body.into()).unwrap()
}

#[tokio::test]
async fn one_content_is_one_key_and_the_handler_gets_the_same_bytes() {
    let app = App::new(minutely());
    assert_eq!(app.query("one").await, "1 QUERY one");
    assert_eq!(app.query("two").await, "2 QUERY two");
    assert_eq!(app.query("one").await, "1 QUERY one");
    assert_eq!(app.query("").await, "3 QUERY ");
    assert_eq!(app.query("").await, "3 QUERY ");
    // What describes it counts, and a GET is another key.
    let text = [("content-type", "text/plain")];
    assert_eq!(app.ask("QUERY", &text, "one").await.body, "4 QUERY one");
    let coded = [JSON, ("content-encoding", "gzip")];
    assert_eq!(app.ask("QUERY", &coded, "one").await.body, "5 QUERY one");
    assert_eq!(app.ask("GET", &[], "").await.body, "6 GET ");
    assert_eq!(app.query("one").await, "1 QUERY one");
}

#[tokio::test]
async fn a_query_is_the_handlers_unless_its_route_and_its_layer_say_otherwise() {
    let off = App::new(Policy::lifetime(Duration::from_secs(60)));
    let (app, runs) = App::router();
    let cache = Cache::local();
    let untold = App {
        app: app.layer(cache.layer().policy(minutely())),
        runs,
        cache,
    };
    for app in [off, untold] {
        assert_eq!(app.query("one").await, "1 QUERY one");
        assert_eq!(app.query("one").await, "2 QUERY one");
    }
}

#[tokio::test]
async fn what_is_too_long_of_unknown_length_or_undescribed_is_passed_on_unread() {
    let app = App::new(minutely());
    let long: &'static str = "x".repeat(101).leak();
    let stream = || {
        let frames = [Ok::<_, std::io::Error>(http_body::Frame::data(
            Bytes::from("one"),
        ))];
        Body::new(StreamBody::new(futures_util::stream::iter(frames)))
    };
    for _ in 0..2 {
        assert!(app.query(long).await.ends_with(long));
        assert!(
            app.ask("QUERY", &[JSON], stream())
                .await
                .body
                .ends_with("one")
        );
        assert!(app.ask("QUERY", &[], "one").await.body.ends_with("one"));
        let precondition = [JSON, ("if-match", "\"x\"")];
        assert!(
            app.ask("QUERY", &precondition, "one")
                .await
                .body
                .ends_with("one")
        );
        // A POST is a write, whatever it carries.
        assert!(app.ask("POST", &[JSON], "one").await.body.ends_with("one"));
    }
    assert_eq!((app.runs.count(), app.stored()), (10, 0));
    let whole: &'static str = "x".repeat(100).leak();
    app.query(whole).await;
    app.query(whole).await;
    assert_eq!(app.runs.count(), 11);
}

#[tokio::test]
async fn a_write_to_its_path_reaches_it_and_a_query_invalidates_nothing() {
    let app = App::new(minutely());
    app.query("one").await;
    assert_eq!(app.ask("GET", &[], "").await.body, "2 GET ");
    app.query("two").await;
    assert_eq!(app.ask("GET", &[], "").await.body, "2 GET ");
    app.ask("PUT", &[], "new").await;
    assert_eq!(app.query("one").await, "5 QUERY one");
    app.cache
        .invalidate_now(Invalidate::uri("http://shop.example/a"));
    assert_eq!(app.query("one").await, "6 QUERY one");
}

#[tokio::test]
async fn conditions_are_answered_from_memory_and_ranges_are_not() {
    let app = App::new(minutely());
    app.query("one").await;
    let same = [JSON, ("if-none-match", "\"one\"")];
    assert_eq!(app.ask("QUERY", &same, "one").await.status, 304);
    let part = [JSON, ("range", "bytes=0-1")];
    let answer = app.ask("QUERY", &part, "one").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "1 QUERY one"));
}

/// A held handler behind a layer that reads content.
struct Waiting {
    app: CacheService<Held, fn(Bytes) -> Body>,
    calls: Calls,
    clock: Clock,
}

impl Waiting {
    fn new() -> Self {
        let clock = Clock::new();
        let cache = Cache::builder().clock(clock.clone()).build().unwrap();
        let (service, calls) = held();
        let layer = cache.layer().policy(minutely()).replay(Body::from);
        let app = layer.layer(service);
        Self { app, calls, clock }
    }

    fn ask(&self, body: impl Into<Body>) -> crate::held::Asked {
        let asked = self.app.clone().oneshot(asking("QUERY", &[JSON], body));
        crate::held::spawn(async move { hear(asked.await?).await })
    }
}

#[tokio::test]
async fn those_with_the_same_content_wait_for_one_fill() {
    let mut waiting = Waiting::new();
    let asked = ["one", "one", "two"].map(|text| waiting.ask(text));
    let calls = [waiting.calls.next().await, waiting.calls.next().await];
    assert_eq!(waiting.calls.waiting().await, 0);
    for call in calls {
        call.answer(fresh("answer"));
    }
    for asked in asked {
        assert_eq!(crate::held::body(asked).await, "answer");
    }
}

/// A body of this length that the test feeds, or breaks.
pub(crate) fn fed(length: u64) -> (mpsc::UnboundedSender<Result<Bytes, std::io::Error>>, Body) {
    struct Fed(mpsc::UnboundedReceiver<Result<Bytes, std::io::Error>>, u64);
    impl http_body::Body for Fed {
        type Data = Bytes;
        type Error = std::io::Error;

        fn poll_frame(
            mut self: std::pin::Pin<&mut Self>,
            cx: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, std::io::Error>>> {
            let data = self.0.poll_recv(cx);
            data.map(|data| data.map(|data| data.map(http_body::Frame::data)))
        }

        fn size_hint(&self) -> http_body::SizeHint {
            http_body::SizeHint::with_exact(self.1)
        }
    }
    let (feed, fed) = mpsc::unbounded_channel();
    (feed, Body::new(Fed(fed, length)))
}

#[tokio::test]
async fn content_that_fails_or_does_not_come_is_its_own_clients_matter() {
    let mut waiting = Waiting::new();
    let (slow, body) = fed(3);
    let late = waiting.ask(body);
    let (broken, body) = fed(3);
    let fails = waiting.ask(body);
    let (more, body) = fed(3);
    let lies = waiting.ask(body);
    slow.send(Ok(Bytes::from("o"))).unwrap();
    broken.send(Err(std::io::Error::other("reset"))).unwrap();
    more.send(Ok(Bytes::from("more"))).unwrap();
    // Nobody waits for them.
    let asked = waiting.ask("one");
    waiting.calls.next().await.answer(fresh("answer"));
    assert_eq!(crate::held::body(asked).await, "answer");
    for asked in [fails, lies] {
        eventually(|| asked.is_finished()).await;
        assert_eq!(asked.await.unwrap().unwrap().status, 400);
    }
    settle().await;
    waiting.clock.advance(Duration::from_secs(30));
    eventually(|| late.is_finished()).await;
    assert_eq!(late.await.unwrap().unwrap().status, 408);
    assert_eq!(waiting.calls.waiting().await, 0);
}

#[tokio::test]
async fn what_expired_is_asked_for_whole() {
    let mut waiting = Waiting::new();
    for _ in 0..2 {
        let asked = waiting.ask("one");
        let call = waiting.calls.next().await;
        assert!(!call.request.headers().contains_key("if-none-match"));
        let mut response = fresh("answer");
        let tag = "\"a\"".parse().unwrap();
        response.headers_mut().insert("etag", tag);
        call.answer(response);
        crate::held::body(asked).await;
        waiting.clock.advance(Duration::from_secs(60));
    }
}
