//! What the middleware says.

use crate::target::Invalidate;
use std::fmt::Display;
use std::sync::atomic::{AtomicU64, Ordering};
use tracing::instrument::{Instrument, WithSubscriber};

/// Invalidations that were attached to a response and dropped unread, in the
/// whole process: an unread one cannot know its cache.
static UNREAD: AtomicU64 = AtomicU64::new(0);

pub(crate) fn invalidations_unread() -> u64 {
    UNREAD.load(Ordering::Relaxed)
}

/// An invalidation that was attached to a response and read by no layer.
pub(crate) fn invalidation_unread(what: &Invalidate) {
    UNREAD.fetch_add(1, Ordering::Relaxed);
    tracing::error!(
        name: "invalidation_unread",
        target: "tower_coherence",
        ?what,
        "an invalidation on a response was read by no cache layer: is the route added after `.layer()`?"
    );
}

/// Two layers of one cache on one request: said once for each cache.
pub(crate) fn nested_layer() {
    tracing::warn!(
        name: "nested_layer",
        target: "tower_coherence",
        "a request went through two layers of one cache: the outer one decides, the inner one passes it on"
    );
}

/// A cache was switched off, or on again.
pub(crate) fn mode_changed(mode: &str) {
    tracing::warn!(
        name: "mode_changed",
        target: "tower_coherence",
        mode,
        "the cache was switched by its application"
    );
}

/// Something is wrong with the policy of a layer.
pub(crate) fn mistake(what: &str) {
    tracing::error!(
        name: "mistake",
        target: "tower_coherence",
        what,
        "the policy of a layer has a mistake"
    );
}

/// A route table was put in the place of another one.
pub(crate) fn routes_replaced(reads: usize, writes: usize, dropped: &[Option<String>]) {
    tracing::info!(
        name: "routes_replaced",
        target: "tower_coherence",
        reads,
        writes,
        ?dropped,
        "the route table was replaced"
    );
}

/// A route fills and never stores. Said once for each.
pub(crate) fn route_never_stores(route: &dyn Display, reason: &str) {
    tracing::warn!(
        name: "route_never_stores",
        target: "tower_coherence",
        %route, reason,
        "a hundred responses of a route were not stored, and none was (say `Policy::bypass()` if that is meant)"
    );
}

/// A closure that says what a write made stale has panicked.
pub(crate) fn mapping_panicked(path: &str) {
    tracing::error!(
        name: "mapping_panicked",
        target: "tower_coherence",
        path,
        "the closure of a write policy panicked: everything in the scope of the request is stale"
    );
}

/// Runs the future in the caller's span and with its subscriber, wherever it runs.
pub(crate) fn carried<F: Future>(future: F) -> impl Future<Output = F::Output> {
    future.in_current_span().with_current_subscriber()
}
