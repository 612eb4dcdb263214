//! What is left of it behind a server?
//!
//! One axum server on the loopback device, asked over HTTP/1.1 and HTTP/2 by a hyper client
//! in the same process: a route that is answered from memory, one whose handler has the
//! same answer ready, and one whose handler takes a tenth of a millisecond to make it and has
//! no cache.
//!
//! ```text
//! cargo bench --bench end_to_end
//! ```
//!
//! Lines of `benches/README.md`: `end_to_end_h1`, `end_to_end_h2`.
#![allow(clippy::disallowed_methods, reason = "a benchmark measures real time")]

mod support;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use axum::routing::get;
use http::Uri;
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use support::rounds;
use support::shop::Ready;
use tower_coherence::Cache;

/// How long each route is asked in a round.
const TURN: Duration = Duration::from_millis(150);

/// How many requests are under way at once.
const CLIENTS: usize = 32;

type Asks = Client<HttpConnector, Body>;

fn answer(ready: &Ready) -> Response {
    ready.response().map(Body::new)
}

async fn serve(cache: &Cache) -> SocketAddr {
    let (one, two, three) = (Ready::new(1024), Ready::new(1024), Ready::new(1024));
    let cached = Router::new()
        .route("/hit", get(async move || answer(&one)))
        .layer(cache.layer());
    let slow = async move || {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_micros(100) {
            std::hint::spin_loop();
        }
        answer(&three)
    };
    let app = Router::new()
        .route("/static", get(async move || answer(&two)))
        .route("/none", get(slow))
        .merge(cached);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.expect("there is a free port");
    let address = listener.local_addr().expect("it is bound");
    tokio::task::spawn(async { axum::serve(listener, app).await });
    address
}

/// Requests a second to this route.
async fn rate(client: &Asks, server: SocketAddr, route: &str) -> f64 {
    let uri: Uri = format!("http://{server}/{route}")
        .parse()
        .expect("it is a URI");
    let begun = Instant::now();
    let clients = (0..CLIENTS).map(|_| {
        let (client, uri) = (client.clone(), uri.clone());
        tokio::task::spawn(async move {
            let mut asked = 0_u32;
            while begun.elapsed() < TURN {
                let response = client.get(uri.clone()).await.expect("the server answers");
                let body = response.into_body().collect().await;
                assert_eq!(body.expect("the body is whole").to_bytes().len(), 1024);
                asked += 1;
            }
            asked
        })
    });
    let mut asked = 0;
    for client in clients.collect::<Vec<_>>() {
        asked += client.await.expect("no client panics");
    }
    f64::from(asked) / begun.elapsed().as_secs_f64()
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime can be made");
    let cache = Cache::local();
    let server = runtime.block_on(serve(&cache));
    for (version, http2) in [("h1", false), ("h2", true)] {
        let mut builder = Client::builder(TokioExecutor::new());
        let client: Asks = builder.http2_only(http2).build_http();
        let names = [
            format!("end_to_end_{version}"),
            format!("end_to_end_{version}_to_no_cache"),
            format!("hits_a_second_{version}"),
        ];
        let names = names.each_ref().map(String::as_str);
        runtime.block_on(rate(&client, server, "hit"));
        rounds(names, || {
            runtime.block_on(async {
                let hits = rate(&client, server, "hit").await;
                let ready = rate(&client, server, "static").await;
                let none = rate(&client, server, "none").await;
                [hits / ready, hits / none, hits]
            })
        });
    }
    assert_eq!(cache.stats().fills, 1, "every timed request was a hit");
}
