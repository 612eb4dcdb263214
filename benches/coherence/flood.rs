//! How many invalidations does one instance apply, and what is left for hits?
//!
//! A publisher in a thread of its own sends large batches as fast as the log takes
//! them, for a turn; then the same turn is quiet. One thread asks for a stored
//! response all the time. Redis, the publisher and the instance share the machine's
//! cores with that thread, so its hits are counted for each second and for each
//! second *of its own processor time*: the first says what is left, the second what
//! a hit costs meanwhile.

use crate::numbers::median;
use crate::redis_server::RedisServer;
use bytes::Bytes;
use futures_util::FutureExt;
use http::{Request, Response};
use http_body_util::{BodyExt, Empty, Full};
use std::convert::Infallible;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tower::{Layer, Service, service_fn};
use tower_coherence::bus::Redis;
use tower_coherence::{Cache, Invalidate, Policy, Publisher, Tag, Tags};

const TURNS: usize = 5;
const TURN: Duration = Duration::from_secs(2);
/// Targets in a batch: about 20 KiB of message, well below what may ring.
const BATCH: usize = 1000;
const BATCHES: usize = 16;

type Ask = Request<Empty<Bytes>>;

fn request() -> Ask {
    let request = Request::get("/products/7?page=2").header("host", "shop.example");
    request.body(Empty::new()).expect("it is well formed")
}

fn bus(server: &RedisServer) -> Redis {
    Redis::new(&server.url(), "bench").expect("the URL is well formed")
}

/// Floods while the flag is up, until it is dropped.
fn flooder(server: &RedisServer, flag: &Arc<AtomicBool>) {
    let publisher = Publisher::new(bus(server)).expect("the settings are possible");
    let flag = Arc::downgrade(flag);
    let batch = |number: usize| {
        let tags = (0..BATCH).map(|tag| Tag::of("product", number * BATCH + tag));
        Invalidate::tags(tags.collect::<Tags>())
    };
    let batches: Vec<_> = (0..BATCHES).map(batch).collect();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime can be made");
        runtime.block_on(async {
            for batch in batches.iter().cycle() {
                loop {
                    let Some(flag) = flag.upgrade() else { return };
                    if flag.load(Ordering::Relaxed) {
                        break;
                    }
                    drop(flag);
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                publisher.invalidate(batch.clone()).await;
            }
        });
    });
}

#[cfg(target_os = "linux")]
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanos = u64::try_from(time.tv_nsec).unwrap_or(0);
    Duration::from_secs(seconds) + Duration::from_nanos(nanos)
}

/// Not told elsewhere: the wall's time stands for it.
#[cfg(not(target_os = "linux"))]
fn processor_time() -> Duration {
    use std::sync::OnceLock;
    static BEGUN: OnceLock<Instant> = OnceLock::new();
    BEGUN.get_or_init(Instant::now).elapsed()
}

/// Asks for a turn. Returns hits per second, and per second of processor time.
fn hits<S, X>(service: &mut S) -> [f64; 2]
where
    S: Service<Ask, Response = Response<X>, Error = Infallible>,
{
    let (begun, used) = (Instant::now(), processor_time());
    let mut hits = 0_u32;
    while begun.elapsed() < TURN {
        for _ in 0..100 {
            let answer = service.call(request()).now_or_never();
            black_box(answer.expect("the stored response stays").ok());
            hits += 1;
        }
    }
    let used = processor_time() - used;
    let hits = f64::from(hits);
    [
        hits / begun.elapsed().as_secs_f64(),
        hits / used.as_secs_f64(),
    ]
}

pub(crate) fn run() {
    let server = RedisServer::start(&[]);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be made");
    let _inside = runtime.enter();
    let cache = Cache::builder().bus(bus(&server)).build();
    let cache = cache.expect("the settings are possible");
    let policy = Policy::lifetime(Duration::from_secs(3600)).tags(["hot"]);
    let mut service = cache.layer().policy(policy).layer(service_fn(|_: Ask| {
        let body = Full::new(Bytes::from_static(&[b'x'; 1024]));
        std::future::ready(Ok::<_, Infallible>(Response::new(body)))
    }));
    let wait = |cache: &Cache| runtime.block_on(cache.idle()).expect("there is a runtime");
    runtime
        .block_on(cache.coherent())
        .expect("there is a runtime");
    runtime.block_on(async {
        let Ok(response) = service.call(request()).await;
        let body = response.into_body().collect().await;
        body.expect("a body in memory is whole");
    });
    let flag = Arc::new(AtomicBool::new(false));
    flooder(&server, &flag);

    let mut quiet: [Vec<f64>; 2] = Default::default();
    let mut flooded: [Vec<f64>; 2] = Default::default();
    let mut applied = Vec::new();
    let before = cache.stats();
    for _ in 0..TURNS {
        for (all, one) in quiet.iter_mut().zip(hits(&mut service)) {
            all.push(one);
        }
        let (count, begun) = (cache.stats().invalidations, Instant::now());
        flag.store(true, Ordering::Relaxed);
        for (all, one) in flooded.iter_mut().zip(hits(&mut service)) {
            all.push(one);
        }
        flag.store(false, Ordering::Relaxed);
        let more = u32::try_from(cache.stats().invalidations - count).unwrap_or(u32::MAX);
        applied.push(f64::from(more) / begun.elapsed().as_secs_f64());
        wait(&cache);
    }
    let stats = cache.stats();
    let [quiet, quiet_own] = quiet.map(median);
    let [flooded, flooded_own] = flooded.map(median);
    println!("flood_targets_in_a_batch: {BATCH}");
    println!("flood_applied_per_s: {:.0}", median(applied));
    println!("flood_quiet_hits_per_s: {quiet:.0}");
    println!("flood_flooded_hits_per_s: {flooded:.0}");
    println!("flood_quiet_hits_per_processor_s: {quiet_own:.0}");
    println!("flood_flooded_hits_per_processor_s: {flooded_own:.0}");
    println!("flood_flooded_to_quiet: {:.2}", flooded / quiet);
    println!(
        "flood_flooded_to_quiet_of_processor: {:.2}",
        flooded_own / quiet_own
    );
    println!("flood_gaps: {}", stats.bus.gaps - before.bus.gaps);
    let adoptions = stats.bus.adoptions - before.bus.adoptions;
    println!("flood_adoptions: {adoptions}");
}
