//! A server that is gone, stopped, slow, busy or full.

use super::{Line, in_time, told};
use crate::shop::{Database, Instance, PATIENCE, now, pair, spawn};
use crate::support::eventually::eventually;
use crate::support::proxy::{Flow, Proxy};
use crate::support::redis_server::RedisServer;
use futures_util::FutureExt;
use futures_util::future::join_all;
use std::time::Duration;
use tower_coherence::bus::Redis;
use tower_coherence::{Invalidate, Reached, WriteConcern};

/// F4.
#[tokio::test]
async fn nothing_old_is_served_from_memory_while_redis_is_dead_and_all_is_well_after() {
    let (mut server, database) = (RedisServer::start(&[]), Database::default());
    let [a, b] = pair(&server.url(), &server.url(), &database).await;
    a.warm("1").await;
    server.kill();
    let version = b.put("1").await;
    a.deaf("1", &database).await;
    assert_eq!(a.get("1").await.version, version);
    server.restart();
    a.coherent().await;
    a.fresh("1", version, now()).await;
    assert_eq!(a.warm("1").await.version, version);
    assert!(
        a.cache.stats().bus.adoptions >= 2,
        "the new log is adopted with everything invalidated"
    );
}

/// F6: the server is stopped, for less than the bound and for more. What was sent to
/// it is carried out when it goes on, though nobody waits for it any more.
#[tokio::test]
async fn writes_to_a_stopped_redis_wait_for_their_timeout_and_are_sent_again() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let [a, b] = pair(&server.url(), &server.url(), &database).await;
    for stopped_until_deaf in [false, true] {
        a.coherent().await;
        b.coherent().await;
        for key in 0..10 {
            a.warm(&key.to_string()).await;
        }
        server.stop();
        let writes = (0..200).map(|write| {
            let b = b.clone();
            spawn(async move { b.put(&(write % 10).to_string()).await })
        });
        // The server is still stopped when they end.
        in_time("200 writes", join_all(writes)).await;
        let receipt = in_time("a write", b.cache.invalidate(Invalidate::path("/item/1"))).await;
        assert_eq!(receipt.reached(), Reached::Here, "nobody can know more");
        if stopped_until_deaf {
            a.deaf("1", &database).await;
        }
        server.go_on();
        let accepted = now();
        for key in 0..10 {
            let key = key.to_string();
            a.fresh(&key, database.read(&key), accepted).await;
        }
        b.until("an empty outbox", |stats| stats.bus.outbox == 0)
            .await;
    }
    // Two instances with two connections each, and the one that asks.
    eventually("no more connections than before", PATIENCE, async || {
        (told(&server, "clients", "connected_clients") <= 5).then_some(())
    })
    .await;
}

/// F24.
#[tokio::test]
async fn a_redis_without_memory_for_the_log_makes_deaf_and_drops_nothing() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let [a, b] = pair(&server.url(), &server.url(), &database).await;
    a.warm("1").await;
    server.cli(&["CONFIG", "SET", "maxmemory", "1"]);
    let version = database.write("1");
    let receipt = b.cache.invalidate(Invalidate::path("/item/1")).await;
    assert_eq!(receipt.reached(), Reached::Here);
    assert!(receipt.at_least(Reached::Bus).is_err());
    a.deaf("1", &database).await;
    b.says("maxmemory").await;
    assert!(b.cache.health().bus_down);
    server.cli(&["CONFIG", "SET", "maxmemory", "0"]);
    b.until("an empty outbox", |stats| stats.bus.outbox == 0)
        .await;
    a.fresh("1", version, now()).await;
}

/// F26.
#[tokio::test]
async fn while_redis_holds_writes_back_no_read_waits_and_a_write_only_for_its_timeout() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let [a, b] = pair(&server.url(), &server.url(), &database).await;
    a.warm("1").await;
    // Longer than this test may take: it is ended by hand.
    server.cli(&["CLIENT", "PAUSE", "600000", "WRITE"]);
    for _ in 0..100 {
        let read = a.get("1").now_or_never();
        assert!(read.is_some() || !a.cache.health().coherent, "it waits");
    }
    let version = in_time("a write", b.put("1")).await;
    let timeout = Duration::from_millis(300);
    let what = Invalidate::path("/item/1").concern(WriteConcern::Published { timeout });
    let receipt = in_time("a write", b.cache.invalidate(what)).await;
    assert_eq!(receipt.reached(), Reached::Here);
    eventually("trouble", PATIENCE, async || {
        b.cache.health().bus_down.then_some(())
    })
    .await;
    // Known to be down: it does not wait at all.
    let receipt = b.cache.invalidate(Invalidate::path("/item/1"));
    let receipt = receipt.now_or_never().expect("it does not wait");
    assert_eq!(receipt.reached(), Reached::Here);
    a.deaf("1", &database).await;
    assert_eq!(
        b.get("1").await.version,
        version,
        "the writer sees its write"
    );
    assert!(b.cache.stats().bus.outbox > 0, "it stays queued");
    server.cli(&["CLIENT", "UNPAUSE"]);
    a.fresh("1", version, now()).await;
    b.until("an empty outbox", |stats| stats.bus.outbox == 0)
        .await;
}

/// F26: it runs until it is killed. At first the server answers nothing, then that
/// it is busy.
#[tokio::test]
async fn a_script_of_somebody_else_that_holds_redis_up_is_survived() {
    let server = RedisServer::start(&["--lua-time-limit", "300"]);
    let database = Database::default();
    let [a, b] = pair(&server.url(), &server.url(), &database).await;
    a.warm("1").await;
    a.warm("2").await;
    let mut somebody = Line::to(&server);
    somebody.write(r#"EVAL "while true do end" 0"#);
    a.deaf("1", &database).await;
    for _ in 0..20 {
        in_time("a write", b.put("1")).await;
        in_time("a read", a.get("1")).await;
    }
    // Nobody asks for it until all is well.
    let version = in_time("a write", b.put("2")).await;
    let failures = b.cache.stats().bus.publish_failures;
    b.until("refusals", |stats| {
        stats.bus.publish_failures > failures + 1
    })
    .await;
    b.says("BUSY").await;
    assert!(b.cache.stats().bus.outbox > 0, "it stays queued");
    assert_eq!(server.cli(&["SCRIPT", "KILL"]), "OK");
    let killed = somebody.read();
    assert!(killed.contains("killed"), "{killed}");
    b.until("an empty outbox", |stats| stats.bus.outbox == 0)
        .await;
    a.coherent().await;
    a.fresh("2", version, now()).await;
}

/// F26.
#[tokio::test]
async fn a_slow_redis_is_heard_late_and_within_the_bound() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let proxy = Proxy::start(server.port()).await;
    let patient = |redis: Redis| redis.reply_timeout(PATIENCE);
    let a = Instance::with(&proxy.url(), &database, patient);
    let b = Instance::start(&server.url(), &database);
    a.coherent().await;
    b.coherent().await;
    proxy.to_client(Flow::Delay(Duration::from_millis(100)));
    for _ in 0..5 {
        a.warm("1").await;
        let version = b.put("1").await;
        a.fresh("1", version, now()).await;
    }
}
