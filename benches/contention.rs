//! What do many tasks at once make of hits?
//!
//! 1 to 32 tasks on two threads, on one key and on 10,000, beside the bare service in the
//! same rounds: hits a second with so many tasks to hits a second with one, over the same
//! of the bare service.
//!
//! ```text
//! cargo bench --bench contention
//! ```
#![allow(clippy::disallowed_methods, reason = "a benchmark measures real time")]

mod support;

use std::convert::Infallible;
use std::time::{Duration, Instant};
use support::shop::{self, Asked, call, request};
use support::{Zipf, rounds};
use tokio::runtime::Runtime;
use tower::Service;

const TURN: Duration = Duration::from_millis(20);

/// Calls a second by so many tasks.
fn rate<S, X>(runtime: &Runtime, service: &S, tasks: usize, many: bool) -> f64
where
    S: Service<Asked, Response = http::Response<X>, Error = Infallible> + Clone + Send + 'static,
{
    let begun = Instant::now();
    let work = |task: usize| {
        let mut service = service.clone();
        let mut draw = Zipf::new(10_000).drawn(1 << 12);
        for _ in 0..task * 97 {
            draw();
        }
        runtime.spawn(async move {
            let mut calls = 0_u32;
            while begun.elapsed() < TURN {
                for _ in 0..100 {
                    call(&mut service, request(if many { draw() } else { 0 }));
                }
                calls += 100;
                tokio::task::yield_now().await;
            }
            calls
        })
    };
    let tasks: Vec<_> = (0..tasks).map(work).collect();
    let calls: u32 = runtime.block_on(async {
        let mut calls = 0;
        for task in tasks {
            calls += task.await.expect("no task panics");
        }
        calls
    });
    f64::from(calls) / begun.elapsed().as_secs_f64()
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime can be made");
    let _inside = runtime.enter();
    let (cache, hit) = shop::filled(&runtime, 10_000, 1024, 0);
    let bare = shop::bare(1024, 0);
    for (keys, many) in [("hot", false), ("many", true)] {
        for tasks in [2, 8, 32] {
            rounds([&format!("contention_{keys}_{tasks}")], || {
                let hits = rate(&runtime, &hit, tasks, many) / rate(&runtime, &hit, 1, many);
                let calls = rate(&runtime, &bare, tasks, many) / rate(&runtime, &bare, 1, many);
                [hits / calls]
            });
        }
    }
    assert_eq!(cache.stats().fills, 10_000, "every timed request was a hit");
}
