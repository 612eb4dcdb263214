//! A server that comes back with another history, or whose keys are gone.

use crate::shop::{Database, Instance, LOG, PATIENCE, now, pair};
use crate::support::eventually::eventually;
use crate::support::proxy::{Gate, Proxy};
use crate::support::redis_server::RedisServer;
use std::fs::OpenOptions;
use std::path::PathBuf;
use std::time::Duration;

/// The file that a server appends its writes to.
fn appended(server: &RedisServer) -> PathBuf {
    let said = server.cli(&["CONFIG", "GET", "dir"]);
    let directory = said.lines().last().expect("a name and a value");
    PathBuf::from(directory).join("appendonlydir/appendonly.aof.1.incr.aof")
}

/// What the clock of the server says this much later, as ids do.
fn clock(server: &RedisServer, later: Duration) -> u64 {
    let said = server.cli(&["TIME"]);
    let seconds: u64 = said.lines().next().unwrap().parse().unwrap();
    (seconds + later.as_secs()) * 1000
}

/// F5: what was not yet on disk is lost: the file is cut where it stood before.
#[tokio::test]
async fn a_log_whose_tail_was_lost_with_the_machine_is_not_taken_for_the_old_one() {
    let mut server = RedisServer::start(&["--appendonly", "yes", "--appendfsync", "everysec"]);
    let database = Database::default();
    let proxy = Proxy::start(server.port()).await;
    let [a, b] = pair(&proxy.url(), &server.url(), &database).await;
    a.warm("1").await;
    b.put("2").await;
    let file = appended(&server);
    let kept = std::fs::metadata(&file).expect("it appends").len();
    proxy.gate(Gate::Closed);
    proxy.cut();
    let before = b.applied_id();
    let version = b.put("1").await;
    let accepted = now();
    // It has heard of what will be lost.
    b.until("its own entry", |_| b.applied_id() > before).await;
    let adoptions = b.cache.stats().bus.adoptions;
    server.kill();
    let opened = OpenOptions::new().write(true).open(&file).unwrap();
    assert!(opened.metadata().unwrap().len() > kept);
    opened.set_len(kept).unwrap();
    server.restart();
    proxy.gate(Gate::Open);
    a.fresh("1", version, accepted).await;
    b.until("an adoption", |stats| stats.bus.adoptions > adoptions)
        .await;
    a.coherent().await;
    b.coherent().await;
    let version = b.put("1").await;
    a.fresh("1", version, now()).await;
}

/// F12.
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

/// F13: the log as it was before, and the instances ahead of it. In the second round
/// its ids are an hour ahead of the clock that the server has when it is back.
#[tokio::test]
async fn a_log_that_is_behind_its_readers_is_adopted_whatever_its_clock_says() {
    for ahead in [Duration::ZERO, Duration::from_secs(3600)] {
        let (mut server, database) = (RedisServer::start(&[]), Database::default());
        let [a, b] = pair(&server.url(), &server.url(), &database).await;
        assert_eq!(server.cli(&["SAVE"]), "OK");
        let millis = clock(&server, ahead + Duration::from_secs(2));
        let id = format!("{millis}-0");
        let foreign = r#"{"v":1,"tags":["nobody"]}"#;
        assert_eq!(server.cli(&["XADD", LOG, &id, "j", foreign]), id);
        for instance in [&a, &b] {
            instance
                .until("the entry", |_| instance.applied_id() >= (millis, 0))
                .await;
        }
        a.warm("1").await;
        let version = b.put("1").await;
        let accepted = now();
        let adoptions = a.cache.stats().bus.adoptions;
        server.kill();
        server.restart();
        a.fresh("1", version, accepted).await;
        a.until("an adoption", |stats| stats.bus.adoptions > adoptions)
            .await;
        a.coherent().await;
        b.coherent().await;
        assert_eq!(a.warm("1").await.version, version);
        assert!(ahead.is_zero() || a.applied_id() < (millis, 0));
        for _ in 0..3 {
            a.warm("1").await;
            let version = b.put("1").await;
            a.fresh("1", version, now()).await;
        }
    }
}

