//! What is counted of each route, and what the numbers say of a table.

use crate::origin::{Origin, response, with};
use axum::http::Method;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tower_coherence::policy::{OwnPath, WritePolicy};
use tower_coherence::test_util::Clock;
use tower_coherence::{
    Cache, CacheBuilder, Invalidate, Policy, RouteKind, RouteStats, RouteTable, RouteTableBuilder,
    Scope, Stats,
};
use tracing_subscriber::Registry;
use tracing_subscriber::layer::{Context, SubscriberExt};

const MINUTE: Duration = Duration::from_secs(60);

fn cached() -> Policy {
    Policy::lifetime(MINUTE)
}

fn quiet() -> WritePolicy {
    WritePolicy::new().own_path(OwnPath::Off)
}

fn cache(table: RouteTableBuilder) -> Cache {
    with_table(table).build().unwrap()
}

fn with_table(table: RouteTableBuilder) -> CacheBuilder {
    Cache::builder().routes(table.build().unwrap())
}

fn read<'a>(stats: &'a Stats, pattern: &str) -> &'a RouteStats {
    route(stats, RouteKind::Read, Some(pattern))
}

fn write<'a>(stats: &'a Stats, pattern: &str) -> &'a RouteStats {
    route(stats, RouteKind::Write, Some(pattern))
}

fn route<'a>(stats: &'a Stats, kind: RouteKind, pattern: Option<&str>) -> &'a RouteStats {
    let mut routes = stats.routes.iter();
    let found = routes.find(|route| route.kind == kind && route.pattern.as_deref() == pattern);
    found.unwrap_or_else(|| panic!("no {kind:?} of {pattern:?}: {:?}", stats.routes))
}

fn sum(tally: &BTreeMap<&'static str, u64>) -> u64 {
    tally.values().sum()
}

/// A page, an item that is forbidden to be stored, and writes to both.
async fn some_traffic() -> Cache {
    let table = RouteTable::builder()
        .read("/page", cached())
        .read("/item/{id}", cached())
        .write("/page", quiet())
        .write_on(&[Method::PUT, Method::PATCH], "/item/{id}", quiet());
    let cache = cache(table);
    let origin = Origin::new(cache.layer(), |request| {
        let forbids = request.uri().path().starts_with("/item");
        let lines = [("cache-control", "no-store")];
        response(200, if forbids { &lines[..] } else { &[] }, "")
    });
    let precondition = [("if-match", "\"x\"")];
    for (method, uri, lines) in [
        ("GET", "/page", &[][..]),
        ("GET", "/page", &[]),
        ("HEAD", "/page", &[]),
        ("GET", "/page", &precondition),
        ("HEAD", "/page?cold", &[]),
        ("GET", "/item/1", &[]),
        ("GET", "/item/2", &[]),
        ("PUT", "/item/1", &[]),
        ("GET", "/else", &[]),
        ("POST", "/else", &[]),
    ] {
        origin.ask(method, uri, lines).await;
    }
    cache
}

#[tokio::test]
async fn each_route_counts_its_own() {
    let stats = some_traffic().await.stats();
    let page = read(&stats, "/page");
    assert_eq!(
        (page.matched, page.hits, page.fills, page.stored),
        (5, 2, 1, 1)
    );
    assert_eq!(page.misses, BTreeMap::from([("absent", 2)]));
    let bypasses = [("head", 1), ("precondition", 1)];
    assert_eq!(page.bypasses, BTreeMap::from(bypasses));
    let item = read(&stats, "/item/{id}");
    assert_eq!((item.matched, item.fills, item.stored), (2, 2, 0));
    assert_eq!(item.refusals, BTreeMap::from([("no-store", 2)]));
    let written = write(&stats, "/item/{id}");
    assert_eq!((written.matched, written.writes), (1, 1));
    assert_eq!(written.methods, "PATCH,PUT");
    for kind in [RouteKind::Read, RouteKind::Write] {
        assert_eq!(route(&stats, kind, None).matched, 1, "{kind:?}");
    }
}

#[tokio::test]
async fn the_totals_are_the_sums_of_the_routes() {
    let stats = some_traffic().await.stats();
    let all = |number: fn(&RouteStats) -> u64| stats.routes.iter().map(number).sum::<u64>();
    assert_eq!((stats.hits, all(|route| route.hits)), (2, 2));
    assert_eq!((stats.fills, all(|route| route.fills)), (4, 4));
    assert_eq!((stats.stored, all(|route| route.stored)), (1, 1));
    assert_eq!((stats.writes, all(|route| route.writes)), (2, 2));
    assert_eq!(sum(&stats.misses), 5);
    assert_eq!(all(|route| sum(&route.misses)), 5);
    assert_eq!(sum(&stats.bypasses), 2);
    assert_eq!(all(|route| sum(&route.bypasses)), 2);
    assert_eq!(sum(&stats.refusals), 3);
    assert_eq!(all(|route| sum(&route.refusals)), 3);
}

/// A slip in a pattern shows after the first day.
#[tokio::test]
async fn a_rule_that_no_request_was_for_is_known() {
    let stats = some_traffic().await.stats();
    let never: Vec<_> = stats.never_matched().collect();
    assert_eq!(never.len(), 1, "{never:?}");
    assert_eq!(
        (never[0].kind, never[0].pattern.as_deref()),
        (RouteKind::Write, Some("/page"))
    );
    let cache = cache(RouteTable::builder().read("/page", cached()));
    // It is in no layer yet, and the table is there all the same.
    assert_eq!(cache.stats().never_matched().count(), 1);
}

