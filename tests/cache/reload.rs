//! A route table that is replaced while the cache runs.

use crate::held::{Shop, body, eventually, fresh};
use crate::origin::{Origin, response, with};
use http::Method;
use std::time::Duration;
use tower::Layer;
use tower_coherence::policy::{
    Authorization, Class, Downstream, Eviction, Inputs, OwnPath, Query, SetCookie, WritePolicy,
};
use tower_coherence::test_util::Clock;
use tower_coherence::{Cache, Policy, RouteTable, RouteTableBuilder, Scope};

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn cached() -> Policy {
    Policy::lifetime(seconds(60))
}

fn one(policy: Policy) -> RouteTable {
    made(RouteTable::builder().read("/a/{id}", policy))
}

fn made(table: RouteTableBuilder) -> RouteTable {
    table.build().unwrap()
}

/// A cache with this table, its clock, and an application behind it.
struct Rig {
    cache: Cache,
    clock: Clock,
    origin: Origin,
}

impl Rig {
    fn new(table: RouteTable) -> Self {
        let clock = Clock::new();
        let cache = Cache::builder().clock(clock.clone()).routes(table);
        let cache = cache.build().unwrap();
        let origin = Origin::says(cache.layer(), &[]);
        Self {
            cache,
            clock,
            origin,
        }
    }

    /// Whether this is answered from memory.
    async fn is_hit(&self, uri: &str) -> bool {
        let runs = self.origin.runs();
        self.origin.get(uri).await;
        self.origin.runs() == runs
    }

    fn dropped(&self, table: RouteTable) -> Vec<Option<String>> {
        self.cache.replace_routes(table).dropped
    }
}

#[tokio::test]
async fn what_was_stored_stays_where_the_policy_differs_in_times_only() {
    let policy = || cached().tags(["a:{id}"]).query(Query::only(["x"]));
    let rig = Rig::new(one(policy()));
    rig.origin.get("/a/1?x=2").await;
    let longer = Policy::lifetime(seconds(90)).refresh_ahead(0.9);
    let longer = longer.tags(["a:{id}"]).query(Query::only(["x"]));
    for table in [one(policy()), one(longer)] {
        assert_eq!(rig.dropped(table), []);
        assert!(rig.is_hit("/a/1?x=2").await);
    }
    // It has the time that it was stored with.
    rig.clock.advance(seconds(60));
    assert!(!rig.is_hit("/a/1?x=2").await);
    rig.clock.advance(seconds(70));
    assert!(rig.is_hit("/a/1?x=2").await);
}

#[tokio::test]
async fn a_shorter_lifetime_counts_at_once() {
    let rig = Rig::new(one(cached()));
    rig.origin.get("/a/old").await;
    rig.clock.advance(seconds(15));
    rig.origin.get("/a/young").await;
    assert_eq!(rig.dropped(one(Policy::lifetime(seconds(15)))), []);
    assert!(!rig.is_hit("/a/old").await);
    rig.clock.advance(seconds(14));
    assert!(rig.is_hit("/a/young").await);
    // Also after a table that says nothing of it.
    assert_eq!(rig.dropped(one(Policy::lifetime(seconds(15)))), []);
    rig.clock.advance(seconds(1));
    assert!(!rig.is_hit("/a/young").await);
}

#[tokio::test]
async fn a_shorter_lifetime_leaves_the_statuses_that_have_their_own() {
    let policy = |lifetime| Policy::lifetime(seconds(lifetime)).statuses(404..=404, seconds(40));
    let clock = Clock::new();
    let builder = Cache::builder().clock(clock.clone());
    let cache = builder.routes(one(policy(60))).build().unwrap();
    let origin = Origin::new(cache.layer(), |request| {
        response(request.uri().path()[3..].parse().unwrap(), &[], "")
    });
    let ask = async |uri| {
        origin.get(uri).await;
        origin.runs()
    };
    assert_eq!((ask("/a/404").await, ask("/a/200").await), (1, 2));
    cache.replace_routes(one(policy(30)));
    clock.advance(seconds(30));
    assert_eq!(ask("/a/404").await, 2);
    assert_eq!(ask("/a/200").await, 3);
    clock.advance(seconds(10));
    assert_eq!(ask("/a/404").await, 4);
}

