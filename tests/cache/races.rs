//! No resurrection: what was filled before an invalidation is not stored, and
//! answers nobody who came after it.

use crate::held::{Call, Shop, body, fed, fresh, fresh_with, settle, spawn};
use crate::support::request;
use axum::body::Body;
use futures_util::future::BoxFuture;
use http::{HeaderValue, Request, Response};
use http_body_util::BodyExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use tower::{Layer, Service, ServiceExt};
use tower_coherence::test_util::Clock;
use tower_coherence::{Cache, Invalidate, Policy, Tags};

/// The entry under test: known by every kind of name.
const URI: &str = "/shop/products/7?page=1";

/// How something becomes stale.
type Write = fn(&Shop) -> BoxFuture<'_, ()>;

/// Every kind of target, and how it is invalidated.
const WRITES: [(&str, Write); 15] = [
    ("uri", |shop| {
        now(
            shop,
            Invalidate::uri("http://Shop.example:80/shop/products/7?page=1"),
        )
    }),
    ("path", |shop| {
        now(shop, Invalidate::path("/shop/products/7"))
    }),
    ("escaped path", |shop| {
        now(shop, Invalidate::path("/shop/%70roducts/%37"))
    }),
    ("prefix", |shop| now(shop, Invalidate::prefix("/shop"))),
    ("own prefix", |shop| {
        now(shop, Invalidate::prefix("/shop/products/7"))
    }),
    ("root prefix", |shop| now(shop, Invalidate::prefix("/"))),
    ("policy's tag", |shop| {
        now(shop, Invalidate::tag("by-policy"))
    }),
    ("tag made of the response", |shop| {
        now(shop, Invalidate::tag("by-closure"))
    }),
    ("context's tag", |shop| {
        now(shop, Invalidate::tag("by-context"))
    }),
    ("response's tag", |shop| {
        now(shop, Invalidate::tag("by-part"))
    }),
    ("one of several", |shop| {
        now(shop, Invalidate::tag("elsewhere").and_tag("by-part"))
    }),
    ("everything", |shop| now(shop, Invalidate::everything())),
    ("soft tag", |shop| {
        now(shop, Invalidate::tag("by-policy").soft())
    }),
    ("group", |shop| Box::pin(write_to_group(shop))),
    ("own path of a write", |shop| {
        Box::pin(write_through(
            shop,
            "/shop/products/%37?other",
            with_nothing,
        ))
    }),
];

fn now(shop: &Shop, what: Invalidate) -> BoxFuture<'_, ()> {
    Box::pin(async move {
        shop.cache.invalidate(what).await;
    })
}

async fn write_to_group(shop: &Shop) {
    write_through(shop, "/elsewhere", |response| {
        let groups = HeaderValue::from_static("\"by-group\"");
        response
            .headers_mut()
            .insert("cache-group-invalidation", groups);
    })
    .await;
}

fn with_nothing(_: &mut Response<Body>) {}

/// A POST through a layer of the same cache around another service.
async fn write_through(shop: &Shop, uri: &str, change: fn(&mut Response<Body>)) {
    let handler = tower::service_fn(move |_: Request<Body>| async move {
        let mut response = Response::new(Body::empty());
        change(&mut response);
        Ok::<_, std::convert::Infallible>(response)
    });
    let Ok(_) = shop
        .cache
        .layer()
        .layer(handler)
        .oneshot(request("POST", uri))
        .await;
}

fn shop() -> Shop {
    let policy = Policy::from_headers()
        .tags(["by-policy"])
        .tag_with(|_, _| Tags::from("by-closure"));
    Shop::of(Cache::local(), policy)
}

/// Answers with an entry that bears every kind of name.
fn answer(call: Call, mut response: Response<crate::held::OriginBody>) {
    call.context().tag("by-context");
    Tags::from("by-part").add_to(response.extensions_mut());
    response
        .headers_mut()
        .insert("cache-groups", HeaderValue::from_static("\"by-group\""));
    call.answer(response);
}

