//! A POST that reads is stored and answered exactly where a GET is, but for cookies and
//! conditions.

use super::exchange::{Asks, Says, asks, says};
use super::holds;
use super::loosened::policy;
use crate::classify::{class, sent};
use crate::support::{Runs, read};
use axum::Router;
use axum::body::Body;
use axum::response::Response;
use proptest::prelude::*;
use std::cell::Cell;
use tower::ServiceExt;
use tower_coherence::{Cache, Policy};

/// Whether the second of two equal requests was answered without the handler.
async fn is_served(policy: Policy, said: &Says, method: &str, of: &[Asks; 2]) -> bool {
    let (runs, status, fields) = (Runs::default(), said.status, said.fields());
    let count = runs.clone();
    let handler = move || {
        count.next();
        let mut response = Response::new(Body::empty());
        *response.status_mut() = status.try_into().unwrap();
        *response.headers_mut() = fields.clone();
        async move { response }
    };
    let layer = Cache::local().layer().policy(policy.classify(class));
    let app = Router::new().fallback(handler);
    let app = app.layer(layer.replay(Body::from));
    let mut before = 0;
    for asks in of {
        before = runs.count();
        let request = match method {
            "GET" => sent("GET", "/a?read:", &asks.0, ""),
            _ => sent("POST", "/a", &asks.0, "read:"),
        };
        let Ok(response) = app.clone().oneshot(request).await;
        read(response).await;
    }
    runs.count() == before
}

#[test]
fn a_post_that_reads_is_answered_from_memory_where_a_get_is_but_for_cookies_and_conditions() {
    let (served, told_apart) = (Cell::new(0_u32), Cell::new(0_u32));
    holds(
        "a post that reads",
        1_000,
        (any::<[bool; 8]>(), says(), [asks(), asks()]),
        |(mut choices, said, of)| {
            let (served, told_apart) = (&served, &told_apart);
            // No request by POST is made in the background.
            choices[5] = false;
            let chosen = move || policy(choices).jitter(0.0);
            async move {
                let get = is_served(chosen(), &said, "GET", &of).await;
                let post = is_served(chosen(), &said, "POST", &of).await;
                let its_own = |asks: &Asks| {
                    asks.has(("cookie", "a=b")) || asks.has(("if-none-match", "\"b\""))
                };
                prop_assert_eq!(post, get && !of.iter().any(its_own));
                served.set(served.get() + u32::from(post));
                told_apart.set(told_apart.get() + u32::from(get && !post));
                Ok(())
            }
        },
    );
    println!("served {served:?}, told apart {told_apart:?}");
    assert!(served.get() > 50 && told_apart.get() > 10);
}
