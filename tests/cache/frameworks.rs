//! How the layer stands in axum and tower.

use crate::origin::{Origin, with};
use crate::support::{Answer, Runs, get, read, request, send};
use axum::Router;
use axum::body::Body;
use axum::extract::{OriginalUri, Path, Request};
use axum::http::{StatusCode, Uri};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get as route;
use std::collections::HashMap;
use std::time::Duration;
use tower::{Layer, ServiceExt};
use tower_coherence::{Cache, CacheContext, Invalidate, Policy};

const FRESH: [(&str, &str); 1] = [("cache-control", "max-age=60")];

/// One route, `/products/{id}`: GET says which run it is, PUT says done.
fn shop(runs: &Runs) -> Router {
    let runs = runs.clone();
    let show = move |Path(path): Path<HashMap<String, String>>| {
        let run = runs.next();
        async move { (FRESH, format!("{} run {run}", path["id"])) }
    };
    Router::new().route("/products/{id}", route(show).put(|| async { "done" }))
}

async fn body(app: &Router, uri: &str) -> String {
    get(app, uri).await.body
}

mod stacking {
    use super::*;

    async fn is_hit_until_a_write(app: Router) {
        assert_eq!(body(&app, "/products/7").await, "7 run 1");
        assert_eq!(body(&app, "/products/7").await, "7 run 1");
        assert_eq!(send(&app, request("PUT", "/products/7")).await.body, "done");
        assert_eq!(body(&app, "/products/7").await, "7 run 2");
        assert_eq!(body(&app, "/products/8").await, "8 run 3");
    }

    #[tokio::test]
    async fn it_stands_around_the_routes_of_a_router() {
        let app = shop(&Runs::default());
        is_hit_until_a_write(app.layer(Cache::local().layer())).await;
        let app = shop(&Runs::default());
        is_hit_until_a_write(app.route_layer(Cache::local().layer())).await;
    }

    #[tokio::test]
    async fn it_stands_around_one_route() {
        let (runs, cache) = (Runs::default(), Cache::local());
        let count = runs.clone();
        let show = move || async move { (FRESH, format!("run {}", count.next())) };
        let write = || async { "done" };
        let method_router = route(show).put(write).layer(cache.layer());
        let app = Router::new().route("/a", method_router);
        for _ in 0..2 {
            assert_eq!(body(&app, "/a").await, "run 1");
        }
        send(&app, request("PUT", "/a")).await;
        assert_eq!(body(&app, "/a").await, "run 2");
    }

    #[tokio::test]
    async fn it_stands_around_a_whole_router() {
        let cache = Cache::local();
        let runs = Runs::default();
        let whole = cache.layer().layer(shop(&runs));
        let ask = async |method| -> Answer {
            let answer = whole.clone().oneshot(request(method, "/products/7")).await;
            let Ok(response) = answer;
            read(response.map(Body::new)).await
        };
        assert_eq!(ask("GET").await.body, "7 run 1");
        assert_eq!(ask("GET").await.body, "7 run 1");
        let head = ask("HEAD").await;
        assert_eq!((head.body.as_str(), runs.count()), ("", 1));
        assert_eq!(head.headers["content-length"], "7");
        ask("PUT").await;
        assert_eq!(ask("GET").await.body, "7 run 2");
        // As axum's server takes it.
        let _ = axum::ServiceExt::<Request>::into_make_service(whole);
    }

    #[tokio::test]
    async fn a_fallback_is_inside_layer_and_outside_route_layer() {
        let cache = Cache::local();
        let runs = Runs::default();
        let count = runs.clone();
        let lost = move || async move {
            let text = format!("run {}", count.next());
            (StatusCode::NOT_FOUND, FRESH, text)
        };
        let inside = shop(&runs).fallback(lost.clone()).layer(cache.layer());
        for _ in 0..2 {
            assert_eq!(body(&inside, "/lost").await, "run 1");
        }
        let outside = shop(&runs).fallback(lost).route_layer(cache.layer());
        assert_eq!(body(&outside, "/lost").await, "run 2");
        assert_eq!(body(&outside, "/lost").await, "run 3");
    }