#[tokio::test]
async fn a_stored_response_is_gone_after_its_invalidation_by_each_kind_of_name() {
    for (name, write) in WRITES {
        let mut shop = shop();
        let first = shop.get(URI);
        answer(shop.origin.next().await, fresh("old"));
        assert_eq!(body(first).await, "old");
        assert_eq!(shop.see(URI, "new").await, "old", "{name}: not stored");
        write(&shop).await;
        assert_eq!(shop.see(URI, "new").await, "new", "{name}: still served");
        assert_eq!(
            shop.see(URI, "newer").await,
            "new",
            "{name}: not stored again"
        );
    }
}

#[tokio::test]
async fn a_fill_begun_before_an_invalidation_is_never_stored() {
    for (name, write) in WRITES {
        let mut shop = shop();
        let leader = shop.get(URI);
        let call = shop.origin.next().await;
        write(&shop).await;
        answer(call, fresh("old"));
        // The leader came before the invalidation: it may have the answer.
        assert_eq!(body(leader).await, "old", "{name}");
        assert_eq!(shop.see(URI, "new").await, "new", "{name}: resurrected");
        // A softly invalidated one is kept, for a policy that may serve it stale.
        let refused = u64::from(name != "soft tag");
        assert_eq!(shop.refused("invalidated-meanwhile"), refused, "{name}");
    }
}

#[tokio::test]
async fn an_invalidation_between_the_head_and_the_end_of_a_body_keeps_it_out() {
    for (name, write) in WRITES {
        let mut shop = shop();
        let leader = shop.get(URI);
        let (feed, streamed) = fed();
        answer(shop.origin.next().await, fresh_with(streamed));
        feed.data("o");
        settle().await;
        write(&shop).await;
        feed.data("ld");
        drop(feed);
        assert_eq!(body(leader).await, "old", "{name}");
        assert_eq!(shop.see(URI, "new").await, "new", "{name}: resurrected");
    }
}

#[tokio::test]
async fn a_waiter_that_came_after_the_invalidation_gets_nothing_older() {
    for (name, write) in WRITES {
        let mut shop = shop();
        let leader = shop.get(URI);
        let call = shop.origin.next().await;
        let before = shop.get(URI);
        settle().await;
        write(&shop).await;
        let after = [shop.get(URI), shop.get(URI)];
        assert_eq!(shop.origin.waiting().await, 0, "{name}: does not wait");
        answer(call, fresh("old"));
        assert_eq!(body(leader).await, "old", "{name}");
        assert_eq!(body(before).await, "old", "{name}");
        answer(shop.origin.next().await, fresh("new"));
        for after in after {
            assert_eq!(body(after).await, "new", "{name}");
        }
        assert_eq!(
            shop.origin.waiting().await,
            0,
            "{name}: one fill was enough"
        );
    }
}

#[tokio::test]
async fn a_waiter_that_came_while_the_body_ran_gets_nothing_older_than_its_arrival() {
    let mut shop = shop();
    let leader = shop.get(URI);
    let (feed, streamed) = fed();
    answer(shop.origin.next().await, fresh_with(streamed));
    feed.data("old");
    settle().await;
    let before = shop.get(URI);
    settle().await;
    shop.cache.invalidate_now(Invalidate::tag("by-context"));
    let after = shop.get(URI);
    settle().await;
    drop(feed);
    assert_eq!(body(leader).await, "old");
    assert_eq!(body(before).await, "old");
    answer(shop.origin.next().await, fresh("new"));
    assert_eq!(body(after).await, "new");
}

#[tokio::test]
async fn an_invalidation_after_the_flight_has_landed_reaches_those_who_have_not_looked_yet() {
    let mut shop = shop();
    let leader = shop.get(URI);
    let call = shop.origin.next().await;
    let waiter = shop.get(URI);
    settle().await;
    answer(call, fresh("old"));
    assert_eq!(body(leader).await, "old");
    shop.cache.invalidate_now(Invalidate::everything());
    // It came before the invalidation.
    assert_eq!(body(waiter).await, "old");
    assert_eq!(shop.see(URI, "new").await, "new");
}

