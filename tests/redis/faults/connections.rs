//! Connections that end, hang, or come and go.

use super::{only_ears, told};
use crate::shop::{BOUND, Database, Instance, LOG, PATIENCE, RING, now, pair};
use crate::support::eventually::eventually;
use crate::support::proxy::{Flow, Gate, Proxy};
use crate::support::redis_server::RedisServer;
use futures_util::future::join_all;

/// F1.
#[tokio::test]
async fn what_a_killed_ear_did_not_hear_is_read_in_the_log_and_nothing_else_is_dropped() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let proxy = Proxy::start(server.port()).await;
    let a = Instance::patient(&proxy.url(), &database);
    let b = Instance::patient(&server.url(), &database);
    for instance in [&a, &b] {
        instance.coherent().await;
        instance.listens().await;
    }
    a.warm("1").await;
    a.warm("kept").await;
    let before = a.cache.stats().bus;
    // The ear cannot be opened again before the write.
    proxy.gate(Gate::Closed);
    only_ears(&server, 2).await;
    let killed = server.cli(&["CLIENT", "KILL", "TYPE", "pubsub"]);
    assert!(killed.parse::<u32>().unwrap() >= 2, "{killed}");
    let version = b.put("1").await;
    a.fresh("1", version, now()).await;
    let after = a.cache.stats().bus;
    assert_eq!(after.rings, before.rings, "it was not heard");
    assert_eq!(after.adoptions, before.adoptions, "it was replayed");
    assert!(after.found_late > before.found_late, "it was found late");
    assert!(after.detection.count > before.detection.count);
    proxy.gate(Gate::Open);
    a.until("a new ear", |stats| {
        stats.bus.connections > before.connections
    })
    .await;
    assert!(a.get("kept").await.hit);
}

/// To the server the ear is as good as any; in one direction nothing comes
/// through any more.
async fn half_open(hole: impl Fn(&Proxy)) {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let proxy = Proxy::start(server.port()).await;
    let [a, b] = pair(&proxy.url(), &server.url(), &database).await;
    for instance in [&a, &b] {
        instance.listens().await;
    }
    let keys: Vec<String> = (0..100).map(|key| key.to_string()).collect();
    for key in &keys {
        a.warm(key).await;
    }
    only_ears(&server, 2).await;
    hole(&proxy);
    let heard = server.cli(&["PUBLISH", RING, "h"]);
    assert_eq!(heard, "2", "it counts as heard");
    let mut written = Vec::new();
    for key in &keys {
        written.push((key, b.put(key).await, now()));
    }
    for (key, version, accepted) in written {
        a.fresh(key, version, accepted).await;
    }
    eventually("deafness", PATIENCE, async || {
        (!a.cache.health().coherent).then_some(())
    })
    .await;
    let failures = a.cache.stats().bus.sync_failures;
    eventually("several failures more", PATIENCE, async || {
        assert!(!a.cache.health().coherent, "it stays deaf");
        (a.cache.stats().bus.sync_failures >= failures + 4).then_some(())
    })
    .await;
    proxy.both(Flow::Pass);
    proxy.cut();
    a.coherent().await;
    let version = b.put("1").await;
    a.fresh("1", version, now()).await;
}

/// F2.
#[tokio::test]
async fn an_ear_that_hears_nothing_though_the_server_believes_in_it_is_not_trusted() {
    half_open(|proxy| proxy.to_client(Flow::BlackHole)).await;
}

/// F3.
#[tokio::test]
async fn an_instance_whose_questions_get_lost_is_deaf_and_stays_so() {
    half_open(|proxy| proxy.to_server(Flow::BlackHole)).await;
}

/// F18: entries that look like ours stand in the log, and nobody rang.
#[tokio::test]
async fn an_ear_that_stays_silent_while_the_log_moves_is_opened_anew() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let a = Instance::patient(&server.url(), &database);
    a.coherent().await;
    a.listens().await;
    let connections = a.cache.stats().bus.connections;
    let script = "local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1] \
        local mark for at = 1, #last[2], 2 do if last[2][at] == 'm' then mark = last[2][at + 1] end end \
        return redis.call('XADD', KEYS[1], '*', 'm', ARGV[1], 'pi', last[1], 'pm', mark, 'b', ARGV[2])";
    for number in 1..=2_u64 {
        a.warm("1").await;
        let version = database.write("1");
        let mark = format!("{number:016x}");
        let payload = r#"{"v":1,"tags":["item:1"]}"#;
        server.cli(&["EVAL", script, "1", LOG, &mark, payload]);
        a.fresh("1", version, now()).await;
    }
    a.until("another ear", |stats| stats.bus.connections > connections)
        .await;
    assert_eq!(a.cache.stats().bus.adoptions, 1, "nothing was missed");
}

