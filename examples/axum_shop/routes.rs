//! Which page is answered from memory, and which write makes which of them stale.

use std::time::Duration;
use tower_coherence::policy::{Inputs, OwnPath, Query, StatusHeader, WritePolicy};
use tower_coherence::{Error, Policy, RouteTable};

/// `settle`: how far the replica that the catalogue is read from may lag behind.
pub(crate) fn table(settle: Duration) -> Result<RouteTable, Error> {
    RouteTable::builder()
        .read(
            "/products",
            catalogue(settle)
                .query(Query::only(["page", "sort", "category"]))
                .tags(["products"]),
        )
        .read(
            "/products/{id}",
            catalogue(settle)
                .query(Query::only::<&str>([]))
                .tags(["product:{id:int}"]),
        )
        .read(
            "/search",
            catalogue(settle)
                .query(Query::only(["q"]))
                .tags(["products"]),
        )
        // One customer's own: it is not even looked for.
        .read("/cart", Policy::bypass())
        .read("/orders", Policy::bypass())
        .write(
            "/products/{id}",
            WritePolicy::new().tags(["product:{id:int}", "products"]),
        )
        // It changes what is left of products; the handler knows of which.
        .write("/orders", quiet().tags(["products"]))
        .write("/cart", quiet())
        .write("/login", quiet())
        .write("/planned-prices", quiet())
        .build()
}

/// The same for everybody: no cookie is in the key, so no handler sees one.
fn catalogue(settle: Duration) -> Policy {
    Policy::lifetime(Duration::from_secs(600))
        .cookies(Inputs::Hide)
        .settle(settle)
        // For curl. It tells strangers who asked before: leave it out in production.
        .cache_status(StatusHeader::On)
}

/// Nothing of the own path is ever stored, so there is nothing to tell the others.
fn quiet() -> WritePolicy {
    WritePolicy::new().own_path(OwnPath::Off)
}
