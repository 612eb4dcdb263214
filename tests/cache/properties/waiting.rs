//! What may not be stored or shared is not handed to those who wait for it either.

use super::exchange::{Asks, Says, asks, says};
use super::holds;
use crate::origin::Lines;
use crate::support::{Runs, request, send};
use axum::Router;
use axum::body::Body;
use axum::http::HeaderName;
use axum::response::Response;
use futures_util::future::join;
use proptest::prelude::*;
use std::cell::Cell;
use tower_coherence::Cache;

/// Whether the second of two requests that are there together got what the handler said
/// to the first.
async fn is_shared(said: &Says, first: &Asks, second: &Asks) -> bool {
    let (runs, count) = (Runs::default(), Runs::default());
    let (status, fields, counts) = (said.status, said.fields(), count.clone());
    let handler = move || {
        let run = counts.next();
        let (runs, fields) = (runs.clone(), fields.clone());
        async move {
            // Until both are there.
            for _ in 0..16 {
                tokio::task::yield_now().await;
            }
            runs.next();
            let mut response = Response::new(Body::from(run.to_string()));
            *response.status_mut() = status.try_into().unwrap();
            *response.headers_mut() = fields;
            response
        }
    };
    let app = Router::new()
        .fallback(handler)
        .layer(Cache::local().layer());
    join(ask(&app, &first.0), ask(&app, &second.0)).await;
    count.count() == 1
}

async fn ask(app: &Router, lines: Lines<'_>) {
    let mut request = request("GET", "/a");
    for (name, value) in lines {
        let name: HeaderName = name.parse().unwrap();
        request.headers_mut().append(name, value.parse().unwrap());
    }
    send(app, request).await;
}

#[test]
fn what_may_not_be_shared_is_not_handed_to_those_who_wait() {
    let (shared, forbidden) = (Cell::new(0_u32), Cell::new(0_u32));
    holds(
        "what may not be shared",
        2_500,
        (says(), asks(), asks()),
        |(said, first, second)| {
            let (shared, forbidden) = (&shared, &forbidden);
            async move {
                let is_shared = is_shared(&said, &first, &second).await;
                match said.forbids(&first, &second) {
                    Some(reason) => {
                        prop_assert!(!is_shared, "{reason}");
                        forbidden.set(forbidden.get() + 1);
                    }
                    None => shared.set(shared.get() + u32::from(is_shared)),
                }
                Ok(())
            }
        },
    );
    let (shared, forbidden) = (shared.get(), forbidden.get());
    println!("shared {shared}, forbidden {forbidden}");
    assert!(shared > 30 && forbidden > 1_000, "{shared} {forbidden}");
}
