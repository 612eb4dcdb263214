//! Which responses leave a store when it is full: those of its own routes only, by the
//! order that was chosen, and always enough of them.

use crate::origin::{Origin, response};
use std::time::Duration;
use tower_coherence::policy::Eviction;
use tower_coherence::{Cache, Policy, RouteTable, Tag, Tags};

fn cached() -> Policy {
    Policy::lifetime(Duration::from_secs(60))
}

/// A cache with routes in stores of every kind.
fn with_stores() -> Cache {
    let table = RouteTable::builder()
        .store("catalog", 100_000, Eviction::TinyLfu)
        .store("search", 100_000, Eviction::Lru)
        .read("/items/{id}", cached().store("catalog"))
        .read("/lists/{id}", cached().store("catalog"))
        .read("/search/{id}", cached().store("search"))
        .read("/own/{id}", cached().own_store(100_000, Eviction::Lru))
        .read("/shared/{id}", cached());
    let builder = Cache::builder().max_bytes(100_000);
    builder.routes(table.build().unwrap()).build().unwrap()
}

/// Every body has this many bytes.
fn bodies(cache: &Cache, length: usize) -> Origin {
    Origin::new(cache.layer(), move |_| {
        response(200, &[], "x".repeat(length))
    })
}

/// How many of these paths are answered from memory.
async fn hits(origin: &Origin, route: &str, ids: std::ops::Range<usize>) -> u64 {
    let (runs, count) = (origin.runs(), ids.len());
    for id in ids {
        origin.get(&format!("/{route}/{id}")).await;
    }
    u64::try_from(count).unwrap() - (origin.runs() - runs)
}

#[tokio::test]
async fn a_flood_on_one_route_pushes_nothing_out_of_the_stores_of_others() {
    const ROUTES: [&str; 4] = ["items", "search", "own", "shared"];
    for flooded in ROUTES {
        let cache = with_stores();
        let origin = bodies(&cache, 1_000);
        for route in ROUTES {
            assert_eq!(hits(&origin, route, 0..20).await, 0);
        }
        assert_eq!(cache.stats().evicted, 0);
        hits(&origin, flooded, 20..420).await;
        assert!(cache.stats().evicted > 300, "{flooded}");
        for route in ROUTES.into_iter().filter(|route| *route != flooded) {
            assert_eq!(hits(&origin, route, 0..20).await, 20, "{route}, {flooded}");
        }
    }
}

#[tokio::test]
async fn routes_that_share_a_store_push_each_other_out() {
    let cache = with_stores();
    let origin = bodies(&cache, 1_000);
    hits(&origin, "items", 0..20).await;
    // Asked for as often as the others, or a frequency-based store keeps its own.
    for _ in 0..5 {
        hits(&origin, "lists", 0..80).await;
    }
    assert!(hits(&origin, "items", 0..20).await < 20);
}

/// How many of ten responses that were asked for often are left after very many others
/// were asked for once, and how many of the last ten of those.
async fn after_a_scan(eviction: Eviction) -> (u64, u64) {
    let cache = Cache::builder().max_bytes(100_000).eviction(eviction);
    let cache = cache.default_policy(cached()).build().unwrap();
    let origin = bodies(&cache, 1_000);
    // Frequencies are counted once a store is half full.
    hits(&origin, "before", 0..80).await;
    let _ = cache.stats(); // tidies
    for _ in 0..50 {
        hits(&origin, "hot", 0..10).await;
    }
    let _ = cache.stats(); // tidies
    hits(&origin, "scan", 0..500).await;
    let _ = cache.stats(); // tidies
    let last = hits(&origin, "scan", 490..500).await;
    (hits(&origin, "hot", 0..10).await, last)
}

#[tokio::test]
async fn lru_keeps_the_last_and_tiny_lfu_what_is_asked_for_often() {
    assert_eq!(after_a_scan(Eviction::Lru).await, (0, 10));
    let (hot, last) = after_a_scan(Eviction::TinyLfu).await;
    assert!(hot >= 9, "{hot}");
    assert!(last < 10, "{last}");
}

#[tokio::test]
async fn a_store_stays_within_its_bytes_under_a_flood_of_large_small_and_tag_heavy_entries() {
    const MAX: u64 = 2_000_000;
    for eviction in [Eviction::Lru, Eviction::TinyLfu] {
        let policy = cached().tag_with(|request, _| {
            let number: usize = request.uri.path()[2..].parse().unwrap();
            let heavy = if request.uri.path().starts_with("/t") {
                120
            } else {
                0
            };
            (0..heavy)
                .map(|tag| Tag::of("a-rather-long-name", number * 1000 + tag))
                .collect::<Tags>()
        });
        let builder = Cache::builder().max_bytes(MAX).eviction(eviction);
        let cache = builder.default_policy(policy).build().unwrap();
        let origin = Origin::new(cache.layer(), |request| {
            let large = request.uri().path().starts_with("/l");
            response(200, &[], "x".repeat(if large { 100_000 } else { 10 }))
        });
        let mut most_cells = 0;
        for number in 0..600 {
            for kind in ["l", "s", "t"] {
                origin.get(&format!("/{kind}{number}")).await;
            }
            let stats = cache.stats();
            assert!(stats.bytes <= MAX, "{stats}");
            most_cells = most_cells.max(stats.cells);
        }
        let stats = cache.stats();
        assert!(stats.evicted > 500, "{stats}");
        // A cell is named by an entry that is there, or was until lately.
        assert!(most_cells < 100_000, "{most_cells}");
    }
}
