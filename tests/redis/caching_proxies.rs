//! Two processes of the example `caching_proxy` in front of one origin, over a real Redis.

use crate::caching_proxy::CachingProxy;
use crate::shop::spawn;
use crate::support::eventually::eventually;
use crate::support::moment::Moment;
use crate::support::redis_server::RedisServer;
use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;

const PATIENCE: Duration = Duration::from_secs(20);

/// The proxy leaves it at the default.
const BOUND: Duration = Duration::from_secs(3);

/// A register behind HTTP: each PUT makes it one more.
struct Origin {
    address: SocketAddr,
    version: Arc<AtomicU64>,
    reads: Arc<AtomicU64>,
}

impl Origin {
    async fn start() -> Self {
        let (version, reads) = (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
        let (seen, count) = (version.clone(), reads.clone());
        let read = move |Path(_): Path<String>| async move {
            count.fetch_add(1, Ordering::SeqCst);
            let text = seen.load(Ordering::SeqCst).to_string();
            ([("cache-control", "max-age=600")], text)
        };
        let write = version.clone();
        let write = move |Path(_): Path<String>| async move {
            write.fetch_add(1, Ordering::SeqCst);
        };
        let app = Router::new().route("/item/{id}", get(read).put(write));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        spawn(async move { axum::serve(listener, app).await });
        Self {
            address,
            version,
            reads,
        }
    }
}

/// The status and the text of an answer. Both proxies are asked for one host.
async fn ask(proxy: &CachingProxy, method: &str) -> (u16, String) {
    let client = Client::builder(TokioExecutor::new()).build(HttpConnector::new());
    let request = http::Request::builder()
        .method(method)
        .uri(format!("http://{}/item/1", proxy.address()))
        .header("host", "shop.example")
        .body(Empty::<bytes::Bytes>::new())
        .unwrap();
    let answer = client.request(request).await.unwrap();
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

/// Asks until an answer comes from memory, and returns its text.
async fn warm(proxy: &CachingProxy, origin: &Origin) -> String {
    eventually("an answer from memory", PATIENCE, async || {
        let before = origin.reads.load(Ordering::SeqCst);
        let (_, text) = ask(proxy, "GET").await;
        (origin.reads.load(Ordering::SeqCst) == before).then_some(text)
    })
    .await
}

/// The main job, by processes that others would run.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_through_one_proxy_is_fresh_through_the_other() {
    let (server, origin) = (RedisServer::start(&[]), Origin::start().await);
    let url = server.url();
    let start = || CachingProxy::start(origin.address, &["--redis", &url]);
    let (a, b) = (start(), start());
    for version in 1..=5_u64 {
        // Until A has a proof and answers from memory.
        warm(&a, &origin).await;
        assert_eq!(ask(&b, "PUT").await.0, 200);
        assert_eq!(origin.version.load(Ordering::SeqCst), version);
        let expected = (200, version.to_string());
        assert_eq!(ask(&b, "GET").await, expected, "P2");
        eventually("A is fresh", PATIENCE, async || {
            (ask(&a, "GET").await == expected).then_some(())
        })
        .await;
    }
    // It took a ring, and not the end of a lifetime.
    for proxy in [a, b] {
        proxy.terminate();
        let (well, last) = proxy.end();
        assert!(well && last.contains("invalidations"), "{last}");
    }
}

#[tokio::test]
async fn proxies_of_another_namespace_do_not_hear_of_a_write() {
    let (server, origin) = (RedisServer::start(&[]), Origin::start().await);
    let url = server.url();
    let start = |more: &[&str]| {
        let bus = ["--redis", &url];
        CachingProxy::start(origin.address, &[&bus, more].concat())
    };
    let (a, b, stranger) = (start(&[]), start(&[]), start(&["--namespace", "other"]));
    for proxy in [&a, &stranger] {
        assert_eq!(warm(proxy, &origin).await, "0");
    }
    ask(&b, "PUT").await;
    eventually("A is fresh", PATIENCE, async || {
        (ask(&a, "GET").await.1 == "1").then_some(())
    })
    .await;
    assert_eq!(ask(&stranger, "GET").await.1, "0");
}

/// The origin changes behind its back. While it hears the bus it keeps what it has for ten
/// minutes; without, what it fetched within the bound may answer and nothing older.
#[tokio::test]
async fn a_proxy_whose_redis_is_gone_serves_nothing_older_than_the_bound() {
    let (mut server, origin) = (RedisServer::start(&[]), Origin::start().await);
    let proxy = CachingProxy::start(origin.address, &["--redis", &server.url()]);
    warm(&proxy, &origin).await;
    server.kill();
    origin.version.store(1, Ordering::SeqCst);
    let changed = Moment::now();
    eventually("what the origin has", PATIENCE, async || {
        let asked = Moment::now();
        let is_new = ask(&proxy, "GET").await.1 == "1";
        assert!(is_new || asked.since(changed) <= BOUND);
        is_new.then_some(())
    })
    .await;
    // Writes go on.
    assert_eq!(ask(&proxy, "PUT").await.0, 200);
    assert_eq!(ask(&proxy, "GET").await.1, "2");
    server.restart();
    assert_eq!(warm(&proxy, &origin).await, "2");
}