#[tokio::test]
async fn an_answer_in_the_place_of_an_error_is_within_the_shorter_lifetime_too() {
    let policy = |lifetime| Policy::lifetime(seconds(lifetime)).stale_if_error(seconds(100));
    let clock = Clock::new();
    let builder = Cache::builder().clock(clock.clone());
    let cache = builder.routes(one(policy(60))).build().unwrap();
    let good = std::sync::atomic::AtomicBool::new(true);
    let good = std::sync::Arc::new(good);
    let is_good = good.clone();
    let origin = Origin::new(cache.layer(), move |_| {
        let good = is_good.load(std::sync::atomic::Ordering::SeqCst);
        response(if good { 200 } else { 500 }, &[], "")
    });
    assert_eq!(origin.get("/a/1").await.status, 200);
    good.store(false, std::sync::atomic::Ordering::SeqCst);
    clock.advance(seconds(70));
    assert_eq!(origin.get("/a/1").await.status, 200);
    cache.replace_routes(one(policy(50)));
    assert_eq!(origin.get("/a/1").await.status, 500);
}

/// What each pair differs in, with the old policy and the new one.
fn changes() -> Vec<(&'static str, Policy, Policy)> {
    let scope = |_: &http::request::Parts| Some(Scope::new("one"));
    let key = |_: &http::request::Parts| Some("one".to_owned());
    let headers = |inputs| cached().headers(inputs);
    vec![
        ("tags", cached().tags(["a"]), cached().tags(["b"])),
        ("template", cached(), cached().tags(["a:{id}"])),
        ("closure", cached(), cached().tag_with(|_, _| "a".into())),
        (
            "a new closure",
            cached().scope(scope),
            cached().scope(move |parts| scope(parts)),
        ),
        ("scope", cached(), cached().scope(scope)),
        ("key", cached(), cached().key_with(key)),
        ("query", cached(), cached().query(Query::Sorted)),
        ("cookies", cached(), cached().cookies(Inputs::Hide)),
        ("headers", headers(Inputs::Hide), cached()),
        (
            "other headers",
            headers(Inputs::key(["a"])),
            headers(Inputs::key(["b"])),
        ),
        (
            "authorization",
            cached(),
            cached().authorization(Authorization::Hide),
        ),
        ("body", cached(), cached().body_key(10)),
        ("class", cached(), cached().classify(|_, _| Class::Bypass)),
        ("settle", cached(), cached().settle(seconds(1))),
        (
            "statuses",
            cached(),
            cached().statuses(404..=404, seconds(1)),
        ),
        ("override", cached().override_headers(), cached()),
        ("heuristics", cached().heuristics(), cached()),
        ("errors", cached(), cached().errors_at_most(seconds(1))),
        ("cookie", cached().set_cookie(SetCookie::Strip), cached()),
        ("store if", cached(), cached().store_if(|_, _, _| true)),
        (
            "stale",
            cached().stale_while_revalidate(seconds(5)),
            cached().stale_while_revalidate(seconds(4)),
        ),
        ("if error", cached().stale_if_error(seconds(5)), cached()),
        ("idle", cached(), cached().idle(seconds(30))),
        ("etag", cached(), cached().etag()),
        (
            "downstream",
            cached(),
            cached().downstream(Downstream::NoStore),
        ),
        ("no lifetime", cached(), Policy::from_headers()),
        (
            "a store",
            cached(),
            cached().own_store(1_000_000, Eviction::Lru),
        ),
        (
            "another store",
            cached().own_store(1_000_000, Eviction::Lru),
            cached().own_store(1_000_000, Eviction::TinyLfu),
        ),
        ("bypass", cached(), Policy::bypass()),
    ]
}