    #[tokio::test]
    async fn a_404_of_the_router_itself_is_not_stored_by_a_lifetime_policy() {
        let cache = Cache::local();
        let policy = Policy::lifetime(Duration::from_secs(60));
        let app = shop(&Runs::default()).layer(with(&cache, policy));
        for uri in ["/lost", "/lost", "/products/7", "/products/7"] {
            get(&app, uri).await;
        }
        assert_eq!(cache.stats().refusals["no-lifetime"], 2);
        assert_eq!((cache.stats().stored, cache.stats().hits), (1, 1));
    }
}

mod nesting {
    use super::*;

    #[tokio::test]
    async fn two_nests_of_one_cache_never_collide() {
        let cache = Cache::local();
        let runs = Runs::default();
        let nest = || shop(&runs).layer(cache.layer());
        let app = Router::new()
            .nest("/tea", nest())
            .nest("/coffee", nest())
            .nest("/{tenant}/deep", Router::new().nest("/er", nest()))
            .merge(nest());
        let uris = [
            "/tea/products/7",
            "/coffee/products/7",
            "/products/7",
            "/x/deep/er/products/7",
            "/y/deep/er/products/7",
        ];
        for _ in 0..2 {
            for (uri, run) in uris.iter().zip(1..) {
                assert!(
                    body(&app, uri).await.ends_with(&format!(" run {run}")),
                    "{uri}"
                );
            }
        }
        assert_eq!((runs.count(), cache.stats().hits), (5, 5));
    }

    #[tokio::test]
    async fn a_write_inside_a_nest_invalidates_the_outside_path() {
        let cache = Cache::local();
        let runs = Runs::default();
        let app = Router::new()
            .nest("/tea", shop(&runs).layer(cache.layer()))
            .merge(shop(&runs).layer(cache.layer()));
        for uri in ["/tea/products/7", "/products/7"] {
            body(&app, uri).await;
        }
        send(&app, request("PUT", "/tea/products/7")).await;
        assert_eq!(body(&app, "/products/7").await, "7 run 2");
        assert_eq!(body(&app, "/tea/products/7").await, "7 run 3");
        cache.invalidate(Invalidate::path("/products/7")).await;
        assert_eq!(body(&app, "/tea/products/7").await, "7 run 3");
        assert_eq!(body(&app, "/products/7").await, "7 run 4");
        cache.invalidate(Invalidate::prefix("/tea")).await;
        assert_eq!(body(&app, "/tea/products/7").await, "7 run 5");
    }

    #[tokio::test]
    async fn the_root_of_a_nest_is_cached() {
        let cache = Cache::local();
        let runs = Runs::default();
        let count = runs.clone();
        let root = move || async move { (FRESH, format!("run {}", count.next())) };
        let nest = Router::new().route("/", route(root)).layer(cache.layer());
        let app = Router::new()
            .nest("/tea", nest.clone())
            .nest_service("/coffee", nest);
        for _ in 0..2 {
            assert_eq!(body(&app, "/tea").await, "run 1");
            assert_eq!(body(&app, "/tea?a").await, "run 2");
            assert_eq!(body(&app, "/coffee/").await, "run 3");
        }
    }

