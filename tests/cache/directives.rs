//! What clients may demand, where a route heeds them (RFC 9111 §5.2.1, §5.4).

use crate::held::{Shop, body, fresh, settle};
use crate::origin::{Lines, Origin, response, with};
use crate::support::{Runs, request};
use std::time::Duration;
use tower_coherence::policy::ClientDirectives;
use tower_coherence::test_util::Clock;
use tower_coherence::{Cache, Policy};

const fn cc(value: &'static str) -> (&'static str, &'static str) {
    ("cache-control", value)
}

fn heeding() -> Policy {
    Policy::from_headers().client_directives(ClientDirectives::Heed)
}

/// Two instances of a handler, one behind a route that heeds clients; each confirms its
/// tag.
fn origin(policy: Policy, fields: &'static str) -> (Origin, Clock, Cache) {
    let clock = Clock::new();
    let cache = Cache::builder().clock(clock.clone()).build().unwrap();
    let runs = Runs::default();
    let origin = Origin::new(with(&cache, policy), move |request| {
        let lines = [cc(fields), ("etag", "\"a\"")];
        let asked = request.headers().contains_key("if-none-match");
        let run = runs.next();
        match asked {
            true => response(304, &lines, ""),
            false => response(200, &lines, format!("run {run}")),
        }
    });
    (origin, clock, cache)
}

/// How often the handler runs for a second request, this old, with these fields.
async fn runs(policy: Policy, fields: &'static str, age: u64, own: Lines<'_>) -> u64 {
    let (origin, clock, _cache) = origin(policy, fields);
    origin.get("/a").await;
    clock.advance(Duration::from_secs(age));
    let answer = origin.ask("GET", "/a", own).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "run 1"));
    origin.runs() - 1
}

#[tokio::test]
async fn a_route_that_heeds_clients_asks_the_handler_where_they_demand_it() {
    for (own, age, expected) in [
        (cc("no-cache"), 0, 1),
        (cc("max-age=0"), 1, 1),
        (cc("max-age=10"), 10, 0),
        (cc("max-age=10"), 11, 1),
        (cc("min-fresh=10"), 50, 0),
        (cc("min-fresh=10"), 51, 1),
        (("pragma", "no-cache"), 0, 1),
        (cc("max-stale=5"), 65, 0),
        (cc("max-stale=5"), 66, 1),
        (cc("max-stale"), 600, 0),
    ] {
        let found = runs(heeding(), "max-age=60", age, &[own]).await;
        assert_eq!(found, expected, "{own:?} {age}");
        let ignored = runs(Policy::from_headers(), "max-age=60", age, &[own]).await;
        assert_eq!(ignored, u64::from(age >= 60), "{own:?} {age}");
    }
}

#[tokio::test]
async fn no_client_gets_what_is_stale_against_the_word_of_the_response() {
    for fields in [
        "max-age=60, must-revalidate",
        "max-age=60, proxy-revalidate",
        "s-maxage=60",
    ] {
        let found = runs(heeding(), fields, 61, &[cc("max-stale")]).await;
        assert_eq!(found, 1, "{fields}");
    }
    let found = runs(heeding(), "no-cache", 1, &[cc("max-stale")]).await;
    assert_eq!(found, 1);
}

#[tokio::test]
async fn who_wants_it_only_if_it_is_cached_gets_that_or_a_504() {
    let (origin, clock, cache) = origin(heeding(), "max-age=60");
    let only = [cc("only-if-cached")];
    let answer = origin.ask("GET", "/a", &only).await;
    assert_eq!(
        (answer.status, answer.body.as_str(), origin.runs()),
        (504, "", 0)
    );
    origin.get("/a").await;
    assert_eq!(origin.ask("GET", "/a", &only).await.body, "run 1");
    clock.advance(Duration::from_secs(60));
    assert_eq!(origin.ask("HEAD", "/a", &only).await.status, 504);
    assert_eq!(origin.runs(), 1);
    assert_eq!(cache.stats().bypasses["only-if-cached"], 2);
    // Where clients have no say it means nothing.
    let ignoring = Origin::says(Cache::local().layer(), &[cc("max-age=60")]);
    assert_eq!(ignoring.ask("GET", "/a", &only).await.status, 200);
}

#[tokio::test]
async fn a_client_may_take_what_is_stale_for_an_error() {
    let clock = Clock::new();
    let cache = Cache::builder().clock(clock.clone()).build().unwrap();
    let mut shop = Shop::of(cache, heeding());
    shop.fill("/a", "old").await;
    clock.advance(Duration::from_secs(65));
    for (own, answered) in [("stale-if-error=5", false), ("stale-if-error=6", true)] {
        let mut request = request("GET", "/a");
        request
            .headers_mut()
            .insert("cache-control", own.parse().unwrap());
        let asked = shop.ask(request);
        shop.origin.next().await.fail();
        settle().await;
        assert_eq!(asked.await.unwrap().is_ok(), answered, "{own}");
    }
}

#[tokio::test]
async fn nobody_is_answered_with_what_somebody_else_was_fetching_already() {
    let mut shop = Shop::of(Cache::local(), heeding());
    let demanding = |shop: &Shop| {
        let mut demands = request("GET", "/a");
        let no_cache = "no-cache".parse().unwrap();
        demands.headers_mut().insert("cache-control", no_cache);
        shop.ask(demands)
    };
    let first = shop.get("/a");
    let before = shop.origin.next().await;
    let own = demanding(&shop);
    shop.origin.next().await.answer(fresh("own"));
    assert_eq!(body(own).await, "own");
    before.answer(fresh("first"));
    assert_eq!(body(first).await, "first");
    // Nor do two of them wait for each other.
    let both = [demanding(&shop), demanding(&shop)];
    for call in [shop.origin.next().await, shop.origin.next().await] {
        call.answer(fresh("new"));
    }
    for asked in both {
        assert_eq!(body(asked).await, "new");
    }
}
