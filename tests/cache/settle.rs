//! A handler that reads a lagging replica: what it reads within the settle window
//! after an invalidation is answered, and not stored.

use crate::held::{Asked, Shop, body, eventually, fresh, plain, settle};
use crate::support::{Answer, Runs, get, request, send};
use axum::Router;
use axum::extract::State;
use axum::routing::get as on_get;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tower_coherence::test_util::Clock;
use tower_coherence::{Cache, CacheContext, Invalidate, Policy, Scope, Tag};

const LAG: Duration = Duration::from_secs(2);
const SECOND: Duration = Duration::from_secs(1);
const NANO: Duration = Duration::from_nanos(1);

/// A database whose replica shows a value when the lag has passed since it was set.
#[derive(Clone)]
struct Database(Arc<Mutex<Values>>);

struct Values {
    clock: Clock,
    passed: Duration,
    /// Each value, and when it was set.
    set: Vec<(Duration, u64)>,
}

impl Database {
    fn new(clock: &Clock) -> Self {
        let values = Values {
            clock: clock.clone(),
            passed: LAG,
            set: vec![(Duration::ZERO, 0)],
        };
        Self(Arc::new(Mutex::new(values)))
    }

    /// Lets time pass for the cache and the replica.
    fn advance(&self, by: Duration) {
        let mut values = self.0.lock().unwrap();
        values.passed += by;
        values.clock.advance(by);
    }

    fn set(&self) {
        let mut values = self.0.lock().unwrap();
        let (now, next) = (values.passed, values.set.len() as u64);
        values.set.push((now, next));
    }

    fn newest(&self) -> u64 {
        self.0.lock().unwrap().set.last().unwrap().1
    }

    /// As of one lag ago.
    fn replica(&self) -> u64 {
        let values = self.0.lock().unwrap();
        let seen = values.passed - LAG;
        let set = values.set.iter().rev().find(|(at, _)| *at <= seen);
        set.unwrap().1
    }
}

struct Site {
    app: Router,
    cache: Cache,
    database: Database,
    runs: Runs,
}

impl Site {
    fn new(policy: Policy) -> Self {
        let clock = Clock::new();
        let cache = Cache::builder().clock(clock.clone()).build().unwrap();
        let database = Database::new(&clock);
        let runs = Runs::default();
        let read = async |State((database, runs)): State<(Database, Runs)>, cache: CacheContext| {
            runs.next();
            cache.tag(Tag::new("noted"));
            let fields = [
                ("cache-control", "max-age=60"),
                ("cache-groups", "\"group\""),
            ];
            (fields, database.replica().to_string())
        };
        let write = async |State((database, _)): State<(Database, Runs)>| database.set();
        let app = Router::new()
            .route("/shop/{item}", on_get(read).put(write))
            .layer(cache.layer().policy(policy))
            .with_state((database.clone(), runs.clone()));
        Self {
            app,
            cache,
            database,
            runs,
        }
    }

    /// With the replica and the start of the cache behind it.
    async fn settling() -> Self {
        let site = Self::new(Policy::from_headers().settle(LAG));
        site.read("/shop/1").await;
        site.database.advance(LAG + NANO);
        site
    }

    async fn read(&self, uri: &str) -> u64 {
        get(&self.app, uri).await.body.parse().unwrap()
    }

    async fn write(&self, uri: &str) -> Answer {
        send(&self.app, request("PUT", uri)).await
    }

    /// Whether the next read is answered from memory.
    async fn is_stored(&self, uri: &str) -> bool {
        let before = self.runs.count();
        self.read(uri).await;
        self.runs.count() == before
    }

    fn refused(&self) -> u64 {
        let refusals = self.cache.stats().refusals;
        refusals.get("settling").copied().unwrap_or(0)
    }
}

#[tokio::test]
async fn without_a_window_what_the_replica_did_not_know_yet_sticks() {
    let site = Site::new(Policy::from_headers());
    site.write("/shop/1").await;
    assert_eq!(site.read("/shop/1").await, 0);
    site.database.advance(LAG * 5);
    assert_eq!(site.read("/shop/1").await, 0);
    assert_eq!(site.database.newest(), 1);
}

