//! What handlers tell the cache, and what goes along into its tasks.

use crate::held::{Shop, body, eventually, fresh, plain, read, settle, spawn};
use crate::support::{Runs, get, request, send};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{Extensions, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get as route};
use std::time::Duration;
use tower::{Layer, ServiceExt};
use tower_coherence::test_util::Clock;
use tower_coherence::{Cache, CacheContext, Invalidate, Policy, Tag, Tags};

const FRESH: [(&str, &str); 1] = [("cache-control", "max-age=60")];

/// An error as applications have them: it carries nothing of the handler's.
struct AppError;

impl IntoResponse for AppError {
    fn into_response(self) -> Response {
        StatusCode::BAD_REQUEST.into_response()
    }
}

impl From<std::num::ParseIntError> for AppError {
    fn from(_: std::num::ParseIntError) -> Self {
        Self
    }
}

/// `/tagged` is stored with the tag `t`; the rest is the test's.
fn around(cache: &Cache, runs: &Runs, rest: Router) -> Router {
    let runs = runs.clone();
    let show = move |cache: CacheContext| async move {
        cache.tag("t");
        (FRESH, format!("run {}", runs.next()))
    };
    rest.route("/tagged", route(show)).layer(cache.layer())
}

async fn fail_after_the_mark(cache: CacheContext) -> Result<&'static str, AppError> {
    cache.invalidate(Tag::new("t"));
    let _: u8 = "none".parse()?;
    Ok("done")
}

async fn mark(cache: CacheContext) -> impl IntoResponse {
    cache.invalidate(Tag::new("t"));
    (FRESH, "marked")
}

#[tokio::test]
async fn a_mark_counts_when_the_handler_fails_with_a_question_mark() {
    let (cache, runs) = (Cache::local(), Runs::default());
    let app = around(
        &cache,
        &runs,
        Router::new().route("/a", any(fail_after_the_mark)),
    );
    for method in ["PUT", "GET", "HEAD", "OPTIONS", "POST"] {
        let stored = get(&app, "/tagged").await.body;
        assert_eq!(send(&app, request(method, "/a")).await.status, 400);
        assert_ne!(get(&app, "/tagged").await.body, stored, "{method}");
    }
}

#[tokio::test]
async fn a_get_handler_may_invalidate_and_does_so_when_it_runs_and_not_on_a_hit() {
    let (cache, runs) = (Cache::local(), Runs::default());
    let app = around(&cache, &runs, Router::new().route("/mark", route(mark)));
    assert_eq!(get(&app, "/tagged").await.body, "run 1");
    assert_eq!(get(&app, "/mark").await.body, "marked");
    assert_eq!(get(&app, "/tagged").await.body, "run 2");
    assert_eq!(get(&app, "/mark").await.body, "marked");
    assert_eq!(get(&app, "/tagged").await.body, "run 2");
}

#[tokio::test]
async fn a_handler_that_invalidates_what_it_is_about_to_answer_is_not_stored() {
    let mut shop = Shop::new();
    let asked = shop.get("/a");
    let call = shop.origin.next().await;
    call.context().tag("t");
    call.context().invalidate(Tag::new("t"));
    call.answer(fresh("old"));
    assert_eq!(body(asked).await, "old");
    assert_eq!(shop.see("/a", "new").await, "new");
}

#[tokio::test]
async fn a_mark_counts_when_a_request_past_the_store_panics_or_is_dropped() {
    for method in ["HEAD", "OPTIONS"] {
        let mut shop = Shop::new();
        for uri in ["/panicked", "/dropped"] {
            shop.fill(uri, "old").await;
        }
        let panicking = shop.ask(request(method, "/a"));
        let call = shop.origin.next().await;
        call.context().invalidate(Invalidate::path("/panicked"));
        call.panic();
        assert!(panicking.await.unwrap_err().is_panic());
        assert_eq!(shop.see("/panicked", "new").await, "new", "{method}");
        let gone = shop.ask(request(method, "/a"));
        let mut call = shop.origin.next().await;
        call.context().invalidate(Invalidate::path("/dropped"));
        gone.abort();
        call.dropped().await;
        // At once, and not when the last handle is gone.
        assert_eq!(shop.see("/dropped", "new").await, "new", "{method}");
        drop(call);
    }
}

