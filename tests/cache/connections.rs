//! Under real servers: plain hyper and axum, both versions of HTTP, and what is
//! more than a request and a response.

use crate::support::Runs;
use crate::wire::{Boxed, Came, Server, echo, echoes};
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, Response, StatusCode, header};
use axum::{Router, extract};
use bytes::Bytes;
use futures_util::StreamExt;
use http_body::Frame;
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use hyper::body::Incoming;
use std::convert::Infallible;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tower::{ServiceBuilder, service_fn};
use tower_coherence::Cache;

/// A path as HTTP/1.1 asks for it, and as HTTP/2 does.
fn asks(method: &Method, path: &str) -> [Request<Empty<Bytes>>; 2] {
    let request = || Request::builder().method(method);
    let first = request().uri(path).header("host", "shop.example:80");
    let second = request().uri(format!("http://Shop.example{path}"));
    [first, second].map(|request| request.body(Empty::new()).unwrap())
}

/// What both versions get, each asked this often.
async fn both(server: &Server, method: &Method, path: &str, times: usize) -> Vec<Came> {
    let (mut first, mut second) = (server.http1().await, server.http2().await);
    let mut came = Vec::new();
    for _ in 0..times {
        let [one, two] = asks(method, path);
        came.push(Came::whole(first.send_request(one).await.unwrap()).await);
        came.push(Came::whole(second.send_request(two).await.unwrap()).await);
    }
    came
}

async fn is_one_entry_for_both_versions(server: Server, cache: Cache) {
    for came in both(&server, &Method::GET, "/a?b", 3).await {
        assert_eq!((came.status, came.body), (200, Bytes::from("run 1")));
        assert_eq!(came.headers.get_all("date").iter().count(), 1);
        assert_eq!(came.headers["content-length"], "5");
    }
    assert_eq!((cache.stats().fills, cache.stats().hits), (1, 5));
    for came in both(&server, &Method::HEAD, "/a?b", 2).await {
        assert_eq!((came.status, came.body), (200, Bytes::new()));
        assert_eq!(came.headers["content-length"], "5");
        assert_eq!(came.headers["age"], "0");
    }
    both(&server, &Method::PUT, "/a", 1).await;
    for came in both(&server, &Method::GET, "/a?b", 2).await {
        assert_eq!(came.body, Bytes::from("run 4"));
    }
}

#[tokio::test]
async fn plain_hyper_serves_one_entry_to_both_versions_of_http() {
    let (cache, runs) = (Cache::local(), Runs::default());
    let service = ServiceBuilder::new()
        .map_request(|request: Request<Incoming>| request.map(BodyExt::boxed_unsync))
        .layer(cache.layer())
        .service(service_fn(move |_: Request<Boxed>| {
            let body = Full::from(format!("run {}", runs.next()));
            let response = Response::builder().header("cache-control", "max-age=60");
            async move { Ok::<_, Infallible>(response.body(body).unwrap()) }
        }));
    is_one_entry_for_both_versions(Server::hyper(service).await, cache).await;
}

#[tokio::test]
async fn axum_serves_one_entry_to_both_versions_of_http() {
    let (cache, runs) = (Cache::local(), Runs::default());
    let show = move || async move {
        let text = format!("run {}", runs.next());
        ([(header::CACHE_CONTROL, "max-age=60")], text)
    };
    let app = Router::new().fallback(show).layer(cache.layer());
    is_one_entry_for_both_versions(Server::axum(app).await, cache).await;
}

/// What both versions get for a GET of `/a` with this field.
async fn both_with(server: &Server, name: &'static str, value: &'static str) -> [Came; 2] {
    let (mut first, mut second) = (server.http1().await, server.http2().await);
    let [one, two] = asks(&Method::GET, "/a").map(|mut request| {
        let value = header::HeaderValue::from_static(value);
        request.headers_mut().insert(name, value);
        request
    });
    [
        Came::whole(first.send_request(one).await.unwrap()).await,
        Came::whole(second.send_request(two).await.unwrap()).await,
    ]
}

async fn is_less_than_the_whole_in_both_versions(server: Server) {
    both(&server, &Method::GET, "/a", 1).await;
    for came in both_with(&server, "if-none-match", "*").await {
        assert_eq!((came.status, came.body), (304, Bytes::new()));
        // `0` would be wrong: it is that of the 200 or none (RFC 9110 §8.6).
        assert_eq!(came.headers.get("content-length"), None);
        assert_eq!(came.headers["age"], "0");
    }
    for came in both_with(&server, "range", "bytes=1-2").await {
        assert_eq!((came.status, came.body), (206, Bytes::from("ex")));
        assert_eq!(came.headers["content-length"], "2");
        assert_eq!(came.headers["content-range"], "bytes 1-2/4");
    }
    for came in both_with(&server, "range", "bytes=4-").await {
        assert_eq!((came.status, came.body), (416, Bytes::new()));
        assert_eq!(came.headers["content-range"], "bytes */4");
    }
}

#[tokio::test]
async fn plain_hyper_sends_less_than_the_whole_in_both_versions_of_http() {
    let cache = Cache::local();
    let service = ServiceBuilder::new()
        .map_request(|request: Request<Incoming>| request.map(BodyExt::boxed_unsync))
        .layer(cache.layer())
        .service(service_fn(|_: Request<Boxed>| async {
            let response = Response::builder().header("cache-control", "max-age=60");
            Ok::<_, Infallible>(response.body(Full::<Bytes>::from("text")).unwrap())
        }));
    is_less_than_the_whole_in_both_versions(Server::hyper(service).await).await;
}

