//! Services in small, each as its author would write it: its main job on two instances
//! that share a database, and the dangerous default of its kind, which leaks nothing.

mod gateway;
mod graphql;
mod html;
mod nested;
mod shop;
mod tenants;

use tower_coherence::test_util::instances;
use tower_coherence::{Cache, RouteTable};

/// Two instances with this table, which may answer from memory.
async fn two(table: &RouteTable) -> [Cache; 2] {
    let caches = instances::<2>();
    for cache in &caches {
        cache.replace_routes(table.clone());
        cache.coherent().await.unwrap();
    }
    caches
}

/// Waits until each has heard what the other has invalidated.
async fn heard(caches: &[Cache]) {
    for cache in caches {
        cache.idle().await.unwrap();
    }
}
