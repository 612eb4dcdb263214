//! P3: if the bus accepted an invalidation, no instance serves what it covers
//! after the bound, whatever is broken.

use crate::shop::{Database, Instance, now, pair};
use crate::support::proxy::{Flow, Gate, Proxy};
use crate::support::redis_server::RedisServer;
use tower_coherence::{Invalidate, Reached};

const LOG: &str = "coherence:{shop}:log";

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

#[tokio::test]
async fn a_stopped_redis_makes_deaf_within_the_bound_and_a_write_waits_no_longer_than_its_timeout()
{
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let [a, b] = pair(&server.url(), &server.url(), &database).await;
    a.warm("1").await;
    server.stop();
    let version = b.put("1").await;
    a.deaf("1", &database).await;
    b.deaf("1", &database).await;
    server.go_on();
    a.fresh("1", version, now()).await;
    a.coherent().await;
    assert_eq!(a.warm("1").await.version, version);
    b.until("an empty outbox", |stats| stats.bus.outbox == 0)
        .await;
}

#[tokio::test]
async fn a_killed_subscriber_connection_loses_nothing() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let [a, b] = pair(&server.url(), &server.url(), &database).await;
    for _ in 0..5 {
        a.warm("1").await;
        server.cli(&["CLIENT", "KILL", "TYPE", "pubsub"]);
        let version = b.put("1").await;
        a.fresh("1", version, now()).await;
    }
    a.until("a new ear", |stats| stats.bus.connections >= 2)
        .await;
}

#[tokio::test]
async fn a_half_open_connection_is_not_trusted() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let proxy = Proxy::start(server.port()).await;
    let [a, b] = pair(&proxy.url(), &server.url(), &database).await;
    for flows in [
        (Flow::BlackHole, Flow::Pass),
        (Flow::Pass, Flow::BlackHole),
        (Flow::BlackHole, Flow::BlackHole),
    ] {
        a.coherent().await;
        a.warm("1").await;
        proxy.to_client(flows.0);
        proxy.to_server(flows.1);
        let version = b.put("1").await;
        a.fresh("1", version, now()).await;
        a.deaf("1", &database).await;
        proxy.both(Flow::Pass);
        proxy.cut();
        a.coherent().await;
        assert_eq!(a.warm("1").await.version, version);
    }
}

#[tokio::test]
async fn a_log_trimmed_while_away_is_adopted_with_everything_invalidated() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let proxy = Proxy::start(server.port()).await;
    let a = Instance::start(&proxy.url(), &database);
    let b = Instance::with(&server.url(), &database, |redis| redis.max_log_entries(8));
    a.coherent().await;
    b.coherent().await;
    a.warm("1").await;
    proxy.gate(Gate::Closed);
    proxy.cut();
    let version = b.put("1").await;
    let accepted = now();
    for key in 0..40 {
        b.put(&format!("other-{key}")).await;
    }
    let adoptions = a.cache.stats().bus.adoptions;
    proxy.gate(Gate::Open);
    a.fresh("1", version, accepted).await;
    a.until("an adoption", |stats| stats.bus.adoptions > adoptions)
        .await;
    a.coherent().await;
    assert_eq!(a.warm("1").await.version, version);
}

#[tokio::test]
async fn wiped_keys_are_adopted_with_everything_invalidated() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let [a, b] = pair(&server.url(), &server.url(), &database).await;
    for wipe in [
        &["FLUSHALL"][..],
        &["DEL", LOG],
        &["RENAME", LOG, "elsewhere"],
        &["XTRIM", LOG, "MAXLEN", "0"],
    ] {
        a.coherent().await;
        a.warm("1").await;
        let adoptions = a.cache.stats().bus.adoptions;
        let version = database.write("1");
        // Accepted by the log, and lost with it before anybody asked.
        let _ = server.cli(&["MULTI"]);
        server.cli(wipe);
        let accepted = now();
        a.until("an adoption", |stats| stats.bus.adoptions > adoptions)
            .await;
        a.fresh("1", version, accepted).await;
        b.coherent().await;
    }
}

/// The wipe in which the next number fits. Cause: the log is wiped, and a new one
/// grows until its numbers go on where the old ones ended. Effect: an instance
/// that compares numbers sees the next entry, or no entry, and never learns what
/// stood in between. So marks are compared.
#[tokio::test]
async fn a_wipe_in_which_the_next_number_fits_is_noticed() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let a = Instance::start(&server.url(), &database);
    a.coherent().await;
    for offset in [0_u64, 1] {
        a.coherent().await;
        a.warm("1").await;
        let position = a
            .cache
            .health()
            .position
            .expect("a coherent instance has a position");
        let (id, _) = position.split_once(':').unwrap();
        let (millis, number) = id.split_once('-').unwrap();
        let next = format!("{millis}-{}", number.parse::<u64>().unwrap() + offset);
        let version = database.write("1");
        let invalidation = r#"{"v":1,"paths":["/item/1"]}"#;
        // One step of the server: nobody asks in between.
        let script = "redis.call('DEL', KEYS[1]) return redis.call('XADD', KEYS[1], ARGV[1], 'm', ARGV[2], 'pi', '', 'pm', '', 'b', ARGV[3])";
        let other = "00000000deadbeef";
        let added = server.cli(&["EVAL", script, "1", LOG, &next, other, invalidation]);
        assert_eq!(added, next);
        // And one more behind it, which names it as its predecessor.
        let adoptions = a.cache.stats().bus.adoptions;
        a.fresh("1", version, now()).await;
        a.until("an adoption", |stats| stats.bus.adoptions > adoptions)
            .await;
    }
}

#[tokio::test]
async fn one_instance_cut_off_is_deaf_alone() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let proxy = Proxy::start(server.port()).await;
    let [a, b] = pair(&proxy.url(), &server.url(), &database).await;
    a.warm("1").await;
    b.warm("1").await;
    proxy.gate(Gate::Closed);
    proxy.reset();
    a.deaf("1", &database).await;
    assert!(!a.cache.health().coherent);
    assert!(b.get("1").await.hit);
    proxy.gate(Gate::Open);
    a.coherent().await;
    assert!(a.warm("1").await.hit);
}

#[tokio::test]
async fn a_late_joiner_hears_what_comes_after_it() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let b = Instance::start(&server.url(), &database);
    b.coherent().await;
    for key in 0..5 {
        b.put(&key.to_string()).await;
    }
    let a = Instance::start(&server.url(), &database);
    a.get("1").await;
    let version = b.put("1").await;
    a.fresh("1", version, now()).await;
}

#[tokio::test]
async fn a_slow_redis_is_heard_late_and_within_the_bound() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let proxy = Proxy::start(server.port()).await;
    let [a, b] = pair(&proxy.url(), &server.url(), &database).await;
    proxy.to_client(Flow::Delay(std::time::Duration::from_millis(100)));
    for _ in 0..5 {
        a.warm("1").await;
        let version = b.put("1").await;
        a.fresh("1", version, now()).await;
    }
}

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
    server.cli(&["CONFIG", "SET", "maxmemory", "0"]);
    b.until("an empty outbox", |stats| stats.bus.outbox == 0)
        .await;
    a.fresh("1", version, now()).await;
}
