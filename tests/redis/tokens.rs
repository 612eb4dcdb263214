//! P4 while the bus of an instance is slow, cut off or wiped (F47).

use crate::shop::{BOUND, Database, Instance, now};
use crate::support::eventually::eventually;
use crate::support::proxy::{Flow, Proxy};
use crate::support::redis_server::RedisServer;
use axum::body::Body;
use axum::http::{HeaderName, Request, Response};
use http_body_util::BodyExt;
use std::time::Duration;
use tower::ServiceExt;
use tower_coherence::bus::Redis;
use tower_coherence::{Cache, Policy};

const HEADER: &str = "x-wrote";

/// As those of the shop, and with tokens.
fn start(url: &str, database: &Database) -> Instance {
    let patience = Duration::from_millis(250);
    let redis = Redis::new(url, "shop").unwrap();
    let cache = Cache::builder()
        .bus(redis.connect_timeout(patience).reply_timeout(patience))
        .staleness_bound(BOUND)
        .token_header(HeaderName::from_static(HEADER))
        .build()
        .unwrap();
    let policy = Policy::lifetime(Duration::from_secs(600));
    Instance::around(cache, policy, database)
}

async fn ask(instance: &Instance, method: &str, token: Option<&str>) -> Response<String> {
    let mut request = Request::builder().method(method).uri("/item/1");
    request = request.header("host", "shop");
    if let Some(token) = token {
        request = request.header(HEADER, token);
    }
    let request = request.body(Body::empty()).unwrap();
    let Ok(response) = instance.app.clone().oneshot(request).await;
    assert_eq!(response.status(), 200);
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let body = String::from_utf8(body.to_vec()).unwrap();
    Response::from_parts(parts, body)
}

/// A write, its version and its token.
async fn write(instance: &Instance) -> (u64, String) {
    let response = ask(instance, "PUT", None).await;
    let token = response.headers().get(HEADER).expect("a token");
    let token = token.to_str().unwrap().to_owned();
    (response.body().parse().unwrap(), token)
}

/// The version that the bearer of the token is answered with.
async fn read(instance: &Instance, token: &str) -> u64 {
    let response = ask(instance, "GET", Some(token)).await;
    response.body().parse().unwrap()
}

async fn behind(database: &Database) -> (RedisServer, Proxy, [Instance; 2]) {
    let server = RedisServer::start(&[]);
    let proxy = Proxy::start(server.port()).await;
    let pair = [
        start(&server.url(), database),
        start(&proxy.url(), database),
    ];
    for instance in &pair {
        instance.coherent().await;
    }
    (server, proxy, pair)
}

fn bypasses(instance: &Instance) -> u64 {
    let bypasses = instance.cache.stats().bypasses;
    bypasses.get("token").copied().unwrap_or_default()
}

/// Until the bearer is answered from memory.
async fn satisfied(instance: &Instance, token: &str, version: u64) {
    eventually("a hit with the token", BOUND * 20, async || {
        let before = instance.cache.stats().hits;
        assert_eq!(read(instance, token).await, version);
        (instance.cache.stats().hits > before).then_some(())
    })
    .await;
}

#[tokio::test]
async fn with_the_token_an_instance_whose_bus_is_slow_answers_nothing_older() {
    let database = Database::default();
    let (_server, proxy, [a, b]) = behind(&database).await;
    for flow in [Flow::Delay(Duration::from_secs(2)), Flow::BlackHole] {
        b.coherent().await;
        b.warm("1").await;
        proxy.to_client(flow);
        let (version, token) = write(&a).await;
        let accepted = now();
        // As long as B may serve what it has: without the token, and for a while.
        while now().duration_since(accepted) < BOUND * 2 {
            assert_eq!(read(&b, &token).await, version);
            let asked = now();
            let got = b.get("1").await;
            assert!(got.version == version || asked.duration_since(accepted) <= BOUND);
        }
        assert!(bypasses(&b) > 0);
        proxy.to_client(Flow::Pass);
        proxy.cut();
    }
}

#[tokio::test]
async fn with_the_token_the_next_answer_of_a_healthy_instance_is_fresh_and_soon_from_memory() {
    let database = Database::default();
    let (_server, _proxy, [a, b]) = behind(&database).await;
    for _ in 0..20 {
        b.warm("1").await;
        let (version, token) = write(&a).await;
        assert_eq!(read(&b, &token).await, version);
        satisfied(&b, &token, version).await;
        satisfied(&a, &token, version).await;
    }
}

#[tokio::test]
async fn a_token_of_a_history_that_was_wiped_is_answered_past_the_memory_or_fresh() {
    let database = Database::default();
    let (server, proxy, [a, b]) = behind(&database).await;
    b.warm("1").await;
    proxy.to_client(Flow::BlackHole);
    let (version, token) = write(&a).await;
    server.cli(&["FLUSHALL"]);
    proxy.to_client(Flow::Pass);
    proxy.cut();
    for _ in 0..50 {
        assert_eq!(read(&b, &token).await, version);
    }
    let (version, token) = write(&a).await;
    b.coherent().await;
    assert_eq!(read(&b, &token).await, version);
    satisfied(&b, &token, version).await;
}

#[tokio::test]
async fn with_the_bus_dead_a_token_costs_no_wait_and_no_error() {
    let database = Database::default();
    let (mut server, _proxy, [a, b]) = behind(&database).await;
    b.warm("1").await;
    server.kill();
    let (version, token) = write(&a).await;
    assert!(token.starts_with('h'), "{token}");
    for _ in 0..50 {
        assert_eq!(read(&b, &token).await, version);
        assert_eq!(read(&a, &token).await, version);
    }
    assert!(bypasses(&b) >= 50 && bypasses(&a) == 0);
}
