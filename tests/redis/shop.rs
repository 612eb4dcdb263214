//! Instances of one small application over one Redis, and an oracle that knows
//! what may be served.

use crate::support::eventually::eventually;
use axum::body::Body;
use axum::extract::Path;
use axum::http::{Request, StatusCode};
use axum::routing::get;
use axum::{Extension, Router};
use http_body_util::BodyExt;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tower::ServiceExt;
use tower_coherence::bus::Redis;
use tower_coherence::policy::Eviction;
use tower_coherence::{Cache, CacheContext, Policy, Stats, Tag};

/// The staleness bound of these tests: short, so that waiting for it is too.
pub(crate) const BOUND: Duration = Duration::from_millis(900);

/// The bound of patient instances: so long that a busy machine makes none deaf.
const LONG: Duration = Duration::from_secs(60);

/// How long anything may take that has no bound of its own.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The keys of the shop, and its channel.
pub(crate) const LOG: &str = "coherence:{shop}:log";
pub(crate) const MEMBERS: &str = "coherence:{shop}:members";
pub(crate) const RING: &str = "coherence:{shop}:ring";

/// A task of the test's own.
#[allow(clippy::disallowed_methods, reason = "a test owns its tasks")]
pub(crate) fn spawn<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> tokio::task::JoinHandle<T> {
    tokio::spawn(work)
}

/// The time, for the oracle: the bound is about real time.
#[allow(clippy::disallowed_methods, reason = "the oracle measures the bound")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// The one database: a version for each key.
#[derive(Clone, Default)]
pub(crate) struct Database(Arc<Mutex<HashMap<String, u64>>>);

impl Database {
    pub(crate) fn read(&self, key: &str) -> u64 {
        self.0.lock().unwrap().get(key).copied().unwrap_or(0)
    }

    /// A commit. Returns the new version.
    pub(crate) fn write(&self, key: &str) -> u64 {
        let mut versions = self.0.lock().unwrap();
        let version = versions.entry(key.to_owned()).or_default();
        *version += 1;
        *version
    }
}

/// One instance.
#[derive(Clone)]
pub(crate) struct Instance {
    pub(crate) cache: Cache,
    pub(crate) app: Router,
    /// That of the cache.
    pub(crate) bound: Duration,
}

/// What came back, and whether from memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Got {
    pub(crate) version: u64,
    pub(crate) hit: bool,
}

impl Instance {
    pub(crate) fn start(url: &str, database: &Database) -> Self {
        Self::with(url, database, |redis| redis)
    }

    pub(crate) fn with(url: &str, database: &Database, tune: impl FnOnce(Redis) -> Redis) -> Self {
        let redis = Redis::new(url, "shop").unwrap();
        let redis = redis
            .connect_timeout(Duration::from_millis(250))
            .reply_timeout(Duration::from_millis(250));
        let cache = Cache::builder()
            .bus(tune(redis))
            .staleness_bound(BOUND)
            .build()
            .unwrap();
        let policy = Policy::lifetime(Duration::from_secs(600));
        Self::around(cache, policy, database)
    }

    /// One that a busy machine does not make deaf, and that hears soon all the same.
    pub(crate) fn patient(url: &str, database: &Database) -> Self {
        Self::bounded(url, database, LONG, Duration::from_millis(200))
    }

    /// With another bound, on a bus that waits long.
    pub(crate) fn bounded(
        url: &str,
        database: &Database,
        bound: Duration,
        heartbeat: Duration,
    ) -> Self {
        let wait = Duration::from_secs(5);
        let redis = Redis::new(url, "shop").unwrap();
        let redis = redis.connect_timeout(wait).reply_timeout(wait);
        let cache = Cache::builder()
            .bus(redis)
            .staleness_bound(bound)
            .heartbeat(heartbeat)
            .build()
            .unwrap();
        let policy = Policy::lifetime(Duration::from_secs(600));
        Self {
            bound,
            ..Self::around(cache, policy, database)
        }
    }

    /// The same instance with another policy on its routes, and so with another
    /// store.
    pub(crate) fn policy(&self, policy: Policy, database: &Database) -> Self {
        let policy = policy.own_store(1 << 20, Eviction::Lru);
        Self {
            bound: self.bound,
            ..Self::around(self.cache.clone(), policy, database)
        }
    }

    /// The same instance with other routes, which the layer is still to be put
    /// around.
    pub(crate) fn routes(&self, routes: Router) -> Self {
        let policy = Policy::lifetime(Duration::from_secs(600));
        Self {
            app: routes.layer(self.cache.layer().policy(policy)),
            ..self.clone()
        }
    }

    pub(crate) fn around(cache: Cache, policy: Policy, database: &Database) -> Self {
        let app = Router::new()
            .route(
                "/item/{key}",
                get(show)
                    .put(change)
                    .post(fail_after_commit)
                    .delete(panic_after_commit)
                    .patch(give_up_after_commit),
            )
            .layer(cache.layer().policy(policy))
            .layer(Extension(database.clone()));
        Self {
            cache,
            app,
            bound: BOUND,
        }
    }

