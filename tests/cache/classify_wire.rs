//! Requests by POST that read, over real connections: where the length of the content is
//! known before, and where it is not.

use crate::classify::{minutely, router};
use crate::support::Runs;
use crate::wire::{Boxed, Server};
use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use std::convert::Infallible;
use tower::{ServiceBuilder, service_fn};
use tower_coherence::Cache;

type Sender = Client<HttpConnector, Body>;

async fn post(client: &Sender, server: &Server, body: Body) -> String {
    let uri = format!("http://{}/a", server.address);
    let request = Request::post(uri).body(body).unwrap();
    let response = client.request(request).await.unwrap();
    let body = response.into_body().collect().await.unwrap();
    String::from_utf8(body.to_bytes().to_vec()).unwrap()
}

/// What is sent without a length.
fn streamed(text: &'static str) -> Body {
    let pieces = text.as_bytes().chunks(3).map(Ok::<_, Infallible>);
    Body::from_stream(tokio_stream::iter(pieces.collect::<Vec<_>>()))
}

async fn is_read_by_its_length(server: Server, cache: Cache) {
    let first = Client::builder(TokioExecutor::new()).build_http();
    let second = Client::builder(TokioExecutor::new())
        .http2_only(true)
        .build_http();
    for (run, client) in [(1, &first), (3, &second)] {
        for client in [&first, &second, &first] {
            let read = post(client, &server, Body::from("read:one")).await;
            assert_eq!(read, format!("{run} POST read:one"));
        }
        // Nobody can know that it reads.
        let unread = post(client, &server, streamed("read:one")).await;
        assert_eq!(unread, format!("{} POST read:one", run + 1));
    }
    let stats = cache.stats();
    assert_eq!((stats.writes, stats.bypasses["unread-content"]), (2, 2));
}

#[tokio::test]
async fn axum_reads_a_post_whose_length_is_known_by_both_versions_of_http() {
    let cache = Cache::local();
    let layer = cache.layer().policy(minutely()).replay(Body::from);
    let (router, _) = router();
    is_read_by_its_length(Server::axum(router.layer(layer)).await, cache).await;
}

#[tokio::test]
async fn plain_hyper_reads_a_post_whose_length_is_known_by_both_versions_of_http() {
    fn boxed(content: Bytes) -> Boxed {
        let never = |never: Infallible| match never {};
        Full::new(content).map_err(never).boxed_unsync()
    }
    let (cache, runs) = (Cache::local(), Runs::default());
    let service = ServiceBuilder::new()
        .map_request(|request: Request<Incoming>| request.map(BodyExt::boxed_unsync))
        .layer(cache.layer().policy(minutely()).replay(boxed))
        .service(service_fn(move |request: Request<Boxed>| {
            let run = runs.next();
            async move {
                let content = request.into_body().collect().await.unwrap().to_bytes();
                let text = std::str::from_utf8(&content).unwrap();
                let body = Full::from(format!("{run} POST {text}"));
                Ok::<_, Infallible>(Response::new(body))
            }
        }));
    is_read_by_its_length(Server::hyper(service).await, cache).await;
}
