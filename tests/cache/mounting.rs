//! One application, mounted in every way that axum and tower have: equal keys, equal hits,
//! equal invalidations.

use crate::support::{Answer, Runs, get, request, send};
use axum::Router;
use axum::body::Body;
use axum::response::Response;
use axum::routing::{MethodRouter, get as route};
use std::convert::Infallible;
use std::time::Duration;
use tower::{Layer, service_fn};
use tower_coherence::policy::{OwnPath, WritePolicy};
use tower_coherence::{Cache, Policy, RouteTable};

/// What stands at `/shop/{id}`, and what may be mounted.
struct Shop {
    cache: Cache,
    runs: Runs,
}

impl Shop {
    fn new() -> Self {
        let tag = ["product:{id:int}"];
        let writes = WritePolicy::new().own_path(OwnPath::Off).tags(tag);
        let table = RouteTable::builder()
            .read(
                "/shop/{id}",
                Policy::lifetime(Duration::from_secs(60)).tags(tag),
            )
            .write("/shop/{id}", writes);
        let cache = Cache::builder().routes(table.build().unwrap());
        Self {
            cache: cache.build().unwrap(),
            runs: Runs::default(),
        }
    }

    fn handler(&self) -> MethodRouter {
        let runs = self.runs.clone();
        route(move || async move { format!("run {}", runs.next()) }).put(|| async { "done" })
    }

    /// The application without a cache.
    fn plain(&self) -> Router {
        Router::new().route("/shop/{id}", self.handler())
    }

    fn nested(&self) -> Router {
        Router::new().route("/{id}", self.handler())
    }

    fn mounted(&self) -> Vec<(&'static str, Router)> {
        let layer = || self.cache.layer();
        let runs = self.runs.clone();
        let service = service_fn(move |request: axum::extract::Request| {
            let run = (request.method() == "GET").then(|| runs.next());
            let text = run.map_or("done".to_owned(), |run| format!("run {run}"));
            async move { Ok::<_, Infallible>(Response::new(Body::from(text))) }
        });
        let around = layer().layer(self.plain());
        vec![
            ("layer", self.plain().layer(layer())),
            ("route_layer", self.plain().route_layer(layer())),
            (
                "method router",
                Router::new().route("/shop/{id}", self.handler().layer(layer())),
            ),
            (
                "inside a nest",
                Router::new().nest("/shop", self.nested().layer(layer())),
            ),
            (
                "around a nest",
                Router::new().nest("/shop", self.nested()).layer(layer()),
            ),
            (
                "fallback",
                Router::new()
                    .fallback_service(self.handler())
                    .layer(layer()),
            ),
            ("around the router", Router::new().fallback_service(around)),
            (
                "plain service",
                Router::new().fallback_service(layer().layer(service)),
            ),
        ]
    }
}

async fn body(app: &Router, uri: &str) -> String {
    get(app, uri).await.body
}

async fn put(app: &Router, uri: &str) -> Answer {
    send(app, request("PUT", uri)).await
}

#[tokio::test]
async fn what_one_fills_all_answer_from_memory() {
    let shop = Shop::new();
    let all = shop.mounted();
    for (number, (name, filler)) in all.iter().enumerate() {
        let uri = format!("/shop/{number}?page=1");
        let first = body(filler, &uri).await;
        for (other, app) in &all {
            assert_eq!(body(app, &uri).await, first, "{name} for {other}");
        }
    }
    assert_eq!(shop.runs.count(), all.len() as u64);
    let hits = (all.len() * all.len()) as u64;
    assert_eq!(shop.cache.stats().hits, hits);
}

#[tokio::test]
async fn what_one_writes_is_stale_for_all_and_nothing_else_is() {
    let shop = Shop::new();
    let all = shop.mounted();
    for (name, writer) in &all {
        for (other, reader) in &all {
            let (old, kept) = (
                body(reader, "/shop/042").await,
                body(reader, "/shop/7").await,
            );
            assert_eq!(put(writer, "/shop/42").await.body, "done");
            assert_ne!(body(reader, "/shop/042").await, old, "{name} for {other}");
            assert_eq!(body(reader, "/shop/7").await, kept, "{name} for {other}");
        }
    }
}

#[tokio::test]
async fn of_two_layers_on_a_request_the_outer_one_decides() {
    let shop = Shop::new();
    let inner = shop.plain().layer(shop.cache.layer());
    let twice = inner.layer(shop.cache.layer());
    for _ in 0..2 {
        assert_eq!(body(&twice, "/shop/7").await, "run 1");
    }
    let before = shop.cache.stats();
    assert_eq!((before.misses.values().sum::<u64>(), before.hits), (1, 1));
    put(&twice, "/shop/7").await;
    let after = shop.cache.stats();
    assert_eq!(after.invalidations - before.invalidations, 1);
    assert_eq!(after.writes, 1);
    assert_eq!(body(&twice, "/shop/7").await, "run 2");
    // An outer one without the table passes all of it by.
    let bypassing = shop.cache.layer().policy(Policy::bypass());
    let outer = shop.plain().layer(shop.cache.layer()).layer(bypassing);
    assert_eq!(body(&outer, "/shop/7").await, "run 3");
}
