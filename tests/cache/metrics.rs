//! The numbers through the `metrics` facade, as a Prometheus exporter renders them.

use crate::held::eventually;
use crate::origin::{Origin, response};
use ::metrics::{
    Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit,
    set_default_local_recorder,
};
use axum::http::Method;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusRecorder};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tower_coherence::policy::WritePolicy;
use tower_coherence::test_util::Clock;
use tower_coherence::{Cache, Policy, RouteKind, RouteTable, Stats};

const TABLE: &str = include_str!("../../src/docs/metrics.md");
const MINUTE: Duration = Duration::from_secs(60);

fn recorder() -> PrometheusRecorder {
    PrometheusBuilder::new().build_recorder()
}

/// Each series and its value, as a scrape has them.
fn scraped(recorder: &PrometheusRecorder) -> BTreeMap<String, f64> {
    let text = recorder.handle().render();
    let lines = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let pairs = lines.map(|line| line.rsplit_once(' ').unwrap());
    pairs
        .map(|(series, value)| (series.to_owned(), value.parse().unwrap()))
        .collect()
}

/// The names of the table.
fn names() -> BTreeSet<String> {
    let rows = TABLE.lines().filter_map(|line| line.strip_prefix("| `"));
    let names = rows.map(|row| row.split_once('`').unwrap().0.to_owned());
    names.collect()
}

fn table() -> RouteTable {
    let policy = Policy::lifetime(MINUTE).stale_while_revalidate(MINUTE);
    let writes = WritePolicy::new().tags(["item:{id:int}"]);
    let table = RouteTable::builder()
        .read("/item/{id}", policy.tags(["item:{id:int}"]))
        .write_on(&[Method::PUT], "/item/{id}", writes);
    table.build().unwrap()
}

fn origin(cache: &Cache) -> Origin {
    Origin::new(cache.layer(), |request| {
        let forbids = request.uri().query().is_some();
        let lines = [("cache-control", "no-store")];
        response(200, if forbids { &lines[..] } else { &[] }, "text")
    })
}

/// Hits, misses, a bypass, a refusal, a write, and something stale.
async fn some_traffic() -> Cache {
    let clock = Clock::new();
    let builder = Cache::builder().clock(clock.clone()).routes(table());
    let cache = builder.status_name("my cache").build().unwrap();
    let origin = origin(&cache);
    for uri in [
        "/item/1",
        "/item/1",
        "/item/2",
        "/item/2",
        "/item/3?x",
        "/none",
    ] {
        origin.get(uri).await;
    }
    origin.ask("GET", "/item/1", &[("if-match", "\"x\"")]).await;
    origin.ask("PUT", "/item/1", &[]).await;
    origin.ask("PUT", "/item/9", &[]).await;
    clock.advance(MINUTE + Duration::from_secs(1));
    origin.get("/item/2").await;
    eventually(|| cache.stats().stored == 3).await;
    cache
}

/// What the scrape should have of the read route, by what `stats` says.
fn expected(stats: &Stats) -> BTreeMap<String, u64> {
    let read = |route: &&tower_coherence::RouteStats| {
        route.kind == RouteKind::Read && route.pattern.is_some()
    };
    let route = stats.routes.iter().find(read).unwrap();
    let labels = "cache=\"my cache\",route=\"/item/{id}\"";
    let plain = [
        ("hits", route.hits),
        ("fills", route.fills),
        ("refreshes", route.refreshes),
        ("confirmed", route.confirmed),
        ("waiters", route.waiters),
        ("stored", route.stored),
    ];
    let plain =
        plain.map(|(name, value)| (format!("tower_coherence_{name}_total{{{labels}}}"), value));
    let mut all = BTreeMap::from(plain);
    for (name, tally) in [
        ("misses", &route.misses),
        ("bypasses", &route.bypasses),
        ("refusals", &route.refusals),
        ("stale", &route.stale),
    ] {
        for (reason, times) in tally {
            let labels = format!("{labels},reason=\"{reason}\"");
            all.insert(format!("tower_coherence_{name}_total{{{labels}}}"), *times);
        }
    }
    all
}