#[tokio::test]
async fn axum_sends_less_than_the_whole_in_both_versions_of_http() {
    let show = || async { ([(header::CACHE_CONTROL, "max-age=60")], "text") };
    let app = Router::new().fallback(show).layer(Cache::local().layer());
    is_less_than_the_whole_in_both_versions(Server::axum(app).await).await;
}

#[tokio::test]
async fn a_long_body_in_pieces_with_trailers_is_the_same_from_memory() {
    let cache = Cache::local();
    let show = || async {
        let pieces = (0..100_u8).map(|byte| Frame::data(Bytes::from(vec![byte; 5000])));
        let trailers = HeaderMap::from_iter([(header::ETAG, "\"sum\"".parse().unwrap())]);
        let frames = pieces.chain([Frame::trailers(trailers)]);
        let frames = tokio_stream::iter(frames.map(Ok::<_, Infallible>));
        let fields = [("cache-control", "max-age=60"), ("trailer", "etag")];
        (fields, Body::new(StreamBody::new(frames)))
    };
    let app = Router::new().fallback(show).layer(cache.layer());
    let server = Server::axum(app).await;
    let mut sender = server.http2().await;
    let expected: Vec<u8> = (0..100_u8).flat_map(|byte| vec![byte; 5000]).collect();
    for _ in 0..3 {
        let [_, request] = asks(&Method::GET, "/a");
        let came = Came::whole(sender.send_request(request).await.unwrap()).await;
        assert!(came.body == expected);
        assert_eq!(came.trailers.unwrap()["etag"], "\"sum\"");
    }
    assert_eq!((cache.stats().fills, cache.stats().hits), (1, 2));
    // Without the trailers HTTP/1.1 gets the same bytes.
    for came in both(&server, &Method::GET, "/a", 1).await {
        assert!(came.body == expected);
    }
}

#[tokio::test]
async fn an_upgraded_connection_passes() {
    let cache = Cache::local();
    let upgrade = |mut request: extract::Request| async move {
        Handle::current().spawn(echo(hyper::upgrade::on(&mut request)));
        let fields = [
            ("connection", "upgrade"),
            ("upgrade", "echo"),
            ("cache-control", "max-age=60"),
        ];
        (StatusCode::SWITCHING_PROTOCOLS, fields)
    };
    let app = Router::new().fallback(upgrade).layer(cache.layer());
    let server = Server::axum(app).await;
    for _ in 0..2 {
        let [mut request, _] = asks(&Method::GET, "/socket");
        let headers = request.headers_mut();
        headers.insert("connection", "Upgrade".parse().unwrap());
        headers.insert("upgrade", "echo".parse().unwrap());
        let response = server.http1().await.send_request(request).await.unwrap();
        assert_eq!(response.status(), 101);
        assert!(echoes(response).await);
    }
    let stats = cache.stats();
    assert_eq!((stats.fills, stats.writes, stats.stored), (0, 0, 0));
}

#[tokio::test]
async fn a_tunnel_passes() {
    let cache = Cache::local();
    let service = ServiceBuilder::new()
        .map_request(|request: Request<Incoming>| request.map(BodyExt::boxed_unsync))
        .layer(cache.layer())
        .service(service_fn(|mut request: Request<Boxed>| {
            assert_eq!(request.uri(), "far.example:443");
            Handle::current().spawn(echo(hyper::upgrade::on(&mut request)));
            async { Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new())) }
        }));
    let server = Server::hyper(service).await;
    let request = Request::connect("far.example:443").body(Empty::new());
    let mut sender = server.http1().await;
    let response = sender.send_request(request.unwrap()).await.unwrap();
    assert!(echoes(response).await);
    let stats = cache.stats();
    // What is invalidated is everything, once, at the start.
    assert_eq!((stats.fills, stats.writes, stats.invalidations), (0, 0, 1));
}

type Events = mpsc::UnboundedSender<Result<Frame<Bytes>, Infallible>>;

/// A server of events: each request hands its sender to the test.
async fn event_source(cache: &Cache) -> (Server, mpsc::UnboundedReceiver<Events>) {
    let (begun, sources) = mpsc::unbounded_channel();
    let events = move || {
        let (sender, events) = mpsc::unbounded_channel();
        begun.send(sender).unwrap();
        let body = StreamBody::new(UnboundedReceiverStream::new(events));
        let fields = [
            ("content-type", "text/event-stream"),
            ("cache-control", "max-age=60"),
        ];
        async move { (fields, Body::new(body)) }
    };
    let app = Router::new().fallback(events).layer(cache.layer());
    (Server::axum(app).await, sources)
}

#[tokio::test]
async fn events_reach_their_clients_one_by_one_and_end_with_them() {
    let cache = Cache::local();
    let (server, mut sources) = event_source(&cache).await;
    let [request, _] = asks(&Method::GET, "/events");
    let (mut first, mut second) = (server.http1().await, server.http1().await);
    let one = first.send_request(request.clone()).await.unwrap();
    let two = second.send_request(request).await.unwrap();
    let sources = [sources.recv().await.unwrap(), sources.recv().await.unwrap()];
    let mut clients = [one, two].map(|response| response.into_body().into_data_stream());
    for (number, (source, client)) in sources.iter().zip(&mut clients).enumerate() {
        for event in 0..3 {
            let text = Bytes::from(format!("data: {number} {event}\n\n"));
            source.send(Ok(Frame::data(text.clone()))).unwrap();
            assert_eq!(client.next().await.unwrap().unwrap(), text);
        }
    }
    drop((clients, first, second));
    for source in sources {
        source.closed().await;
    }
    assert_eq!(cache.stats().stored, 0);
    assert_eq!(cache.stats().refusals["event-stream"], 2);
}
