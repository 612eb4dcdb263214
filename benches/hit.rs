//! What does a hit cost?
//!
//! 10,000 keys, asked for as a Zipf distribution with exponent 0.99 has it. Against the
//! least that a cache could do, which is moka's `get` of an `Arc` and a clone of status, five
//! header fields and body; and against what the layer saves its caller, here the cheapest
//! service there can be. Requests are made before they are timed; responses are dropped
//! within the time.
//!
//! ```text
//! cargo bench --bench hit
//! ```
//!
//! Lines of `benches/README.md`: `hit_to_c`, `hit_8_tags_to_none`, `two_threads_hot`,
//! `two_threads_many`.
#![allow(clippy::disallowed_methods, reason = "a benchmark measures real time")]

mod support;

use std::hint::black_box;
use std::sync::{Arc, Barrier};
use std::time::Instant;
use support::shop::{self, Asked, Ready, call, request};
use support::{TURN, Zipf, nanos, rounds};
use tower::Service;

const KEYS: usize = 10_000;

fn zipf() -> impl FnMut() -> usize + Send {
    Zipf::new(10_000).drawn(1 << 16)
}

fn least(length: usize) -> moka::sync::Cache<u64, Arc<Ready>> {
    let moka = moka::sync::Cache::new(20_000);
    for number in 0..KEYS as u64 {
        moka.insert(number, Arc::new(Ready::new(length)));
    }
    moka.run_pending_tasks();
    moka
}

/// A hit beside (c) and the bare service.
fn hit_to_c(runtime: &tokio::runtime::Runtime, length: usize, name: [&str; 5]) {
    let (cache, mut hit) = shop::filled(runtime, KEYS, length, 0);
    let mut inner = shop::bare(length, 0);
    let least = least(length);
    let (mut a, mut b, mut c) = (zipf(), zipf(), zipf());
    rounds(name, || {
        let hit = nanos(TURN, || request(a()), |asked| call(&mut hit, asked));
        let inner = nanos(TURN, || request(b()), |asked| call(&mut inner, asked));
        let get = |number: usize| {
            let found = least.get(&(number as u64));
            black_box(found.map(|found| Ready::clone(&found)));
        };
        let least = nanos(TURN, &mut c, get);
        [hit / least, hit / inner, hit, inner, least]
    });
    assert_eq!(
        cache.stats().fills,
        KEYS as u64,
        "every timed request was a hit"
    );
}

fn tags(runtime: &tokio::runtime::Runtime) {
    let (_none, mut none) = shop::filled(runtime, KEYS, 1024, 0);
    let (_three, mut three) = shop::filled(runtime, KEYS, 1024, 3);
    let (_eight, mut eight) = shop::filled(runtime, KEYS, 1024, 8);
    let mut draw = zipf();
    rounds(["hit_8_tags_to_none", "hit_3_tags_to_none"], || {
        let none = nanos(TURN, || request(draw()), |asked| call(&mut none, asked));
        let eight = nanos(TURN, || request(draw()), |asked| call(&mut eight, asked));
        let three = nanos(TURN, || request(draw()), |asked| call(&mut three, asked));
        [eight / none, three / none]
    });
}

/// How many calls a nanosecond `threads` threads make together.
fn rate<S, X>(service: &S, threads: usize, many: bool) -> f64
where
    S: Service<Asked, Response = http::Response<X>, Error = std::convert::Infallible>
        + Clone
        + Send
        + 'static,
{
    let begin = Arc::new(Barrier::new(threads));
    let work = |thread: usize| {
        let (mut service, begin) = (service.clone(), begin.clone());
        std::thread::spawn(move || {
            let runtime = shop::runtime();
            let _inside = runtime.enter();
            let mut draw = zipf();
            (0..thread * 7919).for_each(|_| {
                draw();
            });
            begin.wait();
            let begun = Instant::now();
            let each = nanos(
                TURN,
                || request(if many { draw() } else { 0 }),
                |asked| {
                    call(&mut service, asked);
                },
            );
            // The requests are made by the same threads at the same time.
            (each, begun.elapsed())
        })
    };
    let threads: Vec<_> = (0..threads).map(work).collect();
    threads
        .into_iter()
        .map(|thread| 1.0 / thread.join().expect("no thread panics").0)
        .sum()
}

fn two_threads(runtime: &tokio::runtime::Runtime) {
    let (_cache, hit) = shop::filled(runtime, KEYS, 1024, 0);
    let inner = shop::bare(1024, 0);
    for (name, many) in [("two_threads_hot", false), ("two_threads_many", true)] {
        rounds([name], || {
            let (one, two) = (rate(&hit, 1, many), rate(&hit, 2, many));
            let (bare_one, bare_two) = (rate(&inner, 1, many), rate(&inner, 2, many));
            [(two / one) / (bare_two / bare_one)]
        });
    }
}

fn main() {
    let runtime = shop::runtime();
    let _inside = runtime.enter();
    let small = ["hit_to_c", "hit_to_inner", "hit_ns", "inner_ns", "c_ns"];
    hit_to_c(&runtime, 1024, small);
    let large = [
        "hit_to_c_64k",
        "hit_to_inner_64k",
        "hit_ns_64k",
        "inner_ns_64k",
        "c_ns_64k",
    ];
    hit_to_c(&runtime, 64 * 1024, large);
    tags(&runtime);
    two_threads(&runtime);
}