    /// Cause: a middleware between the router and the layer changes the URI by
    /// something that the key does not have. Effect, if the key were the client's
    /// URI alone: the mobile page for all. So it is passed on.
    #[tokio::test]
    async fn a_uri_that_was_rewritten_inside_the_router_is_passed_on() {
        async fn rewrite(mut request: Request, next: Next) -> Response {
            if let Some(language) = request.headers().get("x-language") {
                let uri = format!("/products/7?{}", language.to_str().unwrap());
                *request.uri_mut() = uri.parse().unwrap();
            }
            next.run(request).await
        }
        let cache = Cache::local();
        let echo = |uri: Uri, OriginalUri(original): OriginalUri| async move {
            (FRESH, format!("{original} as {uri}"))
        };
        let app = Router::new()
            .fallback(echo)
            .layer(cache.layer())
            .layer(from_fn(rewrite));
        let ask = async |language: Option<&str>| {
            let mut request = request("GET", "/products/7");
            if let Some(language) = language {
                request
                    .headers_mut()
                    .insert("x-language", language.parse().unwrap());
            }
            send(&app, request).await.body
        };
        for _ in 0..2 {
            assert_eq!(ask(Some("de")).await, "/products/7 as /products/7?de");
            assert_eq!(ask(None).await, "/products/7 as /products/7");
            assert_eq!(ask(Some("fr")).await, "/products/7 as /products/7?fr");
        }
        let stats = cache.stats();
        assert_eq!((stats.bypasses["rewritten-uri"], stats.hits), (4, 1));
    }
}

mod middleware {
    use super::*;

    #[tokio::test]
    async fn from_fn_inside_runs_on_fills_and_from_fn_outside_on_every_request() {
        async fn inside(cache: CacheContext, request: Request, next: Next) -> Response {
            cache.tag("inside");
            ([("x-inside", "1")], next.run(request).await).into_response()
        }
        async fn outside(request: Request, next: Next) -> Response {
            let had = CacheContext::from_extensions(request.extensions()).is_some();
            assert!(!had, "the context is for what is inside");
            ([("x-outside", "1")], next.run(request).await).into_response()
        }
        let (cache, runs) = (Cache::local(), Runs::default());
        let app = shop(&runs)
            .layer(from_fn(inside))
            .layer(cache.layer())
            .layer(from_fn(outside));
        for _ in 0..2 {
            let answer = get(&app, "/products/7").await;
            assert_eq!(answer.headers["x-inside"], "1");
            assert_eq!(answer.headers["x-outside"], "1");
        }
        assert_eq!(runs.count(), 1);
        cache.invalidate(tower_coherence::Tag::new("inside")).await;
        get(&app, "/products/7").await;
        assert_eq!(runs.count(), 2);
    }

    #[tokio::test]
    async fn a_guard_outside_is_asked_on_hits_too() {
        async fn guard(request: Request, next: Next) -> Response {
            match request.headers().contains_key("x-key") {
                true => next.run(request).await,
                false => StatusCode::UNAUTHORIZED.into_response(),
            }
        }
        let cache = Cache::local();
        let mut origin = Origin::says(cache.layer(), &FRESH);
        origin.app = origin.app.layer(from_fn(guard));
        let key = [("x-key", "1")];
        assert_eq!(origin.ask("GET", "/a", &key).await.status, 200);
        assert_eq!(origin.get("/a").await.status, 401);
        assert_eq!(origin.ask("GET", "/a", &key).await.body, "run 1");
    }

    #[tokio::test]
    async fn a_body_that_was_boxed_outside_still_counts_as_none() {
        async fn rebox(request: Request, next: Next) -> Response {
            next.run(request.map(Body::new)).await
        }
        let (cache, runs) = (Cache::local(), Runs::default());
        let app = shop(&runs).layer(cache.layer()).layer(from_fn(rebox));
        for _ in 0..2 {
            assert_eq!(body(&app, "/products/7").await, "7 run 1");
        }
    }
}

