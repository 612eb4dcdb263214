//! What does an invalidation cost, however many entries bear the tag, and what do hits
//! feel of a storm of them?
//!
//! An invalidation raises one cell. In the storm another instance on the same bus
//! publishes 50,000 a second, of tags that nothing in memory bears: what is measured is what
//! is left for hits, not the fills that invalidations cause.
//!
//! ```text
//! cargo bench --bench invalidate
//! ```
//!
//! Lines of `benches/README.md`: `invalidate_1e6_to_1`, `storm_p99`.
#![allow(clippy::disallowed_methods, reason = "a benchmark measures real time")]

mod support;

use bytes::Bytes;
use http::Response;
use http_body_util::{BodyExt, Full};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use support::shop::{self, Asked, call, request};
use support::{Zipf, nanos, rounds};
use tokio::runtime::Runtime;
use tower::{Layer, Service, service_fn};
use tower_coherence::bus::Local;
use tower_coherence::{Cache, Invalidate, Policy, Tag};

const STEP: Duration = Duration::from_millis(2);

/// A cache in which so many entries bear the tag of that number.
fn bearing(runtime: &Runtime, counts: &[usize]) -> Cache {
    let cache = Cache::builder().max_bytes(4 << 30).max_cells(20_000_000);
    let cache = cache.build().expect("the settings are possible");
    let bare = service_fn(|_: Asked| {
        let response = Response::new(Full::new(Bytes::from_static(b"x")));
        std::future::ready(Ok::<_, Infallible>(response))
    });
    let mut from = 0;
    for count in counts {
        let tag = format!("on-{count}");
        let policy = Policy::lifetime(Duration::from_secs(86_400)).tags([tag.as_str()]);
        let mut layered = cache.layer().policy(policy).layer(bare);
        runtime.block_on(async {
            for number in from..from + count {
                let Ok(response) = layered.call(request(number)).await;
                assert!(response.into_body().collect().await.is_ok());
            }
        });
        from += count;
    }
    assert_eq!(cache.stats().entries, from as u64);
    cache
}

fn sizes(runtime: &Runtime) {
    let cache = bearing(runtime, &[1, 100, 10_000, 1_000_000]);
    let time = |count: usize| {
        let make = || Invalidate::tag(Tag::new(format!("on-{count}")));
        nanos(STEP, make, |what| cache.invalidate_now(what))
    };
    let names = [
        "invalidate_1e6_to_1",
        "invalidate_1e4_to_1",
        "invalidate_1e2_to_1",
        "invalidate_ns",
    ];
    rounds(names, || {
        let one = time(1);
        let many = [1_000_000, 10_000, 100].map(|count| time(count) / one);
        [many[0], many[1], many[2], one]
    });
}

/// The 99th percentile of single hits, in nanoseconds.
fn p99<S, X>(service: &mut S, draw: &mut impl FnMut() -> usize) -> f64
where
    S: Service<Asked, Response = Response<X>, Error = Infallible>,
{
    let asked: Vec<_> = (0..20_000).map(|_| request(draw())).collect();
    let mut times = Vec::with_capacity(asked.len());
    for request in asked {
        let begun = Instant::now();
        call(service, request);
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    times[times.len() * 99 / 100].as_secs_f64() * 1e9
}

/// Publishes in bursts of a millisecond while it is told to.
async fn publish(other: Cache, on: Arc<AtomicBool>, published: Arc<AtomicU64>) {
    let mut beat = tokio::time::interval(Duration::from_millis(1));
    let mut number = 0_u64;
    loop {
        beat.tick().await;
        if !on.load(Ordering::Relaxed) {
            continue;
        }
        for _ in 0..50 {
            number += 1;
            other.invalidate_now(Tag::of("nobody", number % 100_000));
        }
        published.store(number, Ordering::Relaxed);
    }
}

fn storm() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime can be made");
    let _inside = runtime.enter();
    let bus = Local::new();
    let made = || Cache::builder().bus(bus.clone()).build();
    let (cache, other) = (made(), made());
    let cache = cache.expect("the settings are possible");
    let mut layered = cache.layer().layer(shop::bare(1024, 3));
    runtime.block_on(async {
        for number in 0..10_000 {
            let Ok(response) = layered.call(request(number)).await;
            assert!(response.into_body().collect().await.is_ok());
        }
    });
    let (on, published) = (Arc::new(AtomicBool::new(false)), Arc::default());
    let other = other.expect("the settings are possible");
    runtime.spawn(publish(other, on.clone(), Arc::clone(&published)));
    let mut draw = Zipf::new(10_000).drawn(1 << 16);
    let names = ["storm_p99", "storm_p99_ns", "quiet_p99_ns", "storm_rate"];
    rounds(names, || {
        let quiet = p99(&mut layered, &mut draw);
        on.store(true, Ordering::Relaxed);
        let (begun, before) = (Instant::now(), published.load(Ordering::Relaxed));
        while begun.elapsed() < Duration::from_millis(50) {
            std::thread::yield_now();
        }
        let storm = p99(&mut layered, &mut draw);
        let sent = published.load(Ordering::Relaxed) - before;
        let rate = sent as f64 / begun.elapsed().as_secs_f64();
        on.store(false, Ordering::Relaxed);
        [storm / quiet, storm, quiet, rate]
    });
    let stats = cache.stats();
    assert_eq!(stats.fills, 10_000, "every timed request was a hit");
    println!("storm_heard: {}", stats.invalidations);
}

fn main() {
    let runtime = shop::runtime();
    let inside = runtime.enter();
    sizes(&runtime);
    drop(inside);
    storm();
}
