//! What does the origin see while Redis is away for ten seconds?
//!
//! Requests come at a steady rate, uniformly for 10,000 keys, all stored before:
//! each key is asked for several times within a staleness bound. A few writes come
//! as well. The origin notes each call. In the end: calls in each second, and the
//! most that came for one key within one bound, its writes aside.

use crate::redis_server::RedisServer;
use bytes::Bytes;
use futures_util::FutureExt;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Empty, Full};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::time::MissedTickBehavior;
use tower::{Layer, Service, service_fn};
use tower_coherence::bus::Redis;
use tower_coherence::{Cache, CacheService, Event, Policy};

const KEYS: u32 = 10_000;
const BOUND: Duration = Duration::from_secs(3);
/// Requests in each millisecond.
const RATE: u32 = 20;
/// One request in so many is a write.
const WRITES: u64 = 1000;
const BEFORE: Duration = Duration::from_secs(5);
const OUTAGE: Duration = Duration::from_secs(10);
const AFTER: Duration = Duration::from_secs(10);
/// How long the origin takes.
const WORK: Duration = Duration::from_millis(1);

/// What happens to Redis.
#[derive(Clone, Copy)]
pub(crate) enum Fault {
    /// It is killed, and starts again with nothing.
    Kill,
    /// It hangs, and goes on.
    Stop,
}

#[derive(Clone, Copy)]
struct Call {
    at: Instant,
    key: u32,
    is_write: bool,
}

/// All calls of the origin, in order.
#[derive(Clone, Default)]
struct Calls(Arc<Mutex<Vec<Call>>>);

type Ask = Request<Empty<Bytes>>;

fn ask(method: Method, key: u32) -> Ask {
    Request::builder()
        .method(method)
        .uri(format!("/{key}"))
        .header("host", "shop.example")
        .body(Empty::new())
        .expect("it is well formed")
}

impl Calls {
    async fn answer(self, request: Ask) -> Result<Response<Full<Bytes>>, Infallible> {
        let key = request.uri().path()[1..].parse().expect("a path is a key");
        let is_write = *request.method() != Method::GET;
        let at = Instant::now();
        self.0.lock().unwrap().push(Call { at, key, is_write });
        tokio::time::sleep(WORK).await;
        Ok(Response::new(Full::new(Bytes::from_static(b"x"))))
    }
}

/// Numbers without a pattern (splitmix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn key(&mut self) -> u32 {
        u32::try_from(self.next() % u64::from(KEYS)).expect("it is below the number of keys")
    }
}

/// Sends one request, and reads the answer in a task if it is not there at once.
fn send<S>(service: &mut CacheService<S>, request: Ask)
where
    CacheService<S>: Service<Ask, Response: Answer, Error = Infallible, Future: Send + 'static>,
{
    let mut answer = Box::pin(service.call(request));
    if (&mut answer).now_or_never().is_none() {
        tokio::spawn(async move {
            let Ok(response) = answer.await;
            response.read().await;
        });
    }
}

/// A response whose body can be read to its end.
trait Answer: Send {
    fn read(self) -> impl Future<Output = ()> + Send;
}

impl<X> Answer for Response<X>
where
    X: http_body::Body<Data = Bytes, Error: Send> + Send,
{
    async fn read(self) {
        let _ = self.into_body().collect().await;
    }
}

/// When Redis went away and came back, and when this instance was deaf.
struct Times {
    begun: Instant,
    gone: Instant,
    /// The first and the last time it was found deaf, with the store as it was: once
    /// Redis is back, a ring may say "everything" before there is a proof.
    deaf: Option<(Instant, Instant)>,
    /// How often everything was invalidated.
    everything: u32,
    requests: u32,
}