#[tokio::test]
async fn a_change_of_what_is_in_keys_or_entries_drops_what_the_pattern_stored() {
    for (what, old, new) in changes() {
        let rig = Rig::new(made(
            RouteTable::builder()
                .read("/a/{id}", old.clone())
                .read("/b", cached()),
        ));
        let next = |policy| {
            made(
                RouteTable::builder()
                    .read("/a/{id}", policy)
                    .read("/b", cached()),
            )
        };
        for uri in ["/a/1", "/b"] {
            rig.origin.get(uri).await;
        }
        assert_eq!(rig.dropped(next(old.clone())), [], "{what}");
        assert!(rig.is_hit("/a/1").await, "{what}");
        let dropped = rig.dropped(next(new));
        assert_eq!(dropped, [Some("/a/{id}".to_owned())], "{what}");
        assert!(!rig.is_hit("/a/1").await, "{what}");
        assert!(rig.is_hit("/b").await, "{what}");
        // Nor does the old one find its entries again when it is back.
        rig.dropped(next(old));
        assert!(!rig.is_hit("/a/1").await, "{what}");
    }
}

#[tokio::test]
async fn a_path_that_gets_another_pattern_finds_nothing_of_the_one_before() {
    let wide = || RouteTable::builder().read("/a/{id}", cached());
    let narrow = || wide().read("/a/1", cached());
    let rig = Rig::new(made(wide()));
    for uri in ["/a/1", "/a/2"] {
        rig.origin.get(uri).await;
    }
    assert_eq!(rig.dropped(made(narrow())), []);
    assert!(!rig.is_hit("/a/1").await);
    assert!(rig.is_hit("/a/2").await);
    assert_eq!(rig.dropped(made(wide())), [Some("/a/1".to_owned())]);
    rig.origin.ask("PUT", "/a/1", &[]).await;
    assert!(!rig.is_hit("/a/1").await);
    assert!(rig.is_hit("/a/2").await);
    // Without any route it has the default policy, which kept nothing of it.
    let table = made(RouteTable::builder().default_policy(cached()));
    assert_eq!(rig.dropped(table), [Some("/a/{id}".to_owned())]);
    assert!(!rig.is_hit("/a/2").await);
    assert!(rig.is_hit("/a/2").await);
}

#[tokio::test]
async fn the_memory_of_what_was_dropped_is_given_back() {
    let rig = Rig::new(one(cached()));
    for uri in ["/a/1", "/a/2", "/a/3"] {
        rig.origin.get(uri).await;
    }
    assert_eq!(rig.cache.stats().entries, 3);
    rig.dropped(one(cached().tags(["a"])));
    rig.origin.get("/a/1").await;
    for _ in 0..40 {
        rig.clock.advance(seconds(1));
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }
    eventually(|| rig.cache.stats().entries == 1).await;
    assert_eq!(rig.cache.stats().swept, 3);
    assert!(rig.is_hit("/a/1").await);
}

#[tokio::test]
async fn a_store_stays_if_the_new_table_has_it_as_it_was() {
    let table = |bytes| {
        let table = RouteTable::builder().store("some", bytes, Eviction::Lru);
        made(table.read("/a/{id}", cached().store("some")))
    };
    let rig = Rig::new(table(1_000_000));
    rig.origin.get("/a/1").await;
    rig.dropped(table(1_000_000));
    assert!(rig.is_hit("/a/1").await);
    rig.dropped(table(2_000_000));
    assert!(!rig.is_hit("/a/1").await);
    assert_eq!(rig.cache.stats().entries, 1);
    let other = RouteTable::builder().store("other", 2_000_000, Eviction::Lru);
    let other = made(other.read("/a/{id}", cached().store("other")));
    assert_eq!(rig.dropped(other), [Some("/a/{id}".to_owned())]);
    assert!(!rig.is_hit("/a/1").await);
    let own = || one(cached().own_store(1_000_000, Eviction::Lru));
    rig.dropped(own());
    rig.origin.get("/a/1").await;
    assert_eq!(rig.dropped(own()), []);
    assert!(rig.is_hit("/a/1").await);
}

