//! Whatever a route allows, what HTTP forbids of the rest is served to nobody else.

use super::exchange::{Asks, Says, asks, says};
use super::holds;
use crate::origin::{Origin, with};
use axum::body::Body;
use axum::response::Response;
use proptest::prelude::*;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;
use tower_coherence::policy::{ClientDirectives, Downstream, SetCookie};
use tower_coherence::{Cache, Policy};

const MINUTE: Duration = Duration::from_secs(60);

/// What a policy of these names may lift. Not among them are those that say by name
/// that what is forbidden is stored all the same.
const LIFTED: [&str; 3] = ["set-cookie", "no lifetime", "stale"];

const METHODS: [&str; 8] = ["GET", "GET", "GET", "GET", "GET", "HEAD", "POST", "QUERY"];

pub(super) fn policy(choices: [bool; 8]) -> Policy {
    type Choice = fn(Policy) -> Policy;
    let all: [Choice; 8] = [
        |_| Policy::lifetime(MINUTE),
        |policy| policy.set_cookie(SetCookie::Store),
        |policy| policy.set_cookie(SetCookie::Strip),
        |policy| policy.heuristics(),
        |policy| policy.override_headers().statuses(200.., MINUTE),
        |policy| policy.stale_if_error(MINUTE).stale_while_revalidate(MINUTE),
        |policy| policy.client_directives(ClientDirectives::Heed),
        |policy| policy.etag().downstream(Downstream::Revalidate),
    ];
    let chosen = all.iter().zip(choices).filter(|(_, chosen)| *chosen);
    chosen.fold(Policy::from_headers(), |policy, (choice, _)| choice(policy))
}

/// Whether the second of two requests was answered without the handler.
async fn is_served(policy: Policy, said: &Says, asks: [(&str, &Asks); 2]) -> bool {
    let cache = Cache::local();
    let (status, fields) = (said.status, said.fields());
    let origin = Origin::new(with(&cache, policy), move |_| {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = status.try_into().unwrap();
        *response.headers_mut() = fields.clone();
        response
    });
    let [(first, of_first), (second, of_second)] = asks;
    origin.ask(first, "/a", &of_first.0).await;
    let before = origin.runs();
    origin.ask(second, "/a", &of_second.0).await;
    origin.runs() == before
}

/// The reason that no policy above may lift.
fn forbids(said: &Says, overrides: bool, asks: [(&str, &Asks); 2]) -> Option<&'static str> {
    let [(first, of_first), (second, of_second)] = asks;
    match said.forbids(of_first, of_second) {
        _ if first != "GET" || !["GET", "HEAD"].contains(&second) => Some("method"),
        // The lifetime of the route takes the place of it.
        Some("no-cache") if overrides => None,
        Some(reason) if LIFTED.contains(&reason) => None,
        reason => reason,
    }
}

#[test]
fn what_no_route_may_lift_is_never_served_whatever_the_policy() {
    let methods = [(); 2].map(|()| prop::sample::select(METHODS.to_vec()));
    let served = RefCell::new(0_u32);
    let forbidden = RefCell::new(BTreeMap::<_, u32>::new());
    holds(
        "what no route may lift",
        2_500,
        (any::<[bool; 8]>(), methods, says(), [asks(), asks()]),
        |(choices, methods, said, of)| {
            let (served, forbidden) = (&served, &forbidden);
            async move {
                let asks = [(methods[0], &of[0]), (methods[1], &of[1])];
                let is_served = is_served(policy(choices), &said, asks).await;
                match forbids(&said, choices[4], asks) {
                    Some(reason) => {
                        prop_assert!(!is_served, "{reason}");
                        *forbidden.borrow_mut().entry(reason).or_default() += 1;
                    }
                    None => *served.borrow_mut() += u32::from(is_served),
                }
                Ok(())
            }
        },
    );
    let (served, forbidden) = (served.into_inner(), forbidden.into_inner());
    println!("served {served}, forbidden {forbidden:?}");
    assert!(served > 100, "{served}");
    assert!(forbidden.len() == 11, "{forbidden:?}");
    assert!(forbidden.values().all(|count| *count >= 2), "{forbidden:?}");
}