pub(crate) async fn run(fault: Fault) {
    let server = RedisServer::start(&[]);
    let bus = Redis::new(&server.url(), "bench").expect("the URL is well formed");
    let cache = Cache::builder().bus(bus).staleness_bound(BOUND).build();
    let cache = cache.expect("the settings are possible");
    cache.coherent().await.expect("there is a runtime");
    let calls = Calls::default();
    let policy = Policy::lifetime(Duration::from_secs(3600));
    let origin = calls.clone();
    let inner = service_fn(move |request: Ask| origin.clone().answer(request));
    let mut service = cache.layer().policy(policy).layer(inner);
    for keys in (0..KEYS).collect::<Vec<_>>().chunks(500) {
        keys.iter()
            .for_each(|key| send(&mut service, ask(Method::GET, *key)));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    while cache.stats().stored < u64::from(KEYS) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    calls.0.lock().unwrap().clear();

    let breaking = tokio::task::spawn_blocking(move || break_it(server, fault));
    let times = ask_steadily(&cache, &mut service).await;
    drop(breaking.await);
    let calls = std::mem::take(&mut *calls.0.lock().unwrap());
    report(fault, &times, &calls);
}

/// Returns the server, so that it lives on.
fn break_it(mut server: RedisServer, fault: Fault) -> RedisServer {
    std::thread::sleep(BEFORE);
    match fault {
        Fault::Kill => server.kill(),
        Fault::Stop => server.stop(),
    }
    std::thread::sleep(OUTAGE);
    match fault {
        Fault::Kill => server.restart(),
        Fault::Stop => server.go_on(),
    }
    server
}

async fn ask_steadily<S>(cache: &Cache, service: &mut CacheService<S>) -> Times
where
    CacheService<S>: Service<Ask, Response: Answer, Error = Infallible, Future: Send + 'static>,
{
    let begun = Instant::now();
    let mut times = Times {
        begun,
        gone: begun + BEFORE,
        deaf: None,
        everything: 0,
        requests: 0,
    };
    let mut events = cache.events();
    let mut numbers = Numbers(1);
    let mut tick = tokio::time::interval(Duration::from_millis(1));
    tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
    while begun.elapsed() < BEFORE + OUTAGE + AFTER {
        tick.tick().await;
        for _ in 0..RATE {
            let method = match numbers.next() % WRITES {
                0 => Method::PUT,
                _ => Method::GET,
            };
            send(service, ask(method, numbers.key()));
        }
        times.requests += RATE;
        // Read first: what is found after it may have been otherwise already.
        let now = Instant::now();
        let deaf = !cache.health().coherent;
        while let Some(Some(Event::Invalidated(what))) = events.next().now_or_never() {
            times.everything += u32::from(what.is_everything());
        }
        if deaf && times.everything == 0 {
            let first = times.deaf.map_or(now, |(first, _)| first);
            times.deaf = Some((first, now));
        }
    }
    times
}

fn report(fault: Fault, times: &Times, calls: &[Call]) {
    let name = match fault {
        Fault::Kill => "outage_kill",
        Fault::Stop => "outage_stop",
    };
    let length = (BEFORE + OUTAGE + AFTER).as_secs_f64();
    println!("{name}_keys: {KEYS}");
    println!(
        "{name}_requests_per_s: {:.0}",
        f64::from(times.requests) / length
    );
    let mut seconds = BTreeMap::<i64, u32>::new();
    for call in calls.iter().filter(|call| !call.is_write) {
        let since = call.at.duration_since(times.begun).as_secs();
        let second = i64::try_from(since).unwrap_or(0) - 5;
        *seconds.entry(second).or_default() += 1;
    }
    for second in -5..20 {
        let count = seconds.get(&second).copied().unwrap_or(0);
        println!("{name}_calls_in_second_{second}: {count}");
    }
    let Some((deaf, hears)) = times.deaf else {
        println!("{name}_deaf_ms: 0");
        return;
    };
    let between = |from: Instant, is_write: bool| {
        let calls = calls.iter().filter(move |call| call.is_write == is_write);
        calls.filter(move |call| call.at >= from && call.at < hears)
    };
    let reads: Vec<_> = between(deaf, false).collect();
    // What was written just before may be filled again just after.
    let writes: Vec<_> = between(times.gone, true).collect();
    println!("{name}_deaf_after_ms: {}", (deaf - times.gone).as_millis());
    println!("{name}_deaf_ms: {}", (hears - deaf).as_millis());
    println!("{name}_writes_while_away: {}", writes.len());
    println!("{name}_calls_while_deaf: {}", reads.len());
    let asked = f64::from(times.requests) * (hears - deaf).as_secs_f64() / length;
    println!("{name}_requests_while_deaf: {asked:.0}");
    println!("{name}_times_everything: {}", times.everything);
    let bounds = (hears - deaf).as_secs_f64() / BOUND.as_secs_f64();
    let calls = u32::try_from(reads.len()).unwrap_or(u32::MAX);
    println!("{name}_bounds_while_deaf: {bounds:.2}");
    println!(
        "{name}_calls_of_a_key: {:.2}",
        f64::from(calls) / f64::from(KEYS)
    );
    println!(
        "{name}_most_calls_of_a_key_in_a_bound: {}",
        most_in_a_bound(&reads, &writes)
    );
}

/// The most calls for one key within one bound, less its writes in that time and
/// the one that was under way when each came. A fill begins before the origin
/// notes its call, by as long as its task waited for a core: a fiftieth of the
/// bound is left for that, and for the thousandth that the layer keeps back.
fn most_in_a_bound(reads: &[&Call], writes: &[&Call]) -> usize {
    let window = BOUND - BOUND / 50;
    let mut keys = BTreeMap::<u32, (Vec<Instant>, usize)>::new();
    for call in reads {
        keys.entry(call.key).or_default().0.push(call.at);
    }
    // Several writes of one key while deaf are rare: all count for all windows.
    for call in writes {
        keys.entry(call.key).or_default().1 += 1;
    }
    let most = keys.values().filter_map(|(calls, writes)| {
        let in_window = |from: &Instant| {
            let inside = |at: &&Instant| **at >= *from && **at - *from < window;
            calls.iter().filter(inside).count().saturating_sub(*writes)
        };
        calls.iter().map(in_window).max()
    });
    most.max().unwrap_or(0)
}