#[tokio::test]
async fn a_fill_that_is_under_way_answers_those_who_wait_and_is_not_found_later() {
    let cache = Cache::builder().routes(one(cached())).build().unwrap();
    let (service, origin) = crate::held::origin();
    let app = cache.layer().layer(service);
    let mut shop = Shop { cache, app, origin };
    let leader = shop.get("/a/1");
    let call = shop.origin.next().await;
    let waiter = shop.get("/a/1");
    eventually(|| shop.cache.stats().waiters == 1).await;
    shop.cache.replace_routes(one(cached().tags(["a"])));
    let later = shop.get("/a/1");
    let second = shop.origin.next().await;
    call.answer(fresh("old"));
    assert_eq!(body(leader).await, "old");
    assert_eq!(body(waiter).await, "old");
    second.answer(fresh("new"));
    assert_eq!(body(later).await, "new");
    assert_eq!(shop.see("/a/1", "newer").await, "new");
}

#[tokio::test]
async fn writes_go_by_the_new_table() {
    let table = |tag: &str| {
        let quiet = WritePolicy::new().own_path(OwnPath::Off);
        let table = RouteTable::builder().read("/a/{id}", cached().tags(["a", "b"]));
        made(table.write_on(&[Method::POST], "/w", quiet.tags([tag])))
    };
    let rig = Rig::new(table("c"));
    rig.origin.get("/a/1").await;
    rig.origin.ask("POST", "/w", &[]).await;
    assert!(rig.is_hit("/a/1").await);
    assert_eq!(rig.dropped(table("b")), []);
    rig.origin.ask("POST", "/w", &[]).await;
    assert!(!rig.is_hit("/a/1").await);
}

#[tokio::test]
async fn a_cache_without_a_table_gets_one_and_the_policy_of_a_layer_counts_before_it() {
    let cache = Cache::local();
    let origin = Origin::says(cache.layer(), &[]);
    let own = Origin::says(with(&cache, cached()), &[]);
    own.get("/a/own").await;
    for runs in [1, 2] {
        origin.get("/a/1").await;
        assert_eq!(origin.runs(), runs);
    }
    assert_eq!(cache.replace_routes(one(cached())).dropped, []);
    for _ in 0..2 {
        origin.get("/a/1").await;
        assert_eq!(origin.runs(), 3);
    }
    own.get("/a/own").await;
    assert_eq!(own.runs(), 1);
    cache.replace_routes(one(Policy::bypass()));
    own.get("/a/own").await;
    assert_eq!(own.runs(), 1);
}

#[tokio::test]
async fn a_default_policy_of_the_table_is_for_what_has_no_route() {
    let builder = Cache::builder().default_policy(Policy::bypass());
    let table = one(Policy::bypass());
    let cache = builder.routes(table).build().unwrap();
    let origin = Origin::says(cache.layer(), &[]);
    let hits = async |uri| {
        origin.get(uri).await;
        let runs = origin.runs();
        origin.get(uri).await;
        origin.runs() == runs
    };
    assert!(!hits("/other").await);
    let table = RouteTable::builder().default_policy(cached());
    let table = table.read("/a/{id}", Policy::bypass());
    cache.replace_routes(made(table));
    assert!(hits("/other").await);
    assert!(!hits("/a/1").await);
    let table = RouteTable::builder().default_policy(cached().store("none"));
    let told = table.build().unwrap_err().to_string();
    let line = "the default policy: there is no store \"none\"";
    assert!(told.contains(line), "{told}");
}

#[test]
fn many_threads_replace_the_table_while_others_ask() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
        .unwrap();
    let tables = || [one(cached()), one(cached().tags(["a:{id}"]))];
    let [first, _] = tables();
    let cache = Cache::builder().routes(first).build().unwrap();
    let origin = Origin::new(cache.layer(), |request| {
        response(200, &[], request.uri().path().to_owned())
    });
    runtime.block_on(async {
        let mut tasks = Vec::new();
        for _ in 0..4 {
            let (cache, origin) = (cache.clone(), origin.clone());
            tasks.push(crate::held::spawn(async move {
                for round in 0..200 {
                    let uri = format!("/a/{}", round % 3);
                    assert_eq!(origin.get(&uri).await.body, uri);
                    let [one, other] = tables();
                    cache.replace_routes(if round % 2 == 0 { one } else { other });
                }
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        let [one, _] = tables();
        cache.replace_routes(one);
        origin.get("/a/0").await;
        let runs = origin.runs();
        origin.get("/a/0").await;
        assert_eq!(origin.runs(), runs);
    });
}
