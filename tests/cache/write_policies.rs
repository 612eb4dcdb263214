//! What a layer does with its writes: refused or queued while the bus is down, and
//! how far their news travels before the response leaves.

use crate::held::{Call, OriginBody, Shop, body, fresh, origin, plain};
use crate::patience::eventually;
use crate::support::request;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response};
use http_body_util::BodyExt;
use std::time::Duration;
use tokio::net::TcpSocket;
use tower::Layer;
use tower_coherence::policy::{BusDown, WritePolicy};
use tower_coherence::{Cache, CacheBody, CacheBuilder, Invalidate, Tag, WriteConcern, bus};

/// Longer than any test waits for what comes to pass.
const LONG: Duration = Duration::from_secs(30);

const REFUSE: BusDown = BusDown::RefuseWrites;

/// A bus that is down: nobody listens at its port, and nobody else gets it.
pub(crate) struct NoBus {
    _port: TcpSocket,
    url: String,
}

impl NoBus {
    pub(crate) fn new() -> Self {
        let port = TcpSocket::new_v4().unwrap();
        port.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let url = format!("redis://{}", port.local_addr().unwrap());
        Self { _port: port, url }
    }

    pub(crate) fn builder(&self) -> CacheBuilder {
        Cache::builder().bus(bus::Redis::new(&self.url, "shop").unwrap())
    }
}

fn shop(cache: &Cache, writes: WritePolicy) -> Shop {
    let (service, origin) = origin();
    let app = cache.layer().write_policy(writes).layer(service);
    Shop {
        cache: cache.clone(),
        app,
        origin,
    }
}

/// Sends a read, which wakes the bus, and waits until it is known to be down.
pub(crate) async fn down(cache: &Cache) {
    let mut waking = shop(cache, WritePolicy::new());
    waking.fill("/waking", "awake").await;
    eventually("the bus is down", LONG, async || {
        cache.health().bus_down.then_some(())
    })
    .await;
}

fn grpc(uri: &str) -> Request<axum::body::Body> {
    let mut call = request("POST", uri);
    let kind = HeaderValue::from_static("application/grpc+proto");
    call.headers_mut().insert(CONTENT_TYPE, kind);
    call
}

/// The status of a request that the handler has to answer.
async fn accepted(shop: &mut Shop, request: Request<axum::body::Body>) -> u16 {
    let asked = shop.ask(request);
    shop.origin.next().await.answer(plain("done"));
    asked.await.unwrap().unwrap().status
}

/// The response to a request that the handler must not see.
async fn refused(
    shop: &Shop,
    request: Request<axum::body::Body>,
) -> Response<CacheBody<OriginBody>> {
    let response = shop.head(request).await.unwrap().unwrap();
    assert_eq!(shop.origin.waiting().await, 0, "the handler ran");
    response
}

#[tokio::test]
async fn a_write_is_refused_before_its_handler_runs_while_the_bus_is_down() {
    let bus = NoBus::new();
    let cache = bus.builder().build().unwrap();
    let shop = shop(&cache, WritePolicy::new().while_bus_down(REFUSE));
    down(&cache).await;
    for method in ["POST", "PUT", "PATCH", "DELETE", "PURGE"] {
        let response = refused(&shop, request(method, "/a")).await;
        assert_eq!(response.status(), 503, "{method}");
        assert_eq!(response.headers()["retry-after"], "1", "{method}");
        let body = response.into_body().collect().await.unwrap();
        assert_eq!(body.to_bytes(), "");
    }
    let stats = cache.stats();
    assert_eq!((stats.refused_writes, stats.writes), (5, 0));
    assert_eq!(stats.bus.outbox, 0);
}

#[tokio::test]
async fn reads_go_on_where_writes_are_refused() {
    let bus = NoBus::new();
    let cache = bus.builder().while_bus_down(REFUSE).build().unwrap();
    let mut shop = shop(&cache, WritePolicy::new());
    down(&cache).await;
    let asked = shop.get("/a");
    shop.origin.next().await.answer(fresh("read"));
    assert_eq!(body(asked).await, "read");
    assert_eq!(accepted(&mut shop, request("OPTIONS", "/a")).await, 200);
    assert_eq!(cache.stats().refused_writes, 0);
}

#[tokio::test]
async fn unless_told_otherwise_a_write_runs_and_waits_for_the_bus_in_the_outbox() {
    let bus = NoBus::new();
    let cache = bus.builder().build().unwrap();
    let mut shop = shop(&cache, WritePolicy::new());
    down(&cache).await;
    assert_eq!(accepted(&mut shop, request("PUT", "/a")).await, 200);
    let stats = cache.stats();
    assert_eq!((stats.refused_writes, stats.writes), (0, 1));
    assert_eq!(stats.bus.outbox, 1);
}

