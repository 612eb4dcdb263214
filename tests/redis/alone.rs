//! While deaf an instance answers from memory with what it has just fetched, and
//! with nothing older.

use crate::shop::{BOUND, Database, Instance, PATIENCE, now, pair};
use crate::support::eventually::eventually;
use crate::support::proxy::{Gate, Proxy};
use crate::support::redis_server::RedisServer;
use std::time::{Duration, Instant};
use tower_coherence::Policy;

/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(600);

/// The bound, less what is kept back for clocks.
const WITHIN: Duration = BOUND.saturating_sub(Duration::from_millis(1));

/// Deaf, and with nothing in memory that could answer.
async fn cut_off(instance: &Instance, key: &str, database: &Database) {
    eventually("deafness", PATIENCE, async || {
        (!instance.cache.health().coherent).then_some(())
    })
    .await;
    instance.deaf(key, database).await;
}

/// Asks until the handler ran. Returns when that request was sent, and how many
/// were answered from memory before it.
async fn next_fill(instance: &Instance, key: &str) -> (Instant, u32) {
    let mut hits = 0;
    let sent = eventually("a fill", PATIENCE, async || {
        let sent = now();
        let hit = instance.get(key).await.hit;
        hits += u32::from(hit);
        (!hit).then_some(sent)
    })
    .await;
    (sent, hits)
}

#[tokio::test]
async fn while_deaf_a_key_is_filled_once_in_a_bound() {
    let (mut server, database) = (RedisServer::start(&[]), Database::default());
    let a = Instance::start(&server.url(), &database);
    a.coherent().await;
    a.warm("1").await;
    server.kill();
    cut_off(&a, "1", &database).await;
    let (mut before, _) = next_fill(&a, "1").await;
    let mut answered = 0;
    for _ in 0..2 {
        let (sent, hits) = next_fill(&a, "1").await;
        // The fill before began after its request was sent, and this one later
        // than a bound after that.
        assert!(now() - before > WITHIN, "two fills within a bound");
        before = sent;
        answered += hits;
    }
    assert!(!a.cache.health().coherent && answered > 0, "{answered}");
}

#[tokio::test]
async fn while_both_are_deaf_a_write_is_seen_elsewhere_within_the_bound() {
    let (mut server, database) = (RedisServer::start(&[]), Database::default());
    let [a, b] = pair(&server.url(), &server.url(), &database).await;
    server.kill();
    for instance in [&a, &b] {
        cut_off(instance, "1", &database).await;
    }
    for _ in 0..3 {
        b.get("1").await;
        let version = a.put("1").await;
        let own = a.get("1").await;
        assert_eq!(own.version, version, "the writer sees its write");
        b.fresh("1", version, now()).await;
    }
    assert!(!a.cache.health().coherent && !b.cache.health().coherent);
}

#[tokio::test]
async fn an_instance_cut_off_alone_serves_no_write_of_others_after_the_bound() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let proxy = Proxy::start(server.port()).await;
    let [a, b] = pair(&proxy.url(), &server.url(), &database).await;
    proxy.gate(Gate::Closed);
    proxy.reset();
    cut_off(&a, "1", &database).await;
    for _ in 0..3 {
        a.get("1").await;
        let version = b.put("1").await;
        a.fresh("1", version, now()).await;
    }
    assert!(!a.cache.health().coherent && b.cache.health().coherent);
}

#[tokio::test]
async fn what_a_lagging_replica_said_counts_as_that_much_older() {
    let (mut server, database) = (RedisServer::start(&[]), Database::default());
    let a = Instance::start(&server.url(), &database);
    a.coherent().await;
    let lagging = a.policy(Policy::lifetime(LONG).settle(BOUND), &database);
    lagging.warm("1").await;
    server.kill();
    cut_off(&lagging, "1", &database).await;
    // As old as the bound from its first moment on.
    eventually(
        "an answer from what was just fetched",
        PATIENCE,
        async || {
            assert!(!lagging.get("1").await.hit);
            a.get("1").await.hit.then_some(())
        },
    )
    .await;
    for _ in 0..3 {
        assert!(!lagging.get("1").await.hit);
    }
    assert!(!a.cache.health().coherent);
}