#[tokio::test]
async fn a_request_that_arrived_before_an_invalidation_but_was_polled_after_it_is_filled_anew() {
    let mut shop = shop();
    let early = shop.app.clone().oneshot(request("GET", URI));
    shop.cache.invalidate_now(Invalidate::everything());
    let asked = spawn(async move { crate::held::read(early.await?).await });
    answer(shop.origin.next().await, fresh("new"));
    assert_eq!(body(asked).await, "new");
    assert_eq!(shop.see(URI, "newer").await, "new");
}

#[tokio::test]
async fn two_invalidations_while_a_waiter_waits_cost_two_fills_and_serve_nothing_old() {
    let mut shop = shop();
    let first = shop.get(URI);
    let one = shop.origin.next().await;
    shop.cache.invalidate_now(Invalidate::tag("by-policy"));
    let second = shop.get(URI);
    settle().await;
    shop.cache.invalidate_now(Invalidate::tag("elsewhere"));
    let third = shop.get(URI);
    settle().await;
    answer(one, fresh("1"));
    assert_eq!(body(first).await, "1");
    answer(shop.origin.next().await, fresh("2"));
    assert_eq!(
        (body(second).await, body(third).await),
        ("2".into(), "2".into())
    );
    assert_eq!(shop.see(URI, "3").await, "2");
}

#[tokio::test]
async fn a_fill_outside_a_flight_is_not_stored_either() {
    let mut shop = shop();
    // An uncacheable answer: the next requests run side by side.
    let first = shop.get(URI);
    shop.origin.next().await.answer(crate::held::plain("no"));
    body(first).await;
    let alone = shop.get(URI);
    let call = shop.origin.next().await;
    shop.cache.invalidate_now(Invalidate::tag("by-policy"));
    answer(call, fresh("old"));
    assert_eq!(body(alone).await, "old");
    assert_eq!(shop.see(URI, "new").await, "new");
    assert_eq!(shop.see(URI, "newer").await, "new");
}

#[tokio::test]
async fn a_variant_that_is_filled_while_its_uri_is_invalidated_is_not_stored() {
    let mut shop = shop();
    let vary = |text| {
        let mut response = fresh(text);
        let field = HeaderValue::from_static("accept-language");
        response.headers_mut().insert("vary", field);
        response
    };
    let speaking = |language: &str| {
        let mut request = request("GET", URI);
        let language = language.parse().unwrap();
        request.headers_mut().insert("accept-language", language);
        request
    };
    let english = shop.ask(speaking("en"));
    answer(shop.origin.next().await, vary("english"));
    body(english).await;
    let german = shop.ask(speaking("de"));
    let call = shop.origin.next().await;
    shop.cache
        .invalidate_now(Invalidate::path("/shop/products/7"));
    answer(call, vary("alt"));
    assert_eq!(body(german).await, "alt");
    for (language, new) in [("de", "neu"), ("en", "new")] {
        let asked = shop.ask(speaking(language));
        answer(shop.origin.next().await, vary(new));
        assert_eq!(body(asked).await, new);
        assert_eq!(body(shop.ask(speaking(language))).await, new);
    }
}

fn tenant(request: &http::request::Parts) -> Option<tower_coherence::Scope> {
    let name = request.headers.get("tenant")?.to_str().ok()?;
    Some(name.into())
}

fn of_tenant(name: &str, method: &str, uri: &str) -> Request<Body> {
    let mut request = request(method, uri);
    request
        .headers_mut()
        .insert("tenant", HeaderValue::from_str(name).unwrap());
    request
}

