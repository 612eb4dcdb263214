//! The cache around a plain hyper service, without a framework.
//!
//! ```text
//! cargo run --example hyper_service            # or: -- 127.0.0.1:8080
//! curl -i http://127.0.0.1:3000/now            # twice: the second has an `Age`
//! curl -X PUT http://127.0.0.1:3000/now        # and the next GET is new
//! ```
#![allow(
    clippy::disallowed_methods,
    reason = "an example owns its tasks until it ends"
)]

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::net::TcpListener;
use tower::{ServiceBuilder, service_fn};
use tower_coherence::Cache;

static RUNS: AtomicU64 = AtomicU64::new(0);

async fn handle(
    request: Request<UnsyncBoxBody<Bytes, hyper::Error>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let run = RUNS.fetch_add(1, Ordering::SeqCst) + 1;
    let text = format!("{} {}, run {run}\n", request.method(), request.uri().path());
    let response = Response::builder().header("cache-control", "max-age=60");
    Ok(response.body(text.into()).unwrap_or_default())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1);
    let address = address.as_deref().unwrap_or("127.0.0.1:3000");
    let listener = TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    let service = ServiceBuilder::new()
        // `Incoming` has no empty form, which the cache needs for its own requests.
        .map_request(|request: Request<Incoming>| request.map(BodyExt::boxed_unsync))
        .layer(Cache::local().layer())
        .service(service_fn(handle));
    loop {
        let (stream, _) = listener.accept().await?;
        let service = TowerToHyperService::new(service.clone());
        tokio::spawn(async move {
            let builder = Builder::new(TokioExecutor::new());
            let connection = builder.serve_connection(TokioIo::new(stream), service);
            if let Err(error) = connection.await {
                eprintln!("{error}");
            }
        });
    }
}