#[tokio::test]
async fn a_layers_own_choice_counts_before_that_of_the_cache() {
    let bus = NoBus::new();
    let cache = bus.builder().while_bus_down(REFUSE).build().unwrap();
    let as_the_cache = shop(&cache, WritePolicy::new());
    let mut own = shop(&cache, WritePolicy::new().while_bus_down(BusDown::Queue));
    down(&cache).await;
    let response = refused(&as_the_cache, request("PUT", "/a")).await;
    assert_eq!(response.status(), 503);
    assert_eq!(accepted(&mut own, request("PUT", "/a")).await, 200);
    assert_eq!(cache.stats().refused_writes, 1);
}

#[tokio::test]
async fn where_the_bus_answers_no_write_is_refused() {
    let cache = Cache::builder().while_bus_down(REFUSE).build().unwrap();
    let mut shop = shop(&cache, WritePolicy::new().while_bus_down(REFUSE));
    assert_eq!(accepted(&mut shop, request("PUT", "/a")).await, 200);
    assert_eq!(accepted(&mut shop, grpc("/shop.Shop/Set")).await, 200);
}

#[tokio::test]
async fn a_grpc_call_is_refused_only_where_its_layer_says_so() {
    let bus = NoBus::new();
    let cache = bus.builder().while_bus_down(REFUSE).build().unwrap();
    let mut as_the_cache = shop(&cache, WritePolicy::new());
    let own = shop(&cache, WritePolicy::new().while_bus_down(REFUSE));
    down(&cache).await;
    let call = || grpc("/shop.Shop/Set");
    assert_eq!(accepted(&mut as_the_cache, call()).await, 200);
    let response = refused(&own, call()).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/grpc");
    let status = tonic::Status::from_header_map(response.headers()).unwrap();
    assert_eq!(status.code(), tonic::Code::Unavailable);
    assert!(status.message().contains("refused"), "{status}");
    // Of trailers only: a body would be a message.
    assert!(http_body::Body::is_end_stream(response.body()));
    assert_eq!(cache.stats().refused_writes, 1);
}

/// A cache on a bus that answers, where a wait for everybody is short.
fn hasty() -> Cache {
    let bound = Duration::from_millis(150);
    Cache::builder().staleness_bound(bound).build().unwrap()
}

/// How many waits for everybody a write of this layer makes.
async fn waits(layer: Option<WriteConcern>, explicit: Option<WriteConcern>) -> u64 {
    let writes = layer.map_or(WritePolicy::new(), |own| WritePolicy::new().concern(own));
    let cache = hasty();
    let mut shop = shop(&cache, writes);
    let asked = shop.ask(request("PUT", "/a"));
    let call: Call = shop.origin.next().await;
    if let Some(explicit) = explicit {
        let what = Invalidate::tag(Tag::new("t")).concern(explicit);
        call.context().invalidate(what);
    }
    call.answer(plain("done"));
    asked.await.unwrap().unwrap();
    let bus = cache.stats().bus;
    assert_eq!(bus.applied_timeouts, 0);
    bus.applied
}

#[tokio::test]
async fn the_concern_of_a_layer_holds_for_its_writes_unless_one_of_them_asks_for_more() {
    let applied = Some(WriteConcern::Applied { timeout: LONG });
    let enqueued = Some(WriteConcern::Enqueued);
    assert_eq!(waits(None, None).await, 0);
    assert_eq!(waits(applied, None).await, 1);
    assert_eq!(waits(applied, enqueued).await, 1);
    assert_eq!(waits(enqueued, applied).await, 1);
    assert_eq!(waits(enqueued, None).await, 0);
}

#[tokio::test]
async fn a_concern_with_no_time_waits_for_nothing() {
    let timeout = Duration::ZERO;
    let none = WriteConcern::Applied { timeout };
    assert_eq!(waits(Some(none), None).await, 0);
    let asked = WriteConcern::Applied { timeout: LONG };
    assert_eq!(waits(Some(none), Some(asked)).await, 1);
}

#[tokio::test]
async fn the_concern_of_a_layer_is_not_that_of_the_others() {
    let cache = hasty();
    let applied = WriteConcern::Applied { timeout: LONG };
    let mut one = shop(&cache, WritePolicy::new().concern(applied));
    let mut other = shop(&cache, WritePolicy::new());
    assert_eq!(accepted(&mut other, request("PUT", "/a")).await, 200);
    assert_eq!(cache.stats().bus.applied, 0);
    assert_eq!(accepted(&mut one, request("PUT", "/a")).await, 200);
    assert_eq!(cache.stats().bus.applied, 1);
}