#[tokio::test]
async fn a_scrape_has_the_numbers_of_stats() {
    let recorder = recorder();
    let _guard = set_default_local_recorder(&recorder);
    let cache = some_traffic().await;
    cache.report_metrics();
    let (scraped, stats) = (scraped(&recorder), cache.stats());
    let expected = expected(&stats);
    assert!(
        expected.values().filter(|value| **value > 0).count() >= 8,
        "{expected:?}"
    );
    for (series, value) in expected {
        assert_eq!(
            scraped.get(&series).copied(),
            Some(value as f64),
            "{series}: {scraped:?}"
        );
    }
    let of_write = "cache=\"my cache\",route=\"/item/{id}\",methods=\"PUT\"";
    let of_target = format!("{of_write},target=\"tag item:{{id:int}}\"");
    for (series, value) in [
        (format!("tower_coherence_writes_total{{{of_write}}}"), 2.0),
        (
            format!("tower_coherence_targets_named_total{{{of_target}}}"),
            2.0,
        ),
        (
            format!("tower_coherence_targets_met_total{{{of_target}}}"),
            1.0,
        ),
        (
            "tower_coherence_coherent{cache=\"my cache\"}".to_owned(),
            1.0,
        ),
        (
            "tower_coherence_bus_down{cache=\"my cache\"}".to_owned(),
            0.0,
        ),
        (
            "tower_coherence_entries{cache=\"my cache\"}".to_owned(),
            stats.entries as f64,
        ),
        (
            "tower_coherence_invalidations_total{cache=\"my cache\"}".to_owned(),
            stats.invalidations as f64,
        ),
    ] {
        assert_eq!(
            scraped.get(&series).copied(),
            Some(value),
            "{series}: {scraped:?}"
        );
    }
}

#[tokio::test]
async fn each_name_of_the_table_is_in_a_scrape_with_its_meaning_and_no_other() {
    let recorder = recorder();
    let _guard = set_default_local_recorder(&recorder);
    let cache = some_traffic().await;
    cache.report_metrics();
    let scraped = scraped(&recorder);
    let seen = scraped
        .keys()
        .map(|series| series.split('{').next().unwrap().to_owned());
    let mut seen: BTreeSet<_> = seen.collect();
    let missing = names().difference(&seen).cloned().collect::<Vec<_>>();
    assert!(missing.is_empty(), "{missing:?}");
    seen.retain(|name| !names().contains(name));
    assert!(seen.is_empty(), "{seen:?}");
    let text = recorder.handle().render();
    for name in names() {
        assert!(text.contains(&format!("# HELP {name} ")), "{name}");
    }
}

#[tokio::test]
async fn the_numbers_come_by_themselves_on_the_heartbeat() {
    let recorder = recorder();
    let _guard = set_default_local_recorder(&recorder);
    let clock = Clock::new();
    let builder = Cache::builder().clock(clock.clone()).routes(table());
    let cache = builder.build().unwrap();
    origin(&cache).get("/item/1").await;
    crate::held::settle().await;
    assert!(scraped(&recorder).is_empty());
    clock.advance(Duration::from_secs(1));
    let stored = "tower_coherence_stored_total{cache=\"tower-coherence\",route=\"/item/{id}\"}";
    eventually(|| scraped(&recorder).get(stored) == Some(&1.0)).await;
}

/// A client must not be able to make any number of series.
#[tokio::test]
async fn no_series_is_by_what_a_client_sent() {
    let recorder = recorder();
    let _guard = set_default_local_recorder(&recorder);
    let cache = Cache::builder().routes(table()).build().unwrap();
    let origin = origin(&cache);
    let ask = async |at: u32| {
        origin.get(&format!("/item/{at}?q={at}")).await;
        origin.get(&format!("/other/{at}")).await;
        origin.ask("PUT", &format!("/item/{at}"), &[]).await;
        let method = format!("X-{at}");
        origin
            .ask(&method, &format!("/item/{at}"), &[("x", &method)])
            .await;
        cache.report_metrics();
        scraped(&recorder).len()
    };
    let few = ask(1).await;
    for at in 2..50 {
        ask(at).await;
    }
    assert_eq!(ask(50).await, few);
}

/// Panics at each call.
struct Broken;

impl Recorder for Broken {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {
        panic!("a recorder of the application");
    }

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
        Counter::noop()
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

/// Cause: a task that panics is started anew, and everything is invalidated. Effect: with
/// a recorder that panics, nothing would stay in the store.
#[tokio::test]
async fn a_recorder_that_panics_costs_nothing_but_the_numbers() {
    let _guard = set_default_local_recorder(&Broken);
    let clock = Clock::new();
    let builder = Cache::builder().clock(clock.clone()).routes(table());
    let cache = builder.build().unwrap();
    let origin = origin(&cache);
    origin.get("/item/1").await;
    let adoptions = cache.stats().bus.adoptions;
    for _ in 0..5 {
        clock.advance(Duration::from_secs(1));
        crate::held::settle().await;
    }
    origin.get("/item/1").await;
    let stats = cache.stats();
    assert_eq!((stats.hits, stats.bus.adoptions), (1, adoptions));
}
