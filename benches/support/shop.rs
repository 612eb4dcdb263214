//! A service with many responses, the layer around it, and the least that a cache could do.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "shared by benchmarks that use it in part"
)]

use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty, Full};
use std::convert::Infallible;
use std::hint::black_box;
use tokio::runtime::Runtime;
use tower::{Layer, Service, service_fn};
use tower_coherence::{Cache, CacheBody, Tag, Tags};

pub type Asked = Request<Empty<Bytes>>;

/// A response with status, five header fields and a body.
#[derive(Clone)]
pub struct Ready {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Ready {
    pub fn new(length: usize) -> Self {
        // Fresh whenever this runs, and as a handler makes them: values of its own.
        let now = httpdate::fmt_http_date(std::time::SystemTime::now());
        let length_text = length.to_string();
        let fields = [
            ("content-type", "application/json"),
            ("content-length", length_text.as_str()),
            ("cache-control", "max-age=86400"),
            ("etag", "\"5f3a-1024\""),
            ("date", now.as_str()),
        ];
        let field = |(name, value): (&'static str, &str)| {
            let value = HeaderValue::from_str(value).expect("it is a field value");
            (HeaderName::from_static(name), value)
        };
        Self {
            status: StatusCode::OK,
            headers: fields.into_iter().map(field).collect(),
            body: Bytes::from(vec![b'x'; length]),
        }
    }

    pub fn response(&self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(self.body.clone()));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers.clone();
        response
    }
}

/// A request as a client sends it, for the response of this number.
pub fn request(number: usize) -> Asked {
    let request = Request::get(format!("/products/{number}?page=2"));
    let request = request
        .header("host", "shop.example")
        .header("accept", "application/json")
        .header("user-agent", "bench")
        .body(Empty::new());
    request.expect("the request is well formed")
}

/// Calls a service that answers at the first poll.
pub fn call<S, X>(service: &mut S, request: Asked)
where
    S: Service<Asked, Response = Response<X>, Error = Infallible>,
{
    let answer = service.call(request).now_or_never();
    black_box(answer.expect("it answers at the first poll").ok());
}

/// The bare service: it clones a response that is ready, with so many tags of its own.
pub fn bare(
    length: usize,
    tags: usize,
) -> impl Service<Asked, Response = Response<Full<Bytes>>, Error = Infallible, Future = Answered>
+ Clone
+ Send
+ 'static {
    let ready = Ready::new(length);
    service_fn(move |request: Asked| {
        let mut response = ready.response();
        if tags > 0 {
            let path = request.uri().path();
            let names = (0..tags).map(|tag| Tag::new(format!("{path}-{tag}")));
            names.collect::<Tags>().add_to(response.extensions_mut());
        }
        std::future::ready(Ok::<_, Infallible>(response))
    })
}

type Answered = std::future::Ready<Result<Response<Full<Bytes>>, Infallible>>;

/// A cache with the responses to all numbers below `count` in memory, and the layer of it
/// around the bare service.
pub fn filled(
    runtime: &Runtime,
    count: usize,
    length: usize,
    tags: usize,
) -> (
    Cache,
    impl Service<Asked, Response = Response<CacheBody<Full<Bytes>>>, Error = Infallible>
    + Clone
    + Send
    + 'static,
) {
    let room = u64::try_from(count * (length + 8_000)).expect("it fits");
    let cache = Cache::builder().max_bytes(room).max_cells(40_000_000);
    let cache = cache.build().expect("the settings are possible");
    let mut layered = cache.layer().layer(bare(length, tags));
    runtime.block_on(async {
        for number in 0..count {
            let Ok(response) = layered.call(request(number)).await;
            let body = response.into_body().collect().await;
            body.expect("a body in memory is whole");
        }
    });
    let stored = cache.stats().entries;
    assert_eq!(stored, u64::try_from(count).expect("it fits"));
    (cache, layered)
}

/// A runtime with one thread, the caller's.
pub fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime can be made")
}