#[tokio::test]
async fn a_mark_after_the_response_counts_at_once() {
    for method in ["GET", "PUT", "HEAD"] {
        let mut shop = Shop::new();
        shop.fill("/b", "old").await;
        let asked = shop.ask(request(method, "/a"));
        let call = shop.origin.next().await;
        let context = call.context();
        call.answer(plain("done"));
        asked.await.unwrap().unwrap();
        assert_eq!(shop.see("/b", "new").await, "old");
        let later = spawn(async move {
            context.invalidate(Invalidate::path("/b"));
            context
        });
        let _kept = later.await.unwrap();
        assert_eq!(shop.see("/b", "new").await, "new", "{method}");
    }
}

#[tokio::test]
async fn a_mark_on_a_fill_that_fails_or_panics_counts_before_its_client_hears_of_it() {
    for end in [crate::held::Call::fail as fn(_), crate::held::Call::panic] {
        let mut shop = Shop::new();
        shop.fill("/b", "old").await;
        let asked = shop.get("/a");
        let call = shop.origin.next().await;
        // Kept beyond the end: it is not the drop of the last handle that counts.
        let context = call.context();
        context.invalidate(Invalidate::path("/b"));
        end(call);
        assert!(asked.await.map_or(true, |answer| answer.is_err()));
        assert_eq!(shop.see("/b", "new").await, "new");
        drop(context);
    }
}

#[tokio::test]
async fn a_handler_may_forbid_storing_and_shorten_the_lifetime() {
    let clock = Clock::new();
    let cache = Cache::builder().clock(clock.clone()).build().unwrap();
    let mut shop = Shop::of(cache, Policy::from_headers());
    let asked = shop.get("/never");
    let call = shop.origin.next().await;
    call.context().do_not_store();
    call.answer(fresh("old"));
    body(asked).await;
    assert_eq!(shop.see("/never", "new").await, "new");
    assert_eq!(shop.refused("forbidden-by-handler"), 1);
    let asked = shop.get("/short");
    let call = shop.origin.next().await;
    call.context().at_most(Duration::from_secs(5));
    call.context().at_most(Duration::from_secs(9));
    call.answer(fresh("old"));
    body(asked).await;
    clock.advance(Duration::from_secs(4));
    assert_eq!(shop.see("/short", "new").await, "old");
    clock.advance(Duration::from_secs(1));
    assert_eq!(shop.see("/short", "new").await, "new");
}

#[tokio::test]
async fn without_a_layer_the_extractor_answers_500_and_says_why() {
    let cache = Cache::local();
    let wrapped = Router::new().route("/wrapped", any(mark));
    let app = wrapped.layer(cache.layer()).route("/late", any(mark));
    assert_eq!(get(&app, "/wrapped").await.status, 200);
    for method in ["GET", "PUT"] {
        let late = send(&app, request(method, "/late")).await;
        assert_eq!(late.status, 500);
        assert!(late.body.contains("no cache layer"), "{}", late.body);
    }
}

#[tokio::test]
async fn an_invalidation_on_a_response_that_no_layer_reads_shouts() {
    let cache = Cache::local();
    let app = Router::new()
        .layer(cache.layer())
        .route("/late", any(|| async { (Invalidate::tag("t"), "done") }));
    // The counter is the process's: others may count too, so this is a "not less".
    let before = cache.stats().invalidations_unread;
    for _ in 0..3 {
        send(&app, request("PUT", "/late")).await;
    }
    assert!(cache.stats().invalidations_unread >= before + 3);
    assert_eq!(cache.stats().invalidations, 0);
}