#[tokio::test]
async fn an_invalidation_inside_a_scope_stops_the_fills_of_that_scope_only() {
    let whats = [
        Invalidate::everything(),
        Invalidate::tag("t"),
        Invalidate::path("/a"),
        Invalidate::uri("http://shop.example/a"),
        Invalidate::prefix("/"),
    ];
    for what in whats {
        let policy = Policy::from_headers().scope(tenant).tags(["t"]);
        let mut shop = Shop::of(Cache::local(), policy);
        let ask = |name| shop.ask(of_tenant(name, "GET", "/a"));
        let (one, two) = (ask("one"), ask("two"));
        let calls = [shop.origin.next().await, shop.origin.next().await];
        shop.cache.scope("one").invalidate(what.clone()).await;
        calls.into_iter().for_each(|call| call.answer(fresh("old")));
        assert_eq!(
            (body(one).await, body(two).await),
            ("old".into(), "old".into())
        );
        assert_eq!(body(shop.ask(of_tenant("two", "GET", "/a"))).await, "old");
        let one = shop.ask(of_tenant("one", "GET", "/a"));
        shop.origin.next().await.answer(fresh("new"));
        assert_eq!(body(one).await, "new", "{what:?}");
    }
}

#[tokio::test]
async fn marks_and_writes_of_a_scoped_request_stay_inside_its_scope() {
    let policy = Policy::from_headers().scope(tenant).tags(["t"]);
    let mut shop = Shop::of(Cache::local(), policy);
    for name in ["one", "two"] {
        let asked = shop.ask(of_tenant(name, "GET", "/a"));
        shop.origin.next().await.answer(fresh("old"));
        body(asked).await;
    }
    let write = shop.ask(of_tenant("one", "PUT", "/b"));
    let call = shop.origin.next().await;
    call.context().invalidate(Invalidate::tag("t"));
    call.answer(crate::held::plain("done"));
    body(write).await;
    assert_eq!(body(shop.ask(of_tenant("two", "GET", "/a"))).await, "old");
    let one = shop.ask(of_tenant("one", "GET", "/a"));
    shop.origin.next().await.answer(fresh("new"));
    assert_eq!(body(one).await, "new");
}

/// A register for each of a few names: a write stores a higher number, a read
/// answers with it after a turn or two.
#[derive(Clone)]
struct Registers(Arc<[AtomicU64; 8]>);

impl Registers {
    fn at(&self, name: usize) -> &AtomicU64 {
        &self.0[name]
    }

    async fn handle(
        self,
        request: Request<Body>,
    ) -> Result<Response<Body>, std::convert::Infallible> {
        let name: usize = request.uri().path()[1..].parse().unwrap();
        if request.method() == "PUT" {
            self.at(name).fetch_add(1, Ordering::SeqCst);
            return Ok(Response::new(Body::empty()));
        }
        let version = self.at(name).load(Ordering::SeqCst).to_string();
        for _ in 0..version.len() + name {
            tokio::task::yield_now().await;
        }
        let chunks = [Ok::<_, Failed>(version), Ok(String::new())];
        let mut response = Response::new(Body::from_stream(futures_util::stream::iter(chunks)));
        let fields = response.headers_mut();
        fields.insert("cache-control", HeaderValue::from_static("max-age=60"));
        let tag = format!("register:{name}");
        Tags::from(tag).add_to(response.extensions_mut());
        Ok(response)
    }
}

