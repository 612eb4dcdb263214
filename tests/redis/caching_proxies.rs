//! Two processes of the example `caching_proxy` in front of one origin, over a real Redis.

use crate::caching_proxy::CachingProxy;
use crate::shop::spawn;
use crate::support::eventually::eventually;
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

/// The main job, by processes that others would run.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_through_one_proxy_is_fresh_through_the_other() {
    let (server, origin) = (RedisServer::start(&[]), Origin::start().await);
    let url = server.url();
    let start = || CachingProxy::start(origin.address, &["--redis", &url]);
    let (a, b) = (start(), start());
    for version in 1..=5_u64 {
        // Until A has a proof and answers from memory.
        eventually("A answers from memory", PATIENCE, async || {
            ask(&a, "GET").await;
            let before = origin.reads.load(Ordering::SeqCst);
            ask(&a, "GET").await;
            (origin.reads.load(Ordering::SeqCst) == before).then_some(())
        })
        .await;
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
