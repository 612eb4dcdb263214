//! How each cache is put around the service, as its README has it.
//!
//! `room` is given where hits are timed: as many entries and bytes as that needs, and a
//! lifetime that outlasts it. Without it sizes and lifetimes are the README's.

use crate::adapters::{Shared, kept_whole};
use crate::client::{Asked, Client};
use crate::hit::{self, Shop, Turn};
use crate::origin::Origin;
use axum::Router;
use axum::body::Body;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Method, Request, StatusCode, Uri};
use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tower::{Layer, ServiceBuilder, ServiceExt};

/// A cache around the service, and its own means to forget a path, where it has any.
pub struct Built<S> {
    pub service: S,
    pub forget: Option<Forget>,
}

pub type Forget = Arc<dyn Fn(&'static str) -> BoxFuture<'static, ()> + Send + Sync>;

impl<S: Asked> Built<S> {
    pub fn new(service: S) -> Self {
        let forget = None;
        Self { service, forget }
    }

    pub fn forgets<A>(mut self, forget: impl Fn(&'static str) -> A + Send + Sync + 'static) -> Self
    where
        A: Future<Output = ()> + Send + 'static,
    {
        self.forget = Some(Arc::new(move |path| Box::pin(forget(path))));
        self
    }
}

/// What a cache must hold while hits are timed.
#[derive(Clone, Copy)]
pub struct Room {
    pub entries: u64,
    pub bytes: u64,
}

const DAY: Duration = Duration::from_secs(86_400);

/// A cache, and the two things that are done with it.
pub struct Peer {
    pub name: &'static str,
    pub client: fn(Origin) -> Client,
    pub turn: fn(&Shop) -> Turn,
}

macro_rules! peers {
    ($($name:literal => $wrap:ident),* $(,)?) => {
        /// All of them; the first is ours.
        pub const PEERS: &[Peer] = &[$(Peer {
            name: $name,
            client: |origin| Client::new($wrap(origin, None)),
            turn: |shop| hit::turn(shop, |origin, room| $wrap(origin, Some(room)).service),
        }),*];
    };
}

peers! {
    "tower-coherence" => tower_coherence,
    "axum-response-cache" => axum_response_cache,
    "tower-http-cache" => tower_http_cache,
    "http-cache-tower-server" => http_cache_tower_server,
    "hitbox-tower" => hitbox_tower,
    "tower-http-cache-plus" => tower_http_cache_plus,
    "tower-resilience-cache" => tower_resilience_cache,
}

/// Ours and axum-response-cache around a route of axum's router.
pub const ROUTED: [fn(&Shop) -> Turn; 2] = [
    |shop| {
        hit::turn(shop, |origin, room| {
            routed(tower_coherence(origin, Some(room)))
        })
    },
    |shop| {
        hit::turn(shop, |origin, room| {
            routed(axum_response_cache(origin, Some(room)))
        })
    },
];

fn routed<S: Asked<Error = Infallible> + Sync>(built: Built<S>) -> Router {
    Router::new().route_service("/products/{number}", built.service)
}

/// All defaults: nothing is cached but what the response says may be.
fn tower_coherence(
    origin: Origin,
    room: Option<Room>,
) -> Built<impl Asked<Error = Infallible> + Sync> {
    let mut cache = tower_coherence::Cache::builder();
    if let Some(room) = room {
        cache = cache.max_bytes(room.bytes).max_cells(40_000_000);
    }
    let cache = cache.build().expect("the settings are possible");
    Built::new(cache.layer().layer(origin)).forgets(move |path| {
        let cache = cache.clone();
        async move {
            let stale = tower_coherence::Invalidate::path(path);
            let _ = cache.invalidate(stale).await;
        }
    })
}

/// The README's `with_lifespan`, 60 s. `x-invalidate-cache` makes it forget.
fn axum_response_cache(
    origin: Origin,
    room: Option<Room>,
) -> Built<impl Asked<Error = Infallible> + Sync> {
    use axum_response_cache::CacheLayer;
    let lifetime = room.map_or(Duration::from_secs(60), |_| DAY);
    let layer = CacheLayer::with_lifespan(lifetime);
    // Not where hits are timed: it is one more look at each request.
    let layer = match room {
        None => layer.allow_invalidation(),
        Some(_) => layer,
    };
    let service = layer.layer(origin);
    Built::new(service.clone()).forgets(move |path| {
        let service = service.clone();
        let request = Request::get(path).header("host", "shop.example");
        let request = request.header("x-invalidate-cache", "true");
        let request = request.body(Body::empty()).expect("it is well formed");
        async move {
            let _ = service.oneshot(request).await;
        }
    })
}

/// The README's quick start. It asks for bodies that are `Sync`, which axum's is not.
fn tower_http_cache(origin: Origin, room: Option<Room>) -> Built<impl Asked> {
    use tower_http_cache::prelude::{CacheBackend, CacheLayer, InMemoryBackend};
    let entries = room.map_or(10_000, |room| room.entries);
    let backend = InMemoryBackend::new(entries);
    let layer = CacheLayer::builder(backend.clone())
        .ttl(room.map_or(Duration::from_secs(120), |_| DAY))
        .negative_ttl(Duration::from_secs(10))
        .stale_while_revalidate(Duration::from_secs(30))
        .refresh_before(Duration::from_secs(5))
        .min_body_size(Some(1024))
        .max_body_size(Some(256 * 1024))
        .respect_cache_control(true)
        .build();
    let service = ServiceBuilder::new().map_response(Shared::around);
    Built::new(layer.layer(service.service(origin))).forgets(move |path| {
        let backend = backend.clone();
        async move {
            let _ = backend.invalidate(path).await;
        }
    })
}

/// The README's `ServerCacheLayer::new`, with the manager in memory instead of the one on disk.
fn http_cache_tower_server(origin: Origin, room: Option<Room>) -> Built<impl Asked> {
    use http_cache::MokaManager;
    let manager = room.map_or_else(MokaManager::default, |room| {
        MokaManager::new(moka::future::Cache::new(room.entries))
    });
    let layer = http_cache_tower_server::ServerCacheLayer::new(manager);
    Built::new(layer.layer(origin)).forgets(move |path| {
        let layer = layer.clone();
        async move {
            let request = Request::get(path).body(()).expect("it is well formed");
            let _ = layer.invalidate_request(&request).await;
        }
    })
}

/// The README's quick start of `hitbox-http` (method, path, two parameters of the query; only
/// 200; not where the request says `no-cache`), and of `hitbox-moka` with the format it
/// recommends.
fn hitbox_tower(origin: Origin, room: Option<Room>) -> Built<impl Asked> {
    use hitbox::CacheKey;
    use hitbox::policy::PolicyConfig;
    use hitbox::predicate::PredicateExt;
    use hitbox_backend::{Backend, format::BincodeFormat};
    use hitbox_http::extractors::Method;
    use hitbox_http::extractors::{path::PathExtractor, query::QueryExtractor};
    use hitbox_http::predicates::header::{Header, Operation};
    use hitbox_http::predicates::response;

    let entries = room.map_or(10_000, |room| room.entries);
    let backend = hitbox_moka::MokaBackend::builder().max_entries(entries);
    let no_cache = Operation::Contains(http::header::CACHE_CONTROL, "no-cache".to_owned());
    let lifetime = room.map_or(Duration::from_secs(300), |_| DAY);
    let config = hitbox::Config::builder()
        .request_predicate(Header::new(no_cache).not())
        .response_predicate(response::StatusCode::new(StatusCode::OK))
        .extractor(
            Method::new()
                .path("/{path}*")
                .query("page".to_owned())
                .query("limit".to_owned()),
        )
        .policy(PolicyConfig::builder().ttl(lifetime).build())
        .build();
    let backend = backend.value_format(BincodeFormat).build();
    let layer = hitbox_tower::Cache::builder()
        .backend(backend.clone())
        .config(config)
        .build();
    Built::new(layer.layer(origin)).forgets(move |path| {
        let backend = backend.clone();
        // The parts of the key in the order in which the extractor above makes them.
        let parts = [("method", Some("GET")), ("path", path.strip_prefix('/'))];
        let key = CacheKey::from_slice(&parts);
        async move {
            let _ = backend.remove(&key).await;
        }
    })
}

/// The basic example with the layer's own limit of a body (1 MiB) and a store of 64 MiB: those
/// of the example are "very small for testing purposes".
fn tower_http_cache_plus(origin: Origin, room: Option<Room>) -> Built<impl Asked> {
    use tower_http_cache_plus::CachingLayer;
    use tower_http_cache_plus::cache::implementation::moka::{
        ForHttpResponse, MokaCacheImplementation,
    };
    use tower_http_cache_plus::cache::{CacheKey, CommonCacheKey};
    let cache = moka::future::Cache::<CommonCacheKey, _, _>::builder()
        .for_http_response()
        .max_capacity(room.map_or(64 << 20, |room| room.bytes))
        .time_to_live(room.map_or(Duration::from_secs(10), |_| DAY));
    let cache = MokaCacheImplementation::new(cache.build());
    let layer = CachingLayer::default()
        .cache(cache.clone())
        .keep_identity_encoding(false);
    Built::new(layer.layer(origin)).forgets(move |path| {
        let cache = cache.clone();
        let key =
            CommonCacheKey::for_request(&Method::GET, &Uri::from_static(path), &HeaderMap::new());
        async move { cache.invalidate(&key).await }
    })
}

/// The README's example, with method and URI for `req.id`. It keeps clones of a response, so
/// the body is read before it gets there.
fn tower_resilience_cache(origin: Origin, room: Option<Room>) -> Built<impl Asked> {
    use tower_resilience_cache::{CacheLayer, EvictionPolicy};
    let entries = room.map_or(1000, |room| room.entries);
    let layer = CacheLayer::<Request<Body>, (Method, Uri)>::builder()
        .max_size(usize::try_from(entries).expect("it fits"))
        .ttl(room.map_or(Duration::from_secs(300), |_| DAY))
        .eviction_policy(EvictionPolicy::Lru)
        .key_extractor(|request: &Request<Body>| (request.method().clone(), request.uri().clone()))
        .build()
        .expect("the settings are possible");
    let service = ServiceBuilder::new().and_then(kept_whole);
    Built::new(layer.layer(service.service(origin)))
}
