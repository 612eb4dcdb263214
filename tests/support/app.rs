//! The application that an instance process runs, and its settings.
//!
//! ```text
//! GET /item/{key}   the version in the register; tagged `item:{key}`, stored
//! PUT /item/{key}   the register goes up by one; the new version
//! GET /late/{key}   the version in the replica of the registers, with a settle window
//! PUT /late/{key}   as that of an item
//! GET, PUT /told/{key}   as those of an item; the writes are announced
//! GET /news         what was heard and accepted since the last look, and the rest
//! GET /stats, GET /health                          the figures of the cache alone
//! ```
//!
//! Only the items are inside the cache, the late and the told ones too.

use super::moment::Moment;
use super::register::Reader;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tower_coherence::bus::Redis;
use tower_coherence::policy::{BusDown, WhileDeaf, WritePolicy};
use tower_coherence::{
    Applied, Cache, CacheContext, CacheLayer, Event, Events, Health, Invalidate, Policy, Stats,
    Tag, WriteConcern,
};

/// Says in a request who asks, and in the response for whom the handler ran.
pub const RUN: HeaderName = HeaderName::from_static("x-run");
/// Names a write in its request: a number.
pub const WRITE: HeaderName = HeaderName::from_static("x-write");
/// When the bus is known to have had what the write invalidated, as a
/// [`Moment`]; absent if it is not known to have it.
pub const ACCEPTED: HeaderName = HeaderName::from_static("x-accepted");
/// Carries the token of a write: in its response, and in requests that want to see
/// it. Read and written by an instance whose cache has tokens.
pub const TOKEN: HeaderName = HeaderName::from_static("x-token");
/// Asks that a write be applied everywhere before its response leaves, and says in
/// the response whether it was: `everywhere` or `timed-out`.
pub const APPLIED: HeaderName = HeaderName::from_static("x-applied");

/// How often it is looked whether the bus has what it had not.
const LOOK: Duration = Duration::from_millis(5);
/// How long a handler stays behind its commit where it does.
const LINGER: Duration = Duration::from_millis(200);

/// What an instance is made of. Passed to its process as JSON.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Settings {
    /// Usually that of the test's own proxy.
    pub redis: String,
    pub namespace: String,
    /// The port of the registers.
    pub registers: u16,
    pub bound: Duration,
    /// That of the crate if absent.
    pub heartbeat: Option<Duration>,
    pub while_deaf: Deaf,
    pub concern: Concern,
    pub lifetime: Duration,
    pub connect_timeout: Duration,
    pub reply_timeout: Duration,
    pub max_log_entries: u64,
    /// How long a write waits that asks to be applied everywhere.
    pub applied_within: Duration,
    /// The settle window of what is read from the replica.
    pub settle: Duration,
    /// Writes are announced for this long.
    pub intent: Option<Duration>,
    /// Those of `/told/{key}` are, and do not run where the log has not taken that. Their
    /// handlers linger behind their commit.
    pub told: Duration,
}

/// [`WhileDeaf`], as a setting.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub enum Deaf {
    Bypass,
    ServeFor(Duration),
    ServeUntilExpiry,
}

/// [`WriteConcern`], as a setting.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub enum Concern {
    Enqueued,
    Published { timeout: Duration },
}

impl Settings {
    /// Short limits, so that what waits for them is short too.
    pub fn new(redis: &str, registers: u16, bound: Duration) -> Self {
        Self {
            redis: redis.to_owned(),
            namespace: "shop".to_owned(),
            registers,
            bound,
            heartbeat: None,
            while_deaf: Deaf::Bypass,
            concern: Concern::Published {
                timeout: Duration::from_millis(500),
            },
            lifetime: Duration::from_secs(3600),
            connect_timeout: Duration::from_millis(250),
            reply_timeout: Duration::from_millis(250),
            max_log_entries: 100_000,
            applied_within: bound * 2,
            settle: Duration::ZERO,
            intent: None,
            told: Duration::ZERO,
        }
    }

    fn layer(&self, cache: &Cache) -> CacheLayer {
        let layer = cache.layer().policy(Policy::lifetime(self.lifetime));
        match self.intent {
            Some(time) => layer.write_policy(WritePolicy::new().intent(time)),
            None => layer,
        }
    }

    fn cache(&self) -> Cache {
        let redis = Redis::new(&self.redis, &self.namespace).expect("a possible bus");
        let redis = redis
            .connect_timeout(self.connect_timeout)
            .reply_timeout(self.reply_timeout)
            .max_log_entries(self.max_log_entries);
        let builder = Cache::builder()
            .bus(redis)
            .staleness_bound(self.bound)
            .token_header(TOKEN)
            .while_deaf(match self.while_deaf {
                Deaf::Bypass => WhileDeaf::Bypass,
                Deaf::ServeFor(time) => WhileDeaf::ServeFor(time),
                Deaf::ServeUntilExpiry => WhileDeaf::ServeUntilExpiry,
            })
            .write_concern(match self.concern {
                Concern::Enqueued => WriteConcern::Enqueued,
                Concern::Published { timeout } => WriteConcern::Published { timeout },
            });
        let builder = match self.heartbeat {
            Some(heartbeat) => builder.heartbeat(heartbeat),
            None => builder,
        };
        builder.build().expect("possible settings")
    }
}

