//! GET on A is a hit from memory; PUT on B; the next GET on A is fresh.

use crate::shop::{Database, Instance, PATIENCE, now, pair, spawn};
use crate::support::eventually::eventually;
use crate::support::redis_server::RedisServer;
use axum::Router;
use axum::routing::get;
use std::sync::Arc;
use tokio::sync::Notify;
use tower_coherence::{Cache, Invalidate, Reached, Tag};

#[tokio::test]
async fn a_write_on_one_instance_is_fresh_on_the_other() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let [a, b] = pair(&server.url(), &server.url(), &database).await;
    for _ in 0..20 {
        a.warm("1").await;
        b.warm("1").await;
        let version = b.put("1").await;
        let accepted = now();
        assert_eq!(b.get("1").await.version, version, "P2");
        a.fresh("1", version, accepted).await;
    }
    assert!(a.cache.stats().bus.rings > 0, "the ring hurries");
}

#[tokio::test]
async fn what_a_write_did_not_name_stays_on_the_other_instance() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let [a, b] = pair(&server.url(), &server.url(), &database).await;
    a.warm("kept").await;
    a.warm("gone").await;
    let version = b.put("gone").await;
    a.fresh("gone", version, now()).await;
    assert!(a.get("kept").await.hit);
}

#[tokio::test]
async fn every_kind_of_target_travels() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let [a, b] = pair(&server.url(), &server.url(), &database).await;
    for what in [
        Invalidate::tag(Tag::of("item", "1")),
        Invalidate::path("/item/%31"),
        Invalidate::prefix("/item"),
        Invalidate::uri("http://shop/item/1"),
        Invalidate::everything(),
        Invalidate::tag("item:1").soft(),
    ] {
        a.warm("1").await;
        let version = database.write("1");
        let receipt = b.cache.invalidate(what.clone()).await;
        assert_eq!(receipt.reached(), Reached::Bus, "{what:?}");
        a.fresh("1", version, now()).await;
    }
}

#[tokio::test]
async fn a_batch_is_one_script_call_and_so_is_a_heartbeat() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let [a, b] = pair(&server.url(), &server.url(), &database).await;
    let calls = || -> u64 {
        let stats = server.cli(&["INFO", "commandstats"]);
        let count = |name: &str| {
            let line = stats
                .lines()
                .find(|line| line.starts_with(&format!("cmdstat_{name}:")));
            line.and_then(|line| line.split(['=', ',']).nth(1)?.parse::<u64>().ok())
                .unwrap_or(0)
        };
        count("evalsha") + count("eval")
    };
    // Each look takes the counters of the clients before and after those of the
    // server: what happened meanwhile is in between.
    let asked = || a.cache.stats().bus.syncs + b.cache.stats().bus.syncs;
    a.until("a few heartbeats", |stats| stats.bus.syncs > 5)
        .await;
    let before = (asked(), calls());
    for _ in 0..5 {
        b.put("1").await;
    }
    a.until("a few more", |stats| stats.bus.syncs > 10).await;
    let after = (calls(), asked());
    let (scripts, syncs) = (after.0 - before.1, after.1 - before.0);
    // At most one call of each instance is under way at each look.
    assert!(
        scripts <= syncs + 5 + 4,
        "{scripts} calls for {syncs} syncs and 5 writes"
    );
    assert!(
        scripts + 4 >= syncs + 5,
        "{scripts} calls for {syncs} syncs and 5 writes"
    );
}

#[tokio::test]
async fn two_namespaces_on_one_server_do_not_hear_each_other() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let a = Instance::start(&server.url(), &database);
    let other = tower_coherence::bus::Redis::new(&server.url(), "other").unwrap();
    let other = Cache::builder().bus(other).build().unwrap();
    other.coherent().await.unwrap();
    a.coherent().await;
    a.warm("1").await;
    let receipt = other.invalidate(Invalidate::everything()).await;
    assert_eq!(receipt.reached(), Reached::Bus);
    let asked = a.cache.stats().bus.syncs;
    a.until("two more heartbeats", |stats| stats.bus.syncs >= asked + 2)
        .await;
    assert!(a.get("1").await.hit);
}

#[tokio::test]
async fn an_invalidation_on_another_instance_is_an_event_here() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let [a, b] = pair(&server.url(), &server.url(), &database).await;
    let mut events = a.cache.events();
    let _ = b.cache.invalidate(Tag::new("told")).await;
    let told = eventually("the event", PATIENCE, async || {
        let Some(tower_coherence::Event::Invalidated(what)) = events.next().await else {
            return None;
        };
        (*what == Invalidate::tag("told")).then_some(())
    });
    told.await;
}

/// A fill begins on A, a write happens on B and is heard on A, the fill ends. What
/// it read goes to its own caller, and is not kept.
#[tokio::test]
async fn a_fill_begun_before_a_write_elsewhere_is_not_kept() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let [a, b] = pair(&server.url(), &server.url(), &database).await;
    let (read, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let handler = {
        let (database, read, go_on) = (database.clone(), read.clone(), go_on.clone());
        move || async move {
            let version = database.read("1");
            read.notify_one();
            go_on.notified().await;
            version.to_string()
        }
    };
    let held = a.routes(Router::new().route("/item/1", get(handler)));
    let filling = spawn(async move { (held.send("GET", "1").await, held) });
    read.notified().await;
    let applied = a.cache.stats().invalidations;
    let version = b.put("1").await;
    a.until("the news", |stats| stats.invalidations > applied)
        .await;
    go_on.notify_one();
    let ((_, body), held) = filling.await.unwrap();
    assert_eq!(body, "0", "its own caller gets what it read");
    go_on.notify_one();
    let next = held.get("1").await;
    assert_eq!((next.version, next.hit), (version, false));
    assert_eq!(a.cache.stats().refusals["invalidated-meanwhile"], 1);
}