    pub(crate) async fn send(&self, method: &str, key: &str) -> (StatusCode, String) {
        let request = Request::builder()
            .method(method)
            .uri(format!("/item/{key}"))
            .header("host", "shop");
        let Ok(response) = self
            .app
            .clone()
            .oneshot(request.body(Body::empty()).unwrap())
            .await;
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    pub(crate) async fn get(&self, key: &str) -> Got {
        let before = self.cache.stats().hits;
        let (status, body) = self.send("GET", key).await;
        assert_eq!(status, StatusCode::OK);
        Got {
            version: body.parse().unwrap(),
            hit: self.cache.stats().hits > before,
        }
    }

    pub(crate) async fn put(&self, key: &str) -> u64 {
        let (status, body) = self.send("PUT", key).await;
        assert_eq!(status, StatusCode::OK);
        body.parse().unwrap()
    }

    pub(crate) async fn coherent(&self) {
        let coherent = self.cache.coherent();
        tokio::time::timeout(PATIENCE, coherent)
            .await
            .expect("coherent")
            .unwrap();
    }

    /// Asks until it is answered from memory.
    pub(crate) async fn warm(&self, key: &str) -> Got {
        eventually("a hit", PATIENCE, async || {
            Some(self.get(key).await).filter(|got| got.hit)
        })
        .await
    }

    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&Stats) -> bool) {
        eventually(what, PATIENCE, async || {
            holds(&self.cache.stats()).then_some(())
        })
        .await;
    }

    /// Asks until the version is there. An older answer is allowed only to a
    /// request that began within the bound after `accepted`: P3.
    pub(crate) async fn fresh(&self, key: &str, version: u64, accepted: Instant) {
        eventually("a fresh answer", PATIENCE, async || {
            let asked = now();
            let got = self.get(key).await;
            let allowed = asked.duration_since(accepted) <= self.bound;
            assert!(
                got.version >= version || allowed,
                "{got:?} after the bound, wanted {version}"
            );
            (got.version >= version).then_some(())
        })
        .await;
    }

    /// Waits until it has an ear.
    pub(crate) async fn listens(&self) {
        self.until("an ear", |stats| stats.bus.connections > 0)
            .await;
    }

    /// Waits until the trouble that it has is said with this word.
    pub(crate) async fn says(&self, word: &str) {
        eventually(word, PATIENCE, async || {
            let trouble = self.cache.health().last_trouble?;
            trouble.contains(word).then_some(())
        })
        .await;
    }

    /// The id of the last entry that was applied here, as two numbers.
    pub(crate) fn applied_id(&self) -> (u64, u64) {
        let position = self.cache.health().position.expect("a position");
        let (id, _) = position.split_once(':').expect("an id and a mark");
        let (millis, number) = id.split_once('-').expect("two numbers");
        (millis.parse().unwrap(), number.parse().unwrap())
    }

    /// Asks until nothing is served from memory, and looks that what is not is
    /// fresh.
    pub(crate) async fn deaf(&self, key: &str, database: &Database) {
        eventually("an answer past the store", PATIENCE, async || {
            let got = self.get(key).await;
            assert!(got.hit || got.version == database.read(key));
            (!got.hit).then_some(())
        })
        .await;
    }
}

/// Two instances that have proved that they hear.
pub(crate) async fn pair(url_a: &str, url_b: &str, database: &Database) -> [Instance; 2] {
    let pair = [
        Instance::start(url_a, database),
        Instance::start(url_b, database),
    ];
    for instance in &pair {
        instance.coherent().await;
    }
    pair
}

async fn show(
    cache: CacheContext,
    Path(key): Path<String>,
    Extension(database): Extension<Database>,
) -> String {
    cache.tag(Tag::of("item", &key));
    database.read(&key).to_string()
}

async fn change(Path(key): Path<String>, Extension(database): Extension<Database>) -> String {
    database.write(&key).to_string()
}

async fn fail_after_commit(
    Path(key): Path<String>,
    Extension(database): Extension<Database>,
) -> StatusCode {
    database.write(&key);
    StatusCode::INTERNAL_SERVER_ERROR
}

async fn panic_after_commit(
    Path(key): Path<String>,
    Extension(database): Extension<Database>,
) -> StatusCode {
    database.write(&key);
    panic!("after the commit, on purpose")
}

/// Says by its context what became stale, and is refused all the same.
async fn give_up_after_commit(
    cache: CacheContext,
    Path(key): Path<String>,
    Extension(database): Extension<Database>,
) -> Result<(), StatusCode> {
    database.write(&key);
    cache.invalidate(Tag::of("item", &key));
    Err(StatusCode::CONFLICT)
}
