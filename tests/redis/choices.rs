//! What a route chooses to do while its instance is deaf, and who else may write.

use crate::shop::{BOUND, Database, Instance, PATIENCE, now, pair};
use crate::support::eventually::eventually;
use crate::support::redis_server::RedisServer;
use std::time::Duration;
use tower_coherence::bus::Redis;
use tower_coherence::policy::WhileDeaf;
use tower_coherence::{Invalidate, Policy, Publisher, Reached, Tag};

fn policy(choice: WhileDeaf) -> Policy {
    Policy::lifetime(Duration::from_secs(600)).while_deaf(choice)
}

#[tokio::test]
async fn a_route_may_serve_until_expiry_while_deaf_and_is_fresh_when_the_bus_is_back() {
    let (mut server, database) = (RedisServer::start(&[]), Database::default());
    let a = Instance::start(&server.url(), &database);
    let patient = a.policy(policy(WhileDeaf::ServeUntilExpiry), &database);
    a.coherent().await;
    patient.warm("1").await;
    server.kill();
    a.deaf("1", &database).await;
    let version = database.write("1");
    let stale = patient.get("1").await;
    assert!(stale.hit && stale.version < version, "{stale:?}");
    server.restart();
    patient.fresh("1", version, now() + PATIENCE).await;
}

#[tokio::test]
async fn a_route_may_serve_for_a_while_after_the_bound_and_no_longer() {
    let (mut server, database) = (RedisServer::start(&[]), Database::default());
    let a = Instance::start(&server.url(), &database);
    let more = Duration::from_secs(3);
    let lenient = a.policy(policy(WhileDeaf::ServeFor(more)), &database);
    a.coherent().await;
    a.warm("1").await;
    lenient.warm("1").await;
    server.kill();
    let dead = now();
    a.deaf("1", &database).await;
    assert!(
        lenient.get("1").await.hit,
        "the strict route is deaf before"
    );
    eventually("the lenient route to be deaf too", PATIENCE, async || {
        let asked = now();
        let hit = lenient.get("1").await.hit;
        assert!(!hit || asked.duration_since(dead) <= BOUND + more);
        (!hit).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_publisher_without_a_store_invalidates_everywhere() {
    let (mut server, database) = (RedisServer::start(&[]), Database::default());
    let [a, b] = pair(&server.url(), &server.url(), &database).await;
    let publisher = Publisher::new(Redis::new(&server.url(), "shop").unwrap()).unwrap();
    for instance in [&a, &b] {
        instance.warm("1").await;
    }
    let version = database.write("1");
    let receipt = publisher.invalidate(Tag::of("item", 1)).await;
    assert_eq!(receipt.reached(), Reached::Bus);
    for instance in [&a, &b] {
        instance.fresh("1", version, now()).await;
    }
    // It keeps what it cannot send, and is no member.
    server.kill();
    a.until("trouble", |stats| stats.bus.sync_failures > 0)
        .await;
    let version = database.write("1");
    let receipt = publisher.invalidate(Invalidate::path("/item/1")).await;
    assert_eq!(receipt.reached(), Reached::Here);
    assert_eq!(publisher.waiting(), 1);
    server.restart();
    eventually("it is sent", PATIENCE, async || {
        (publisher.waiting() == 0).then_some(())
    })
    .await;
    a.fresh("1", version, now()).await;
    a.coherent().await;
    b.coherent().await;
    let fields = server.cli(&["HKEYS", "coherence:{shop}:members"]);
    let members = fields.lines().filter(|field| field.len() == 16);
    assert_eq!(members.count(), 2, "{fields}");
}

#[tokio::test]
async fn an_instance_does_not_apply_its_own_entries_twice() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let a = Instance::start(&server.url(), &database);
    a.coherent().await;
    a.put("1").await;
    let before = a.cache.stats().invalidations;
    for _ in 0..10 {
        a.put("1").await;
    }
    let asked = a.cache.stats().bus.syncs;
    a.until("two more questions", |stats| stats.bus.syncs >= asked + 2)
        .await;
    assert_eq!(a.cache.stats().invalidations, before + 10);
}