mod bounds {
    use bytes::Bytes;
    use http::{Request, Response};
    use http_body_util::combinators::UnsyncBoxBody;
    use http_body_util::{BodyExt, Empty, Full};
    use std::cell::Cell;
    use std::convert::Infallible;
    use std::rc::Rc;
    use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};
    use tower_coherence::bus::Local;
    use tower_coherence::policy::{Eviction, WhileDeaf};
    use tower_coherence::{
        Cache, CacheBody, CacheBuilder, CacheContext, CacheLayer, CacheService, EmptyBody, Error,
        ErrorKind, Event, Events, Health, Invalidate, NoCacheLayer, Policy, Reached, Receipt,
        ResponseFuture, Scope, ScopedCache, Stats, Tag, Tags, WriteConcern, test_util,
    };

    const fn shared<T: Send + Sync + 'static>() {}
    const fn sent<T: Send + 'static>() {}

    /// Compiles, or the list is broken.
    #[test]
    fn what_users_hold_can_be_shared_and_sent() {
        const {
            shared::<Cache>();
            shared::<CacheBuilder>();
            shared::<ScopedCache>();
            shared::<CacheLayer>();
            shared::<CacheService<()>>();
            shared::<CacheContext>();
            shared::<Policy>();
            shared::<Eviction>();
            shared::<WhileDeaf>();
            shared::<Tag>();
            shared::<Tags>();
            shared::<Scope>();
            shared::<Invalidate>();
            shared::<WriteConcern>();
            shared::<Reached>();
            shared::<Receipt>();
            shared::<Stats>();
            shared::<Health>();
            shared::<Event>();
            shared::<Events>();
            shared::<Error>();
            shared::<ErrorKind>();
            shared::<NoCacheLayer>();
            shared::<Local>();
            shared::<test_util::Clock>();
            sent::<CacheService<Cell<u8>>>();
            sent::<CacheBody<UnsyncBoxBody<Bytes, Error>>>();
            sent::<ResponseFuture<Cell<u8>, UnsyncBoxBody<Bytes, Error>, Cell<u8>>>();
        };
    }

    #[test]
    fn the_bodies_of_all_frameworks_can_be_empty() {
        const fn empty<B: EmptyBody>() {}
        const {
            empty::<axum::body::Body>();
            empty::<tonic::body::Body>();
            empty::<UnsyncBoxBody<Bytes, hyper::Error>>();
            empty::<Full<Bytes>>();
            empty::<Empty<Bytes>>();
        };
    }

    /// An error that is neither `Sync` nor an error.
    #[derive(Debug)]
    struct Trouble(#[allow(dead_code, reason = "makes it not Sync")] Cell<u8>);

    #[tokio::test]
    async fn a_service_a_future_and_an_error_that_are_not_sync_will_do() {
        let calls = Cell::new(0_u32);
        let inner = service_fn(move |request: Request<Full<Bytes>>| {
            calls.set(calls.get() + 1);
            let (run, kept) = (calls.get(), Cell::new(0_u8));
            async move {
                tokio::task::yield_now().await;
                if request.uri().path() == "/trouble" {
                    return Err(Trouble(kept));
                }
                let body = Full::from(format!("run {run}")).boxed_unsync();
                let response = Response::builder().header("cache-control", "max-age=60");
                Ok(response.body(body).unwrap())
            }
        });
        let service = Cache::local().layer().layer(inner);
        let ask = async |uri| {
            let request = Request::get(uri).body(Full::default()).unwrap();
            let response = service.clone().oneshot(request).await?;
            Ok::<_, Trouble>(response.into_body().collect().await.unwrap().to_bytes())
        };
        for _ in 0..2 {
            assert_eq!(ask("/a").await.unwrap(), "run 1");
        }
        assert!(ask("/trouble").await.is_err());
    }

    #[tokio::test]
    async fn the_service_may_live_on_one_thread_with_what_is_around_it() {
        // Only what the cache runs in tasks has to be sent; the caller need not be.
        let local = Rc::new(());
        let inner = service_fn(|_: Request<Empty<Bytes>>| async {
            Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
        });
        let mut service = ServiceBuilder::new()
            .layer(Cache::local().layer())
            .service(inner);
        let future = async move {
            let request = Request::new(Empty::new());
            let response = service.ready().await.unwrap().call(request).await.unwrap();
            drop(local);
            response.status()
        };
        assert_eq!(future.await, 200);
    }
}
