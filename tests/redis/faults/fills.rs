//! Fills and writes that meet each other, on one instance and on two.

use super::in_time;
use crate::shop::{Database, Instance, PATIENCE, now, pair, spawn};
use crate::support::eventually::eventually;
use crate::support::proxy::{Flow, Proxy};
use crate::support::redis_server::RedisServer;
use axum::Router;
use axum::body::Body;
use axum::http::StatusCode;
use axum::routing::{get, put};
use bytes::Bytes;
use futures_util::{FutureExt, stream};
use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use tokio::sync::{Notify, mpsc};
use tower_coherence::{Cache, CacheContext, Invalidate, Policy, Tag};

/// A handler that the test lets go on.
#[derive(Clone, Default)]
struct Held {
    reached: Arc<Notify>,
    go_on: Arc<Notify>,
}

impl Held {
    /// For the handler: it is here, and waits.
    async fn here(&self) {
        self.reached.notify_one();
        self.go_on.notified().await;
    }

    /// For the test: the handler is there.
    async fn reached(&self) {
        in_time("the handler", self.reached.notified()).await;
    }
}

/// The same instance with another handler for `/item/1`, and for writes that have
/// another path and name it.
fn with<F, R>(instance: &Instance, handler: F) -> Instance
where
    F: Fn(CacheContext) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = axum::response::Response> + Send + 'static,
{
    let routes = Router::new().route("/item/1", get(handler.clone()));
    instance.routes(routes.route("/item/order", put(handler)))
}

fn text(text: &impl ToString) -> axum::response::Response {
    axum::response::Response::new(Body::from(text.to_string()))
}

/// F27: a "not found" that says how long it counts, begun before the thing was made.
#[tokio::test]
async fn a_negative_answer_begun_before_a_write_is_not_kept() {
    let (database, held) = (Database::default(), Held::default());
    let plain = Instance::around(Cache::local(), Policy::from_headers(), &database);
    let shop = {
        let (database, held) = (database.clone(), held.clone());
        with(&plain, move |_| {
            let (database, held) = (database.clone(), held.clone());
            async move {
                let version = database.read("1");
                held.here().await;
                let mut response = text(&version);
                if version == 0 {
                    *response.status_mut() = StatusCode::NOT_FOUND;
                }
                let lifetime = "max-age=600".parse().unwrap();
                response.headers_mut().insert("cache-control", lifetime);
                response
            }
        })
    };
    let ask = || {
        let shop = shop.clone();
        spawn(async move { shop.send("GET", "1").await })
    };
    let first = ask();
    held.reached().await;
    // Made through another layer of the same cache.
    assert_eq!(plain.put("1").await, 1);
    held.go_on.notify_one();
    assert_eq!(first.await.unwrap().0, StatusCode::NOT_FOUND);
    let second = ask();
    held.reached().await;
    held.go_on.notify_one();
    assert_eq!(second.await.unwrap(), (StatusCode::OK, "1".to_owned()));
    assert_eq!(shop.cache.stats().refusals["invalidated-meanwhile"], 1);
}

/// F28: the news of a write elsewhere is on its way when the fill ends: what was filled
/// is stored, and gone when the news is there.
#[tokio::test]
async fn what_is_stored_while_the_news_is_on_its_way_goes_when_it_arrives() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let proxy = Proxy::start(server.port()).await;
    let a = Instance::patient(&proxy.url(), &database);
    let b = Instance::patient(&server.url(), &database);
    a.coherent().await;
    b.coherent().await;
    a.listens().await;
    let held = Held::default();
    let slow = {
        let (database, held) = (database.clone(), held.clone());
        with(&a, move |_| {
            let (database, held) = (database.clone(), held.clone());
            async move {
                let version = database.read("1");
                held.here().await;
                text(&version)
            }
        })
    };
    let filling = {
        let slow = slow.clone();
        spawn(async move { slow.send("GET", "1").await })
    };
    held.reached().await;
    // Turned when the fill is to go on: one byte in a second, as good as none.
    proxy.to_client(Flow::Throttle(1));
    let version = b.put("1").await;
    let accepted = now();
    held.go_on.notify_one();
    assert_eq!(filling.await.unwrap().1, "0");
    let got = slow.get("1").await;
    assert_eq!(
        (got.version, got.hit),
        (0, true),
        "nobody here can know yet"
    );
    assert!(now().duration_since(accepted) < a.bound, "within the bound");
    proxy.to_client(Flow::Pass);
    // From now on the handler does not wait.
    let going_on = {
        let held = held.clone();
        spawn(async move {
            loop {
                held.reached.notified().await;
                held.go_on.notify_one();
            }
        })
    };
    slow.fresh("1", version, accepted).await;
    going_on.abort();
}