#[tokio::test]
async fn what_writes_name_and_nothing_here_bears_is_known() {
    let tenant = |request: &http::request::Parts| request.uri.query().map(Scope::new);
    let table = RouteTable::builder()
        .read("/item/{id}", cached().tags(["item:{id:int}"]).scope(tenant))
        .write(
            "/item/{id}",
            quiet()
                .tags(["item:{id:int}", "itmes"])
                .paths(["/item/{id}", "/itmes"])
                .prefixes(["/item"])
                .with(|_, _| Invalidate::nothing()),
        );
    let cache = cache(table);
    let origin = Origin::says(cache.layer(), &[]);
    // Of another tenant, and of another number.
    for uri in ["/item/7?other", "/item/8?one"] {
        origin.get(uri).await;
    }
    origin.ask("PUT", "/item/7?one", &[]).await;
    let told = |stats: &Stats| {
        let unmet = stats.never_met().map(|(_, name)| name.to_owned());
        unmet.collect::<Vec<_>>()
    };
    let all = [
        "path /item/{id}",
        "path /itmes",
        "tag item:{id:int}",
        "tag itmes",
    ];
    assert_eq!(told(&cache.stats()), all);
    origin.ask("PUT", "/item/8?one", &[]).await;
    assert_eq!(told(&cache.stats()), ["path /itmes", "tag itmes"]);
    let stats = cache.stats();
    let tag = write(&stats, "/item/{id}").targets["tag item:{id:int}"];
    assert_eq!((tag.named, tag.met), (2, 1));
}

/// Cause: an intent names what a write will make stale before its handler runs. Effect:
/// each of its targets would count twice.
#[tokio::test]
async fn what_is_announced_counts_once() {
    let writes = quiet().tags(["a"]).intent(MINUTE);
    let cache = cache(RouteTable::builder().write("/a", writes));
    let origin = Origin::says(cache.layer(), &[]);
    origin.ask("PUT", "/a", &[]).await;
    assert_eq!(write(&cache.stats(), "/a").targets["tag a"].named, 1);
}

/// What the warnings said of routes.
#[derive(Clone, Default)]
struct Warned(Arc<Mutex<Vec<String>>>);

impl tracing::field::Visit for Warned {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        if field.name() == "route" {
            self.0.lock().unwrap().push(format!("{value:?}"));
        }
    }
}

impl tracing_subscriber::Layer<Registry> for Warned {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, Registry>) {
        event.record(&mut self.clone());
    }
}

#[tokio::test]
async fn a_route_that_fills_and_never_stores_is_warned_of_once() {
    let warned = Warned::default();
    let _guard = tracing::subscriber::set_default(Registry::default().with(warned.clone()));
    let table = RouteTable::builder()
        .read("/never/{id}", cached())
        .read("/once/{id}", cached());
    let cache = cache(table);
    let origin = Origin::new(cache.layer(), |request| {
        let stored = request.uri().path() == "/once/0";
        response(
            200,
            if stored {
                &[]
            } else {
                &[("set-cookie", "a=b")]
            },
            "",
        )
    });
    for at in 0..99 {
        origin.get(&format!("/never/{at}")).await;
        origin.get(&format!("/once/{at}")).await;
    }
    assert!(cache.health().warnings.is_empty());
    for at in 99..300 {
        origin.get(&format!("/never/{at}")).await;
        origin.get(&format!("/once/{at}")).await;
    }
    assert_eq!(*warned.0.lock().unwrap(), ["read \"/never/{id}\""]);
    assert_eq!(
        cache.health().warnings,
        [
            "read \"/never/{id}\": of 300 responses none was stored, 300 of them by reason of `set-cookie`"
        ]
    );
}

#[tokio::test]
async fn layers_with_policies_of_their_own_count_together() {
    let cache = Cache::local();
    for _ in 0..3 {
        let origin = Origin::says(with(&cache, cached()), &[]);
        origin.get("/a").await;
        origin.get("/a").await;
    }
    let stats = cache.stats();
    assert_eq!(stats.routes.len(), 2, "{:?}", stats.routes);
    assert_eq!(route(&stats, RouteKind::Read, None).hits, 5);
}

#[tokio::test]
async fn a_refresh_and_a_confirmation_belong_to_their_route() {
    let clock = Clock::new();
    let table = RouteTable::builder()
        .read("/old", cached().stale_while_revalidate(MINUTE))
        .read("/asked", cached());
    let cache = with_table(table).clock(clock.clone()).build().unwrap();
    let origin = Origin::new(cache.layer(), |request| {
        let asks = request.headers().contains_key("if-none-match");
        response(if asks { 304 } else { 200 }, &[("etag", "\"x\"")], "")
    });
    for uri in ["/old", "/asked"] {
        origin.get(uri).await;
    }
    clock.advance(MINUTE + Duration::from_secs(1));
    for uri in ["/old", "/asked"] {
        origin.get(uri).await;
    }
    crate::held::eventually(|| cache.stats().confirmed == 2).await;
    let stats = cache.stats();
    let (old, asked) = (read(&stats, "/old"), read(&stats, "/asked"));
    assert_eq!(
        (old.refreshes, old.stale["while-revalidate"], old.confirmed),
        (1, 1, 1)
    );
    assert_eq!(
        (asked.refreshes, asked.misses["expired"], asked.confirmed),
        (0, 1, 1)
    );
}