#[tokio::test]
async fn with_a_window_nothing_older_is_served_than_the_replica_would_say() {
    let site = Site::settling().await;
    let step = Duration::from_millis(250);
    for round in 0..60_u64 {
        if round % 11 == 3 {
            site.write("/shop/1").await;
        }
        assert_eq!(site.read("/shop/1").await, site.database.replica());
        site.database.advance(step);
    }
    assert!(site.cache.stats().hits > 0);
    assert!(site.refused() > 0);
}

#[tokio::test]
async fn the_window_ends_and_the_key_is_stored_at_once() {
    let site = Site::settling().await;
    site.write("/shop/1").await;
    for _ in 0..2 {
        assert!(!site.is_stored("/shop/1").await);
    }
    site.database.advance(LAG);
    assert!(!site.is_stored("/shop/1").await);
    assert!(!site.is_stored("/shop/1").await, "at the very end of it");
    site.database.advance(NANO);
    assert!(!site.is_stored("/shop/1").await, "nothing is there yet");
    assert!(site.is_stored("/shop/1").await);
    assert_eq!(site.read("/shop/1").await, 1);
}

#[tokio::test]
async fn the_start_of_a_cache_is_an_invalidation_of_everything() {
    let site = Site::new(Policy::from_headers().settle(LAG));
    for _ in 0..2 {
        assert!(!site.is_stored("/shop/1").await);
    }
    assert_eq!(site.refused(), 2);
    site.database.advance(LAG + NANO);
    assert!(!site.is_stored("/shop/1").await);
    assert!(site.is_stored("/shop/1").await);
}

#[tokio::test]
async fn every_kind_of_name_settles_and_only_what_it_names() {
    let own = [
        Invalidate::path("/shop/1"),
        Invalidate::uri("http://shop.example/shop/1"),
        Invalidate::path("/shop/1").soft(),
    ];
    let all = [
        Invalidate::tag(Tag::new("noted")),
        Invalidate::prefix("/shop"),
        Invalidate::prefix("/"),
        Invalidate::everything(),
        Invalidate::tag(Tag::new("noted")).soft(),
    ];
    let cases = own.map(|what| (what, false)).into_iter();
    for (what, both) in cases.chain(all.map(|what| (what, true))) {
        let site = Site::settling().await;
        site.cache.invalidate(what.clone()).await;
        for _ in 0..2 {
            assert!(!site.is_stored("/shop/1").await, "{what:?}");
        }
        site.read("/shop/2").await;
        assert_eq!(!site.is_stored("/shop/2").await, both, "{what:?}");
        site.database.advance(LAG + NANO);
        site.read("/shop/1").await;
        assert!(site.is_stored("/shop/1").await, "{what:?}");
    }
}

#[tokio::test]
async fn a_group_and_a_scope_settle() {
    let scope = Scope::new("one");
    let its = scope.clone();
    let policy = Policy::from_headers().settle(LAG);
    let scoped = Site::new(policy.scope(move |_| Some(its.clone())));
    scoped.read("/shop/1").await;
    scoped.database.advance(LAG + NANO);
    let everything = Invalidate::everything();
    scoped.cache.scope(scope).invalidate(everything).await;
    scoped.read("/shop/1").await;
    assert!(!scoped.is_stored("/shop/1").await);

    let site = Site::settling().await;
    let group = http::HeaderValue::from_static("\"group\"");
    let answered = Router::new()
        .route(
            "/other",
            axum::routing::post(async move || [("cache-group-invalidation", group)]),
        )
        .layer(site.cache.layer());
    assert_eq!(send(&answered, request("POST", "/other")).await.status, 200);
    site.read("/shop/1").await;
    assert!(!site.is_stored("/shop/1").await);
}

#[tokio::test]
async fn a_layer_with_a_window_that_is_made_later_begins_with_everything() {
    let site = Site::new(Policy::from_headers());
    site.database.advance(LAG * 3);
    site.write("/shop/1").await;
    let mut late = Shop::of(site.cache.clone(), Policy::from_headers().settle(LAG));
    late.fill("/shop/1", "old").await;
    assert_eq!(late.see("/shop/1", "new").await, "new");
}