/// What was applied in an instance, by the writes that it named, in order.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Heard {
    /// The write with this number.
    Write(u64, Moment),
    /// All writes before.
    Everything(Moment),
}

/// What a `GET /news` asks to be left out: what it had before.
#[derive(Clone, Copy, Default, Debug, Serialize, Deserialize)]
pub struct Since {
    pub heard: usize,
    pub accepted: usize,
}

/// What an instance says of itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct News {
    pub heard: Vec<Heard>,
    /// Writes made here that the bus is known to have, and when that was known;
    /// without those whose response said so.
    pub accepted: Vec<(u64, Moment)>,
    pub stats: Value,
    pub health: Value,
}

struct App {
    cache: Cache,
    /// How long a write waits that is to be applied everywhere.
    applied_within: Duration,
    registers: Reader,
    heard: Mutex<Vec<Heard>>,
    /// Writes that were answered before the bus was known to have them.
    waiting: Mutex<Vec<u64>>,
    accepted: Mutex<Vec<(u64, Moment)>>,
}

impl App {
    /// Whether the bus has all that was invalidated here. What was put in before
    /// this is called is in the log if this says so.
    fn all_accepted(&self) -> bool {
        self.cache.stats().bus.outbox == 0
    }
}

/// Serves on a free loopback port and says on stdout which: `port N`.
pub async fn serve(settings: Settings) {
    let cache = settings.cache();
    let app = Arc::new(App {
        registers: Reader::new(settings.registers),
        heard: Mutex::default(),
        waiting: Mutex::default(),
        accepted: Mutex::default(),
        applied_within: settings.applied_within,
        cache: cache.clone(),
    });
    let settled = Policy::lifetime(settings.lifetime).settle(settings.settle);
    let late = Router::new()
        .route("/late/{key}", get(show_late).put(change))
        .layer(settings.layer(&cache).policy(settled));
    let writes = WritePolicy::new().intent(settings.told);
    let writes = writes.while_bus_down(BusDown::RefuseWrites);
    let told = Router::new()
        .route("/told/{key}", get(show).put(linger))
        .layer(settings.layer(&cache).write_policy(writes));
    let cached = Router::new()
        .route("/item/{key}", get(show).put(change))
        .layer(settings.layer(&cache))
        .merge(late)
        .merge(told)
        .layer(from_fn_with_state(app.clone(), watch_writes));
    let router = cached
        .route("/news", get(news))
        .route(
            "/stats",
            get(|State(app): State<Arc<App>>| async move { Json(stats(&app.cache.stats())) }),
        )
        .route(
            "/health",
            get(|State(app): State<Arc<App>>| async move { Json(health(&app.cache.health())) }),
        )
        .with_state(app.clone());
    let listener = tokio::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0));
    let listener = listener.await.expect("a free loopback port");
    // libtest leaves the line on which it names the test open.
    println!(
        "\nport {}",
        listener.local_addr().expect("a bound address").port()
    );
    let events = cache.events();
    let (served, (), ()) = tokio::join!(
        axum::serve(listener, router),
        listen(&app, events),
        look(&app)
    );
    served.expect("a listener that listens");
}

async fn show(
    cache: CacheContext,
    State(app): State<Arc<App>>,
    Path(key): Path<String>,
    headers: HeaderMap,
) -> Response {
    cache.tag(Tag::of("item", &key));
    answer(app.registers.read(&key).await.ok(), &headers)
}

async fn show_late(
    cache: CacheContext,
    State(app): State<Arc<App>>,
    Path(key): Path<String>,
    headers: HeaderMap,
) -> Response {
    cache.tag(Tag::of("item", &key));
    answer(app.registers.read_late(&key).await.ok(), &headers)
}

fn answer(read: Option<u64>, asked: &HeaderMap) -> Response {
    let run = asked.get(&RUN).cloned();
    match read {
        Some(version) => {
            let mut response = version.to_string().into_response();
            if let Some(run) = run {
                response.headers_mut().insert(RUN, run);
            }
            response
        }
        None => StatusCode::BAD_GATEWAY.into_response(),
    }
}

