//! What HTTP forbids to store is served to nobody else.

use super::exchange::{Asks, Says, asks, says};
use super::holds;
use crate::origin::Origin;
use axum::body::Body;
use axum::response::Response;
use proptest::prelude::*;
use std::cell::Cell;
use std::collections::BTreeMap;
use tower_coherence::Cache;

/// Whether the second of two requests was answered without the handler.
async fn is_served(said: &Says, first: &Asks, second: &Asks) -> bool {
    let cache = Cache::local();
    let (status, fields) = (said.status, said.fields());
    let origin = Origin::new(cache.layer(), move |_| {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = status.try_into().unwrap();
        *response.headers_mut() = fields.clone();
        response
    });
    origin.ask("GET", "/a", &first.0).await;
    let before = origin.runs();
    origin.ask("GET", "/a", &second.0).await;
    origin.runs() == before
}

#[test]
fn what_may_not_be_stored_or_shared_is_never_served() {
    let served = Cell::new(0_u32);
    let forbidden = std::cell::RefCell::new(BTreeMap::<_, u32>::new());
    holds(
        "what may not be stored",
        3_000,
        (says(), asks(), asks()),
        |(said, first, second)| {
            let (served, forbidden) = (&served, &forbidden);
            async move {
                let is_served = is_served(&said, &first, &second).await;
                match said.forbids(&first, &second) {
                    Some(reason) => {
                        prop_assert!(!is_served, "{reason}");
                        *forbidden.borrow_mut().entry(reason).or_default() += 1;
                    }
                    None => served.set(served.get() + u32::from(is_served)),
                }
                Ok(())
            }
        },
    );
    let (served, forbidden) = (served.get(), forbidden.into_inner());
    println!("served {served}, forbidden {forbidden:?}");
    assert!(served > 100, "{served}");
    assert!(forbidden.len() == 13, "{forbidden:?}");
    assert!(forbidden.values().all(|count| *count >= 5), "{forbidden:?}");
}