#[tokio::test]
async fn a_detached_context_takes_marks_and_does_nothing() {
    let context = CacheContext::detached();
    context.tag("t");
    context.invalidate(Invalidate::everything());
    context.do_not_store();
    context.at_most(Duration::ZERO);
    assert!(CacheContext::from_extensions(&Extensions::new()).is_none());
}

#[tokio::test]
async fn parts_of_a_response_merge_with_each_other_and_with_those_of_a_middleware() {
    async fn add(request: Request, next: Next) -> Response {
        let mut response = next.run(request).await;
        Tags::from("outer").add_to(response.extensions_mut());
        response
    }
    let (cache, runs) = (Cache::local(), Runs::default());
    let counter = runs.clone();
    let show = move || async move {
        let tags = (Tags::from("a"), Tags::from(["b", "a"]));
        (tags.0, tags.1, FRESH, format!("run {}", counter.next()))
    };
    let write = || async { (Invalidate::tag("x"), Invalidate::tag("b"), "done") };
    let app = Router::new()
        .route("/a", route(show))
        .route("/write", any(write))
        .layer(from_fn(add))
        .layer(cache.layer());
    for (turn, tag) in ["a", "b", "outer"].into_iter().enumerate() {
        let stored = format!("run {}", turn + 1);
        assert_eq!(get(&app, "/a").await.body, stored);
        assert_eq!(get(&app, "/a").await.body, stored);
        cache.invalidate(Tag::new(tag)).await;
    }
    assert_eq!(get(&app, "/a").await.body, "run 4");
    send(&app, request("PUT", "/write")).await;
    assert_eq!(get(&app, "/a").await.body, "run 5");
}

#[tokio::test]
async fn of_two_layers_of_one_cache_the_outer_decides() {
    let (cache, runs) = (Cache::local(), Runs::default());
    let counter = runs.clone();
    let show = move |context: CacheContext| async move {
        context.tag("t");
        format!("run {}", counter.next())
    };
    let inner = Router::new()
        .route("/a", route(show).put(mark))
        .layer(cache.layer().policy(Policy::bypass()));
    let lifetime = Policy::lifetime(Duration::from_secs(60));
    let app = inner.layer(cache.layer().policy(lifetime));
    assert_eq!(get(&app, "/a").await.body, "run 1");
    assert_eq!(get(&app, "/a").await.body, "run 1");
    assert_eq!(cache.stats().fills, 1);
    assert_eq!(send(&app, request("PUT", "/a")).await.status, 200);
    assert_eq!(get(&app, "/a").await.body, "run 2");
    assert_eq!(cache.stats().writes, 1);
    // The other way round nothing is stored.
    let inner = Router::new()
        .route("/b", route(|| async { (FRESH, "b") }))
        .layer(cache.layer());
    let app = inner.layer(cache.layer().policy(Policy::bypass()));
    get(&app, "/b").await;
    get(&app, "/b").await;
    assert_eq!(cache.stats().stored, 2);
}

#[tokio::test]
async fn a_nested_write_counts_once() {
    let cache = Cache::local();
    let handler = || async { (Invalidate::tag("t"), "done") };
    let inner = Router::new().route("/a", any(handler)).layer(cache.layer());
    let app = inner.layer(cache.layer());
    send(&app, request("PUT", "/a")).await;
    // The path, the tag, and what the start itself invalidates: everything.
    assert_eq!(cache.stats().invalidations, 3);
}

#[tokio::test]
async fn two_caches_on_one_request_each_hear_what_the_response_says_first() {
    // The inner one reads the marks; the outer one knows the path.
    let (outer, inner) = (Cache::local(), Cache::local());
    let handler = |context: CacheContext| async move {
        context.invalidate(Tag::new("t"));
        "done"
    };
    let app = Router::new()
        .route("/a", any(handler))
        .layer(inner.layer())
        .layer(outer.layer());
    send(&app, request("PUT", "/a")).await;
    // Each also invalidates everything at its start.
    assert_eq!(inner.stats().invalidations, 3);
    assert_eq!(outer.stats().invalidations, 2);
}

