//! What does the layer add to a miss?
//!
//! The service behind it spins for a millisecond; each request is for another key, and its
//! response is stored. What the layer adds is told as a part of that millisecond.
//!
//! ```text
//! cargo bench --bench miss
//! ```
//!
//! Line of `benches/README.md`: `miss_overhead`.
#![allow(clippy::disallowed_methods, reason = "a benchmark measures real time")]

mod support;

use bytes::Bytes;
use http::Response;
use http_body_util::{BodyExt, Full};
use std::convert::Infallible;
use std::time::{Duration, Instant};
use support::rounds;
use support::shop::{self, Asked, Ready, request};
use tower::{Layer, Service, service_fn};
use tower_coherence::Cache;

const WORK: Duration = Duration::from_millis(1);

/// How many requests a turn has.
const MISSES: usize = 20;

/// Seconds for each of the requests, with the reading of the body.
async fn time<S, X>(service: &mut S, next: &mut usize) -> f64
where
    S: Service<Asked, Response = Response<X>, Error = Infallible>,
    X: http_body::Body,
{
    let asked: Vec<_> = (*next..*next + MISSES).map(request).collect();
    *next += MISSES;
    let begun = Instant::now();
    for request in asked {
        let Ok(response) = service.call(request).await;
        assert!(response.into_body().collect().await.is_ok());
    }
    begun.elapsed().as_secs_f64() / MISSES as f64
}

fn main() {
    let runtime = shop::runtime();
    let ready = Ready::new(1024);
    let mut bare = service_fn(move |_: Asked| {
        let ready = ready.clone();
        async move {
            let begun = Instant::now();
            while begun.elapsed() < WORK {
                std::hint::spin_loop();
            }
            Ok::<Response<Full<Bytes>>, Infallible>(ready.response())
        }
    });
    let cache = Cache::builder().max_bytes(1 << 30).build();
    let cache = cache.expect("the settings are possible");
    let mut layered = cache.layer().layer(bare.clone());
    let (mut one, mut other) = (0, 0);
    rounds(["miss_overhead", "miss_added_us"], || {
        runtime.block_on(async {
            let with = time(&mut layered, &mut one).await;
            let without = time(&mut bare, &mut other).await;
            let added = with - without;
            [added / WORK.as_secs_f64(), added * 1e6]
        })
    });
    let stats = cache.stats();
    assert_eq!((stats.hits, stats.stored), (0, stats.fills));
}