type Failed = std::convert::Infallible;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn under_load_no_reader_sees_a_version_older_than_the_one_acknowledged_before_it_asked() {
    const READERS: usize = 12;
    const WRITES_EACH: usize = 400;
    const READS_EACH: usize = 1500;
    let registers = Registers(Arc::default());
    let acknowledged = Registers(Arc::default());
    let origin = registers.clone();
    // Small enough that entries are evicted all the time.
    let cache = Cache::builder().max_bytes(4096).build().unwrap();
    let service = tower::service_fn(move |request| origin.clone().handle(request));
    let app = cache.layer().layer(service);
    let bad = Arc::new(AtomicUsize::new(0));
    let mut tasks = Vec::new();
    for name in 0..8 {
        let (app, cache) = (app.clone(), cache.clone());
        let (registers, acknowledged) = (registers.clone(), acknowledged.clone());
        tasks.push(spawn(async move {
            for turn in 0..WRITES_EACH {
                let version = match turn % 4 {
                    0 => {
                        let Ok(_) = app
                            .clone()
                            .oneshot(request("PUT", &format!("/{name}")))
                            .await;
                        registers.at(name).load(Ordering::SeqCst)
                    }
                    kind => {
                        let version = registers.at(name).fetch_add(1, Ordering::SeqCst) + 1;
                        cache.invalidate(made_stale(kind, name)).await;
                        version
                    }
                };
                acknowledged.at(name).store(version, Ordering::SeqCst);
                tokio::task::yield_now().await;
            }
        }));
    }
    for reader in 0..READERS {
        let (app, acknowledged, bad) = (app.clone(), acknowledged.clone(), bad.clone());
        tasks.push(spawn(async move {
            for turn in 0..READS_EACH {
                let name = (reader + turn) % 8;
                let before = acknowledged.at(name).load(Ordering::SeqCst);
                if seen(&app, name).await < before {
                    bad.fetch_add(1, Ordering::SeqCst);
                }
                tokio::task::yield_now().await;
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(bad.load(Ordering::SeqCst), 0);
    let stats = cache.stats();
    assert!(
        stats.hits > 0 && stats.waiters > 0 && stats.fills > 0,
        "{stats}"
    );
    assert!(
        stats.refusals.contains_key("invalidated-meanwhile"),
        "{stats:?}"
    );
}

fn made_stale(kind: usize, name: usize) -> Invalidate {
    match kind {
        1 => Invalidate::tag(format!("register:{name}")),
        2 => Invalidate::uri(format!("http://shop.example/{name}")),
        _ => Invalidate::prefix(format!("/{name}")),
    }
}

async fn seen<S, X>(app: &S, name: usize) -> u64
where
    S: Service<Request<Body>, Response = Response<X>, Error = Failed> + Clone,
    X: http_body::Body<Data = bytes::Bytes>,
    X::Error: std::fmt::Debug,
{
    let Ok(response) = app
        .clone()
        .oneshot(request("GET", &format!("/{name}")))
        .await;
    let body = response.into_body().collect().await.unwrap().to_bytes();
    std::str::from_utf8(&body).unwrap().parse().unwrap()
}

#[tokio::test]
async fn the_race_with_a_slow_write_ends_well_whichever_is_first() {
    // The fill began before the write and ends while the write waits.
    let mut shop = shop();
    let read = shop.get(URI);
    let fill = shop.origin.next().await;
    let write = shop.ask(request("PUT", "/shop/products/7"));
    let put = shop.origin.next().await;
    answer(fill, fresh("old"));
    assert_eq!(body(read).await, "old");
    assert_eq!(shop.see(URI, "new").await, "old");
    put.answer(crate::held::plain("done"));
    body(write).await;
    assert_eq!(shop.see(URI, "new").await, "new");
}

/// Cause: a process is paused after a fill has landed and before one that waited
/// for it is polled. Effect: the instance hears in the meantime what became stale,
/// and its new proof would make the old result look proven. So the proof counts
/// only for what is valid after it was read.
#[tokio::test]
async fn a_waiter_that_was_paused_past_the_bound_is_not_answered_with_what_became_stale() {
    let clock = Clock::new();
    let cache = Cache::builder().clock(clock.clone()).build().unwrap();
    let mut shop = Shop::of(cache, Policy::from_headers());
    shop.cache.coherent().await.unwrap();
    let leader = shop.get("/a");
    let call = shop.origin.next().await;
    let waiter = shop.app.clone().oneshot(request("GET", "/a"));
    tokio::pin!(waiter);
    assert!(futures_util::poll!(waiter.as_mut()).is_pending());
    call.answer(fresh("old"));
    assert_eq!(body(leader).await, "old");
    // Paused here: a minute later the instance has heard, and is coherent again.
    shop.cache.invalidate(Invalidate::path("/a")).await;
    clock.advance(std::time::Duration::from_secs(60));
    shop.cache.idle().await.unwrap();
    shop.cache.coherent().await.unwrap();
    let (answered, ()) = futures_util::join!(waiter, async {
        shop.origin.next().await.answer(fresh("new"));
    });
    let answered = answered.unwrap().into_body().collect().await.unwrap();
    assert_eq!(answered.to_bytes(), "new");
}