/// F33: what a write says has become stale is said at its beginning, and true at its
/// end. In between, others read and store what stood before.
#[tokio::test]
async fn a_fill_inside_a_long_transaction_does_not_outlive_its_commit() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let a = Instance::patient(&server.url(), &database);
    let b = Instance::patient(&server.url(), &database);
    a.coherent().await;
    b.coherent().await;
    let held = Held::default();
    let writer = {
        let (database, held) = (database.clone(), held.clone());
        with(&b, move |context| {
            let (database, held) = (database.clone(), held.clone());
            async move {
                context.invalidate(Tag::of("item", 1));
                held.here().await;
                text(&database.write("1"))
            }
        })
    };
    for expected in 1..=3 {
        let writing = {
            let writer = writer.clone();
            spawn(async move { writer.put("order").await })
        };
        held.reached().await;
        for instance in [&a, &b] {
            assert_eq!(instance.warm("1").await.version, expected - 1);
        }
        held.go_on.notify_one();
        assert_eq!(writing.await.unwrap(), expected);
        let accepted = now();
        assert_eq!(b.get("1").await.version, expected, "the writer sees it");
        a.fresh("1", expected, accepted).await;
    }
}

/// F33: a transaction that was rolled back costs a fill, and nothing else.
#[tokio::test]
async fn a_write_that_is_rolled_back_after_it_invalidated_costs_one_fill() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let a = Instance::patient(&server.url(), &database);
    let b = Instance::patient(&server.url(), &database);
    a.coherent().await;
    b.coherent().await;
    a.warm("1").await;
    let rolled_back = with(&b, |context| async move {
        context.invalidate(Tag::of("item", 1));
        let mut response = text(&"rolled back");
        *response.status_mut() = StatusCode::CONFLICT;
        response
    });
    let fills = a.cache.stats().fills;
    let (status, _) = rolled_back.send("PUT", "order").await;
    assert_eq!(status, StatusCode::CONFLICT);
    b.cache.idle().await.unwrap();
    a.cache.idle().await.unwrap();
    assert_eq!(a.warm("1").await.version, 0);
    assert_eq!(a.cache.stats().fills, fills + 1);
}

/// F42: the client of a write hangs up while the news waits for a bus that hangs.
#[tokio::test]
async fn a_client_that_leaves_while_its_write_is_published_takes_nothing_along() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let [a, b] = pair(&server.url(), &server.url(), &database).await;
    a.warm("1").await;
    server.stop();
    let writing = {
        let b = b.clone();
        spawn(async move { b.put("1").await })
    };
    eventually("a commit", PATIENCE, async || {
        (database.read("1") == 1 && b.cache.stats().bus.outbox > 0).then_some(())
    })
    .await;
    writing.abort();
    // Dropped at its first wait: it was queued before.
    let what = Invalidate::path("/item/1");
    let _ = b.cache.invalidate(what).now_or_never();
    server.go_on();
    a.fresh("1", 1, now()).await;
    b.until("an empty outbox", |stats| stats.bus.outbox == 0)
        .await;
    a.coherent().await;
    b.coherent().await;
    for instance in [&a, &b] {
        assert_eq!(instance.warm("1").await.version, 1);
    }
}

/// F49: the body is half out when the write happens elsewhere.
#[tokio::test]
async fn a_body_that_streams_while_a_write_elsewhere_is_heard_is_not_kept() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let a = Instance::patient(&server.url(), &database);
    let b = Instance::patient(&server.url(), &database);
    a.coherent().await;
    b.coherent().await;
    let (feed, body) = mpsc::channel::<Bytes>(4);
    let body = Arc::new(std::sync::Mutex::new(Some(body)));
    let streaming = {
        let database = database.clone();
        with(&a, move |_| {
            let body = body.lock().unwrap().take();
            let version = database.read("1");
            async move {
                let Some(body) = body else {
                    return text(&version);
                };
                let pieces = stream::unfold(body, |mut body| async move {
                    let piece = body.recv().await?;
                    Some((Ok::<_, Infallible>(piece), body))
                });
                axum::response::Response::new(Body::from_stream(pieces))
            }
        })
    };
    let filling = {
        let streaming = streaming.clone();
        spawn(async move { streaming.send("GET", "1").await })
    };
    feed.send(Bytes::from_static(b"ol")).await.unwrap();
    let applied = a.cache.stats().invalidations;
    let version = b.put("1").await;
    a.until("the news", |stats| stats.invalidations > applied)
        .await;
    feed.send(Bytes::from_static(b"d")).await.unwrap();
    drop(feed);
    assert_eq!(
        filling.await.unwrap().1,
        "old",
        "its own client has all of it"
    );
    let next = streaming.get("1").await;
    assert_eq!((next.version, next.hit), (version, false));
    assert_eq!(a.cache.stats().refusals["invalidated-meanwhile"], 1);
}
