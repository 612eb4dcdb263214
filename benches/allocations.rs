//! How often does a hit allocate?
//!
//! From the call with a request that is made already to the response head. A clone of the
//! stored header fields is two allocations, whoever makes it.
//!
//! ```text
//! cargo bench --bench allocations
//! ```
//!
//! Line of `benches/README.md`: `hit_allocations`.

mod support;

use futures_util::FutureExt;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;
use support::shop::{self, request};
use tower::Service;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const CALLS: usize = 10_000;

fn main() {
    let runtime = shop::runtime();
    let _inside = runtime.enter();
    for (name, tags) in [("hit_allocations", 0), ("hit_allocations_8_tags", 8)] {
        let (cache, mut layered) = shop::filled(&runtime, 100, 1024, tags);
        let asked: Vec<_> = (0..CALLS).map(|number| request(number % 100)).collect();
        let mut answers = Vec::with_capacity(CALLS);
        let region = Region::new(ALLOCATOR);
        for request in asked {
            let answer = layered.call(request).now_or_never();
            answers.push(answer.expect("it answers at the first poll"));
        }
        let change = region.change();
        assert_eq!(cache.stats().fills, 100, "every call was a hit");
        let all = change.allocations + change.reallocations;
        #[allow(clippy::cast_precision_loss, reason = "it is small")]
        let each = all as f64 / CALLS as f64;
        println!("{name}: {each:.3}");
    }
}