/// F31: the clock of the server jumps ahead and back, by half an hour and by an hour.
/// No entry was lost, so nothing is invalidated but what was written.
#[tokio::test]
async fn ids_that_jump_ahead_of_the_clock_go_on_in_order_and_cost_nothing() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let [a, b] = [(); 2].map(|()| Instance::patient(&server.url(), &database));
    a.coherent().await;
    b.coherent().await;
    a.warm("kept").await;
    let (soon, later) = (Duration::from_secs(1800), Duration::from_secs(3600));
    // Nothing was written while it was ahead.
    let ahead = clock(&server, soon);
    let set = server.cli(&["XSETID", LOG, &format!("{ahead}-0")]);
    assert_eq!(set, "OK");
    let further = clock(&server, later);
    let foreign = r#"{"v":1,"tags":["nobody"]}"#;
    let id = format!("{further}-0");
    for least in [(ahead, 1), (further, 1)] {
        for number in 0..3 {
            for [reader, writer] in [[&a, &b], [&b, &a]] {
                reader.warm("1").await;
                let version = writer.put("1").await;
                reader.fresh("1", version, now()).await;
            }
            let reached = (least.0, least.1 + number);
            a.until("that far", |_| a.applied_id() >= reached).await;
            assert_eq!(a.applied_id().0, least.0);
        }
        // Something was, by somebody who does not ring.
        if least.0 == ahead {
            assert_eq!(server.cli(&["XADD", LOG, &id, "j", foreign]), id);
        }
    }
    assert!(a.get("kept").await.hit);
    for instance in [&a, &b] {
        assert_eq!(instance.cache.stats().bus.adoptions, 1);
    }
}

/// F31: the clock of the server began in 1970, as those of machines without a battery
/// do, and was set then.
#[tokio::test]
async fn a_log_that_begins_in_1970_is_adopted_and_followed_into_the_present() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let [a, b] = [(); 2].map(|()| Instance::patient(&server.url(), &database));
    a.coherent().await;
    b.coherent().await;
    a.warm("1").await;
    let version = database.write("1");
    // One step of the server: nobody asks in between.
    let script = "redis.call('DEL', KEYS[1]) return redis.call('XADD', KEYS[1], '1-1', 'm', ARGV[1], 'pi', '', 'pm', '', 'b', ARGV[2])";
    let nothing = r#"{"v":1,"tags":["nobody"]}"#;
    let added = server.cli(&["EVAL", script, "1", LOG, "00000000deadbeef", nothing]);
    assert_eq!(added, "1-1");
    for instance in [&a, &b] {
        instance
            .until("an adoption", |stats| stats.bus.adoptions == 2)
            .await;
        assert_eq!(instance.applied_id(), (1, 1));
    }
    assert_eq!(a.get("1").await.version, version);
    let present = clock(&server, Duration::ZERO);
    for _ in 0..3 {
        a.warm("1").await;
        let version = b.put("1").await;
        a.fresh("1", version, now()).await;
    }
    a.until("the present", |_| a.applied_id().0 >= present)
        .await;
    assert_eq!(a.cache.stats().bus.adoptions, 2);
}

/// F25.
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
        server.cli(wipe);
        let accepted = now();
        a.until("an adoption", |stats| stats.bus.adoptions > adoptions)
            .await;
        a.fresh("1", version, accepted).await;
        b.coherent().await;
    }
}

/// F25, the wipe in which the next number fits. Cause: the log is wiped, and a new
/// one grows until its numbers go on where the old ones ended. Effect: an instance
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
        let (millis, number) = a.applied_id();
        let next = format!("{millis}-{}", number + offset);
        let version = database.write("1");
        let invalidation = r#"{"v":1,"paths":["/item/1"]}"#;
        // One step of the server: nobody asks in between.
        let script = "redis.call('DEL', KEYS[1]) return redis.call('XADD', KEYS[1], ARGV[1], 'm', ARGV[2], 'pi', '', 'pm', '', 'b', ARGV[3])";
        let other = "00000000deadbeef";
        let added = server.cli(&["EVAL", script, "1", LOG, &next, other, invalidation]);
        assert_eq!(added, next);
        let adoptions = a.cache.stats().bus.adoptions;
        a.fresh("1", version, now()).await;
        a.until("an adoption", |stats| stats.bus.adoptions > adoptions)
            .await;
    }
}

/// F25: a server that is full throws the log away, as its policy says.
#[tokio::test]
async fn a_log_that_the_server_evicted_is_adopted_with_everything_invalidated() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let proxy = Proxy::start(server.port()).await;
    let [a, b] = pair(&proxy.url(), &server.url(), &database).await;
    a.warm("1").await;
    proxy.gate(Gate::Closed);
    proxy.cut();
    let version = b.put("1").await;
    let accepted = now();
    let adoptions = a.cache.stats().bus.adoptions;
    server.cli(&["CONFIG", "SET", "maxmemory-policy", "allkeys-random"]);
    server.cli(&["CONFIG", "SET", "maxmemory", "1"]);
    eventually("an evicted log", PATIENCE, async || {
        server.cli(&["SET", "filler", "x"]);
        (server.cli(&["EXISTS", LOG]) == "0").then_some(())
    })
    .await;
    server.cli(&["CONFIG", "SET", "maxmemory", "0"]);
    proxy.gate(Gate::Open);
    a.fresh("1", version, accepted).await;
    a.until("an adoption", |stats| stats.bus.adoptions > adoptions)
        .await;
    b.coherent().await;
    let version = b.put("1").await;
    a.fresh("1", version, now()).await;
}