/// A shop whose cache has started long ago.
async fn shop() -> (Clock, Shop) {
    let clock = Clock::new();
    let cache = Cache::builder().clock(clock.clone()).build().unwrap();
    let mut shop = Shop::of(cache, Policy::from_headers().settle(LAG));
    shop.fill("/a", "first").await;
    clock.advance(LAG + NANO);
    (clock, shop)
}

async fn waits(shop: &Shop, waiters: u64) -> Asked {
    let before = shop.cache.stats().waiters;
    let asked = shop.get("/a");
    eventually(|| shop.cache.stats().waiters == before + waiters).await;
    asked
}

#[tokio::test]
async fn who_waits_for_a_response_that_is_not_stored_gets_it() {
    let (_clock, mut shop) = shop().await;
    shop.cache.invalidate_now(Invalidate::path("/a"));
    let leads = shop.get("/a");
    let call = shop.origin.next().await;
    let joins = waits(&shop, 1).await;
    call.answer(fresh("old"));
    assert_eq!(body(leads).await, "old");
    assert_eq!(body(joins).await, "old");
    assert_eq!(shop.see("/a", "new").await, "new");
    assert_eq!(shop.refused("settling"), 3);
}

/// It had read what was before, and this instance has been told of it since.
#[tokio::test]
async fn who_waits_is_not_answered_with_what_is_older_than_the_bound() {
    let (clock, mut shop) = shop().await;
    shop.cache.invalidate_now(Invalidate::path("/a"));
    let leads = shop.get("/a");
    let call = shop.origin.next().await;
    let joins = waits(&shop, 1).await;
    // Less than the bound of 3 s since it began, more since what it has read.
    clock.advance(SECOND + NANO);
    settle().await;
    call.answer(fresh("old"));
    assert_eq!(body(leads).await, "old");
    shop.origin.next().await.answer(fresh("new"));
    assert_eq!(body(joins).await, "new");
}

/// A waiter without a token gets the old, as the leader does. The token's write was
/// applied here before the fill began, so the fill is valid; but by now the replica
/// has the write.
#[tokio::test]
async fn who_waits_with_a_token_is_not_answered_with_what_the_replica_would_not_say_any_more() {
    let clock = Clock::new();
    let header = http::HeaderName::from_static("x-wrote");
    let cache = Cache::builder().clock(clock.clone()).token_header(header);
    let policy = Policy::from_headers().settle(LAG);
    let mut shop = Shop::of(cache.build().unwrap(), policy);
    shop.fill("/a", "first").await;
    shop.cache.idle().await.unwrap();
    clock.advance(LAG + NANO);

    let put = shop.head(request("PUT", "/a"));
    shop.origin.next().await.answer(plain(""));
    let put = put.await.unwrap().unwrap();
    clock.advance(SECOND * 3 / 2);
    let leads = shop.get("/a");
    let call = shop.origin.next().await;
    let joins = waits(&shop, 1).await;
    let mut with_token = request("GET", "/a");
    let token = put.headers()["x-wrote"].clone();
    with_token.headers_mut().insert("x-wrote", token);
    let bears = shop.ask(with_token);
    eventually(|| shop.cache.stats().waiters == 2).await;
    clock.advance(SECOND / 2 + NANO);
    call.answer(fresh("old"));
    assert_eq!(body(leads).await, "old");
    assert_eq!(body(joins).await, "old");
    shop.origin.next().await.answer(fresh("new"));
    assert_eq!(body(bears).await, "new");
}

#[tokio::test]
async fn a_fill_that_takes_long_finds_what_it_began_too_soon_after() {
    let (clock, mut shop) = shop().await;
    shop.cache.invalidate_now(Invalidate::path("/a"));
    clock.advance(LAG);
    let asked = shop.get("/a");
    let call = shop.origin.next().await;
    clock.advance(SECOND * 20);
    shop.cache.invalidate_now(Invalidate::path("/b"));
    call.answer(fresh("old"));
    assert_eq!(body(asked).await, "old");
    assert_eq!(shop.see("/a", "new").await, "new");
}