/// Behind the commit, so that a process that is killed is often killed there.
async fn linger(
    cache: CacheContext,
    state: State<Arc<App>>,
    key: Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, StatusCode> {
    let changed = change(cache, state, key, uri, headers).await;
    tokio::time::sleep(LINGER).await;
    changed
}

/// The path that became stale is the layer's own business; the tag names the
/// write to those who count. A write that is to be applied everywhere says so
/// itself, since only its receipt tells whether it was.
async fn change(
    cache: CacheContext,
    State(app): State<Arc<App>>,
    Path(key): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, StatusCode> {
    let id = write_of(&headers).unwrap_or_default();
    let version = app.registers.write(&key, id).await;
    let name = Tag::of("write", id);
    let version = match version {
        Ok(version) => version.to_string(),
        // It may have been committed.
        Err(_) => {
            cache.invalidate(name);
            return Err(StatusCode::BAD_GATEWAY);
        }
    };
    let mut response = version.into_response();
    if headers.contains_key(&APPLIED) {
        let timeout = app.applied_within;
        let what = Invalidate::path(uri.path()).and_tag(name);
        let what = what.concern(WriteConcern::Applied { timeout });
        let receipt = app.cache.invalidate(what).await;
        let applied = match receipt.applied() {
            Some(Applied::Everywhere { .. }) => "everywhere",
            _ => "timed-out",
        };
        let applied = HeaderValue::from_static(applied);
        response.headers_mut().insert(APPLIED, applied);
    } else {
        cache.invalidate(name);
    }
    Ok(response)
}

fn write_of(headers: &HeaderMap) -> Option<u64> {
    headers.get(&WRITE)?.to_str().ok()?.parse().ok()
}

/// Outside the cache: when a write's response comes out, what it made stale is in
/// the outbox, so an empty outbox says that the log has it. A write whose client
/// has gone is not followed here; who hears it on another instance knows more.
async fn watch_writes(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let id = write_of(request.headers());
    let mut response = next.run(request).await;
    let Some(id) = id else { return response };
    if app.all_accepted() {
        response
            .headers_mut()
            .insert(ACCEPTED, Moment::now().0.into());
    } else {
        app.waiting.lock().unwrap().push(id);
    }
    response
}

async fn look(app: &App) {
    loop {
        tokio::time::sleep(LOOK).await;
        // Taken before the look: what comes later is not covered by it.
        let waiting = app.waiting.lock().unwrap().clone();
        if waiting.is_empty() || !app.all_accepted() {
            continue;
        }
        let now = Moment::now();
        let accepted = waiting.iter().map(|&id| (id, now));
        app.accepted.lock().unwrap().extend(accepted);
        app.waiting.lock().unwrap().drain(..waiting.len());
    }
}

async fn listen(app: &App, mut events: Events) {
    let mut text = String::new();
    while let Some(event) = events.next().await {
        let Event::Invalidated(what) = event else {
            continue;
        };
        let now = Moment::now();
        let mut heard = app.heard.lock().unwrap();
        if what.is_everything() {
            heard.push(Heard::Everything(now));
            continue;
        }
        text.clear();
        write!(text, "{what:?}").expect("a string takes all");
        let named = text.split("\"write:").skip(1);
        let ids = named.filter_map(|rest| rest.split('"').next()?.parse().ok());
        heard.extend(ids.map(|id| Heard::Write(id, now)));
    }
}

async fn news(State(app): State<Arc<App>>, Query(since): Query<Since>) -> Json<News> {
    let heard = app.heard.lock().unwrap()[since.heard..].to_vec();
    let accepted = app.accepted.lock().unwrap()[since.accepted..].to_vec();
    Json(News {
        heard,
        accepted,
        stats: stats(&app.cache.stats()),
        health: health(&app.cache.health()),
    })
}

fn stats(stats: &Stats) -> Value {
    let bus = &stats.bus;
    json!({
        "hits": stats.hits,
        "misses": stats.misses,
        "bypasses": stats.bypasses,
        "refusals": stats.refusals,
        "fills": stats.fills,
        "waiters": stats.waiters,
        "stored": stats.stored,
        "writes": stats.writes,
        "invalidations": stats.invalidations,
        "entries": stats.entries,
        "bytes": stats.bytes,
        "cells": stats.cells,
        "bus": {
            "syncs": bus.syncs,
            "sync_failures": bus.sync_failures,
            "published": bus.published,
            "publish_failures": bus.publish_failures,
            "rings": bus.rings,
            "garbage": bus.garbage,
            "unreadable": bus.unreadable,
            "gaps": bus.gaps,
            "adoptions": bus.adoptions,
            "connections": bus.connections,
            "deaf_ms": u64::try_from(bus.deaf.as_millis()).unwrap_or(u64::MAX),
            "intents": bus.intents,
            "intents_untold": bus.intents_untold,
            "intents_ran_out": bus.intents_ran_out,
            "outbox": bus.outbox,
            "widened": bus.widened,
        },
    })
}

fn health(health: &Health) -> Value {
    let age = health.proof_age;
    json!({
        "coherent": health.coherent,
        "bus": health.bus,
        "bus_down": health.bus_down,
        "proof_age_ms": age.map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX)),
        "position": health.position,
        "last_trouble": health.last_trouble,
        "findings": health.findings,
    })
}
