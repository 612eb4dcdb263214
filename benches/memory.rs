//! What does an entry take beside its body, its key and its header fields?
//!
//! By a counting allocator, so it is what was asked for, not what the process holds. Each
//! tag is an entry's own, which is the worst case: a tag that many entries bear is one
//! cell. Then half of them are invalidated by one tag, and the sweeper walks.
//!
//! ```text
//! cargo bench --bench memory
//! ```
//!
//! Line of `benches/README.md`: `entry_bytes`.

mod support;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;
use std::time::Duration;
use support::shop::{self, Ready, request};
use tower::Service;
use tower_coherence::{Invalidate, Tag};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const BODY: usize = 100;

/// The text of body, key and header fields of one entry.
fn text() -> usize {
    let ready = Ready::new(BODY);
    let fields = ready.headers.iter();
    let fields: usize = fields
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum();
    BODY + fields + "http://shop.example/products/500000?page=2".len()
}

fn held(region: &Region<'_, System>) -> usize {
    let change = region.change();
    change.bytes_allocated - change.bytes_deallocated
}

fn entry(count: usize, tags: usize, name: &str) {
    let runtime = shop::runtime();
    let _inside = runtime.enter();
    let region = Region::new(ALLOCATOR);
    let (cache, layered) = shop::filled(&runtime, count, BODY, tags);
    let each = held(&region) / count - text();
    println!("{name}: {each}");
    let weighed = usize::try_from(cache.stats().bytes).unwrap_or(usize::MAX) / count;
    println!("{name}_weighed: {}", weighed - text());
    drop((cache, layered));
}

/// What is held after half of the entries were invalidated, as a part of what was before.
fn half(count: usize) {
    let runtime = shop::runtime();
    let _inside = runtime.enter();
    let region = Region::new(ALLOCATOR);
    let (cache, mut layered) = shop::filled(&runtime, count, BODY, 3);
    let before = held(&region);
    runtime.block_on(async {
        for number in 0..count / 2 {
            let tag = Tag::new(format!("/products/{number}-0"));
            cache.invalidate_now(Invalidate::tag(tag));
            if number % 1000 == 0 {
                tokio::task::yield_now().await;
            }
        }
        let left = u64::try_from(count - count / 2).expect("it fits");
        while cache.stats().entries > left {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let Ok(alive) = layered.call(request(count - 1)).await;
        drop(alive);
    });
    #[allow(clippy::cast_precision_loss, reason = "it is a part")]
    let part = held(&region) as f64 / before as f64;
    println!("bytes_after_half_was_invalidated: {part:.3}");
}

fn main() {
    for (count, size) in [(100_000, "1e5"), (1_000_000, "1e6")] {
        for tags in [0, 3, 8] {
            entry(count, tags, &format!("entry_bytes_{tags}_tags_{size}"));
        }
    }
    entry(100_000, 3, "entry_bytes");
    half(100_000);
}