/// F35: cut off from Redis, not from its clients.
#[tokio::test]
async fn one_of_three_that_is_cut_off_is_deaf_alone_and_says_so() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let proxy = Proxy::start(server.port()).await;
    let [a, b] = pair(&server.url(), &server.url(), &database).await;
    let c = Instance::start(&proxy.url(), &database);
    c.coherent().await;
    for instance in [&a, &b, &c] {
        instance.warm("1").await;
    }
    proxy.both(Flow::BlackHole);
    c.deaf("1", &database).await;
    eventually("it says so", PATIENCE, async || {
        let health = c.cache.health();
        assert!(!health.coherent, "it stays deaf");
        (health.bus_down && health.last_trouble.is_some()).then_some(())
    })
    .await;
    for _ in 0..3 {
        let version = a.put("1").await;
        let accepted = now();
        for instance in [&b, &c] {
            instance.fresh("1", version, accepted).await;
        }
    }
    assert!(!c.cache.health().coherent);
    b.coherent().await;
    proxy.both(Flow::Pass);
    proxy.cut();
    c.coherent().await;
}

/// F36.
#[tokio::test]
async fn a_bus_that_comes_and_goes_makes_nothing_staler_than_the_bound() {
    const FLAPS: u64 = 150;
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let proxy = Proxy::start(server.port()).await;
    let [a, b] = pair(&proxy.url(), &server.url(), &database).await;
    let asked = || {
        let stats = a.cache.stats();
        stats.fills + stats.bypasses.values().sum::<u64>()
    };
    let (before, began) = (asked(), now());
    let mut written = Vec::new();
    for flap in 0..FLAPS {
        proxy.gate(Gate::Closed);
        if flap % 2 == 0 {
            proxy.cut();
        } else {
            proxy.reset();
        }
        if flap % 30 == 0 {
            a.deaf("1", &database).await;
        }
        written.push((b.put("1").await, now()));
        proxy.gate(Gate::Open);
        if flap % 30 == 0 {
            a.coherent().await;
        }
        let asked = now();
        let all = join_all((0..4).map(|_| a.get("1"))).await;
        let got = all.iter().min_by_key(|got| got.version).unwrap();
        let due = |(_, accepted): &&(u64, _)| asked.duration_since(*accepted) > BOUND;
        let least = written
            .iter()
            .rev()
            .find(due)
            .map_or(0, |(version, _)| *version);
        assert!(got.version >= least, "flap {flap}: {got:?}, wanted {least}");
    }
    // Another call of the handler for a write that was heard, and for a bound in
    // which nothing was.
    let bounds = now().duration_since(began).as_millis() / BOUND.as_millis();
    let (refills, most) = (asked() - before, FLAPS + u64::try_from(bounds).unwrap() + 1);
    assert!(refills <= most, "{refills} refills and not {most} at most");
    let adoptions = a.cache.stats().bus.adoptions;
    assert_eq!(adoptions, 1, "the log was there to ask");
    a.coherent().await;
    let (version, accepted) = written[written.len() - 1];
    a.fresh("1", version, accepted).await;
    // A fleet that is back has as many connections as it has ears and mouths.
    eventually("no more connections than before", PATIENCE, async || {
        (told(&server, "clients", "connected_clients") <= 5).then_some(())
    })
    .await;
}

/// F46: the name stays, what it leads to does not.
#[tokio::test]
async fn an_endpoint_that_moves_is_followed_and_what_was_cached_before_is_not_served() {
    let (mut old, new) = (RedisServer::start(&[]), RedisServer::start(&[]));
    let database = Database::default();
    let proxy = Proxy::start(old.port()).await;
    let url = format!("redis://localhost:{}", proxy.port());
    let a = Instance::patient(&url, &database);
    let b = Instance::patient(&url, &database);
    a.coherent().await;
    b.coherent().await;
    a.warm("1").await;
    let version = database.write("1");
    let moved = now();
    proxy.lead_to(new.port());
    old.kill();
    for instance in [&a, &b] {
        instance
            .until("an adoption", |stats| stats.bus.adoptions > 1)
            .await;
    }
    a.fresh("1", version, moved).await;
    assert_eq!(a.warm("1").await.version, version);
    let version = b.put("1").await;
    a.fresh("1", version, now()).await;
    only_ears(&new, 2).await;
}
