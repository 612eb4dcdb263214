//! What does a hit cost?
//!
//! Against the least that a cache could do (moka's `get` of an `Arc`, and a clone
//! of status, five header fields and body), and against what the layer saves its
//! caller: here the cheapest service there can be, which only clones a ready-made
//! response. The three take turns in each round, so that what else the machine
//! does meets all of them; the medians over the rounds are printed.
//!
//! ```text
//! cargo bench --bench hit
//! ```
#![allow(clippy::disallowed_methods, reason = "a benchmark measures real time")]

use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty, Full};
use std::convert::Infallible;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tower::{Layer, Service, service_fn};
use tower_coherence::Cache;

const ROUNDS: usize = 31;

/// How long each of the three is timed in a round.
const TURN: Duration = Duration::from_millis(5);

/// Requests are made before they are timed, this many at once.
const BATCH: usize = 500;

/// A response with status, five header fields and a body of 1 KiB.
#[derive(Clone)]
struct Ready {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Ready {
    fn new() -> Self {
        let fields = [
            ("content-type", "application/json"),
            ("content-length", "1024"),
            ("cache-control", "max-age=3600"),
            ("etag", "\"5f3a-1024\""),
            ("date", "Tue, 24 Nov 2026 08:00:00 GMT"),
        ];
        let field = |(name, value)| {
            let name = HeaderName::from_static(name);
            (name, HeaderValue::from_static(value))
        };
        let mut headers: HeaderMap = fields.into_iter().map(field).collect();
        // Fresh whenever this runs.
        let now = httpdate::fmt_http_date(std::time::SystemTime::now());
        headers.insert("date", now.parse().expect("a date is a field value"));
        Self {
            status: StatusCode::OK,
            headers,
            body: Bytes::from(vec![b'x'; 1024]),
        }
    }

    fn response(&self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(self.body.clone()));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers.clone();
        response
    }
}

fn request() -> Request<Empty<Bytes>> {
    let request = Request::get("/products/7?page=2").header("host", "shop.example");
    let request = request
        .header("accept", "application/json")
        .header("user-agent", "bench")
        .body(Empty::new());
    request.expect("the request is well formed")
}

/// Nanoseconds for one run of `step` on each of the things that `make` makes.
fn time<T>(make: impl Fn() -> T, mut step: impl FnMut(T)) -> f64 {
    let (mut spent, mut steps) = (Duration::ZERO, 0_u32);
    while spent < TURN {
        let mut batch = Vec::with_capacity(BATCH);
        batch.resize_with(BATCH, &make);
        let begun = Instant::now();
        for thing in batch.drain(..) {
            step(thing);
            steps += 1;
        }
        spent += begun.elapsed();
    }
    spent.as_secs_f64() * 1e9 / f64::from(steps)
}

/// Calls a service that answers at the first poll.
fn call<S, X>(service: &mut S, request: Request<Empty<Bytes>>)
where
    S: Service<Request<Empty<Bytes>>, Response = Response<X>, Error = Infallible>,
{
    let answer = service.call(request).now_or_never();
    black_box(answer.expect("it answers at the first poll").ok());
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime can be made");
    let _inside = runtime.enter();
    let ready = Ready::new();

    let answers = ready.clone();
    let mut inner = service_fn(move |_: Request<Empty<Bytes>>| {
        std::future::ready(Ok::<_, Infallible>(answers.response()))
    });

    let cache = Cache::local();
    let mut layered = cache.layer().layer(inner.clone());
    runtime.block_on(async {
        let Ok(response) = layered.call(request()).await;
        let body = response.into_body().collect().await;
        body.expect("a body in memory is whole");
    });

    let moka = moka::sync::Cache::new(10_000);
    moka.insert(7_u64, Arc::new(ready));

    let mut turns: [Vec<f64>; 3] = Default::default();
    for _ in 0..ROUNDS {
        turns[0].push(time(request, |request| call(&mut layered, request)));
        turns[1].push(time(request, |request| call(&mut inner, request)));
        let get = |key: u64| {
            let found: Option<Arc<Ready>> = moka.get(&key);
            black_box(found.map(|found| Ready::clone(&found)));
        };
        turns[2].push(time(|| black_box(7), get));
    }

    let stats = cache.stats();
    assert_eq!(stats.fills, 1, "every timed request was a hit");
    let [hit, inner, moka] = turns.map(median);
    println!("rounds: {ROUNDS}");
    println!("hits: {}", stats.hits);
    println!("hit_ns: {hit:.0}");
    println!("inner_ns: {inner:.0}");
    println!("moka_get_and_clone_ns: {moka:.0}");
    println!("hit_to_inner: {:.2}", hit / inner);
    println!("hit_to_moka: {:.2}", hit / moka);
}