#[tokio::test]
async fn request_extensions_go_along_into_the_task() {
    #[derive(Clone, PartialEq, Debug)]
    struct Note(u8);
    let mut shop = Shop::new();
    for method in ["GET", "PUT", "HEAD"] {
        let mut asking = request(method, "/a");
        asking.extensions_mut().insert(Note(7));
        asking
            .headers_mut()
            .insert("x-own", "kept".parse().unwrap());
        let asked = shop.ask(asking);
        let call = shop.origin.next().await;
        assert_eq!(call.request.extensions().get(), Some(&Note(7)));
        assert_eq!(call.request.headers()["x-own"], "kept");
        call.answer(plain("done"));
        asked.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn the_body_of_a_request_reaches_the_handler_whole() {
    use http_body_util::BodyExt;
    let mut shop = Shop::new();
    let asked = shop.ask(request("PUT", "/a").map(|_| Body::from("sent")));
    let mut call = shop.origin.next().await;
    let sent = std::mem::take(call.request.body_mut());
    assert_eq!(sent.collect().await.unwrap().to_bytes(), "sent");
    call.answer(plain("done"));
    body(asked).await;
}

mod tracing_goes_along {
    use super::*;
    use std::sync::{Arc, Mutex};
    use tracing::instrument::Instrument;
    use tracing_subscriber::Registry;
    use tracing_subscriber::layer::{Context, SubscriberExt};

    /// Notes the span that each event of this file is in.
    #[derive(Clone, Default)]
    struct Spans(Arc<Mutex<Vec<Option<&'static str>>>>);

    impl tracing_subscriber::Layer<Registry> for Spans {
        fn on_event(&self, event: &tracing::Event<'_>, context: Context<'_, Registry>) {
            if event.metadata().target() == "handler" {
                let span = context.event_span(event).map(|span| span.name());
                self.0.lock().unwrap().push(span);
            }
        }
    }

    async fn handle(_: http::Request<Body>) -> Result<http::Response<Body>, AppError> {
        tokio::task::yield_now().await;
        tracing::info!(target: "handler", "runs");
        Ok(http::Response::new(Body::from_stream(
            futures_util::stream::once(async {
                tracing::info!(target: "handler", "streams");
                Ok::<_, std::convert::Infallible>("body")
            }),
        )))
    }

    /// The thread of the test has the subscriber, those of the runtime have not.
    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn the_span_and_the_subscriber_of_the_caller_are_those_of_the_handler() {
        let spans = Spans::default();
        let _guard = tracing::subscriber::set_default(Registry::default().with(spans.clone()));
        let policy = Policy::lifetime(Duration::from_secs(60));
        let layer = Cache::local().layer().policy(policy);
        let app = layer.layer(tower::service_fn(handle));
        for (method, events) in [("PUT", 1), ("GET", 2), ("OPTIONS", 1)] {
            let span = tracing::info_span!("caller");
            let asked = app.clone().oneshot(request(method, "/a"));
            let response = asked.instrument(span).await.map_err(|_| ()).unwrap();
            let seen = || spans.0.lock().unwrap().len();
            eventually(|| seen() >= events).await;
            assert_eq!(
                *spans.0.lock().unwrap(),
                vec![Some("caller"); events],
                "{method}"
            );
            drop(response);
            spans.0.lock().unwrap().clear();
        }
    }
}

#[tokio::test]
async fn a_request_answered_from_memory_leaves_the_next_one_its_own_context() {
    let mut shop = Shop::new();
    shop.fill("/a", "old").await;
    let hit = shop.head(request("GET", "/a")).await.unwrap().unwrap();
    assert!(CacheContext::from_extensions(hit.extensions()).is_none());
    assert_eq!(read(hit).await.unwrap().text, "old");
    settle().await;
    assert_eq!(shop.cache.stats().hits, 1);
}
