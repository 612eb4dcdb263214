//! What an outage or a large invalidation costs the origin.

use super::told;
use crate::shop::{Database, Instance, LOG, PATIENCE, now};
use crate::support::eventually::eventually;
use crate::support::redis_server::RedisServer;
use futures_util::future::join_all;
use std::time::Duration;
use tower_coherence::{Invalidate, Policy};

const INSTANCES: usize = 50;
const KEYS: usize = 10;
const CLIENTS: usize = 4;

/// All of them ask in one thread, and nobody shall be deaf meanwhile.
const BOUND: Duration = Duration::from_secs(60);
const HEARTBEAT: Duration = Duration::from_secs(1);

/// Each of the clients asks each instance for each key, all at once. Returns how
/// often the origin was asked.
async fn everybody_asks(fleet: &[Instance]) -> u64 {
    let asked = |fleet: &[Instance]| -> u64 {
        let stats = fleet.iter().map(|instance| instance.cache.stats());
        stats
            .map(|stats| stats.fills + stats.bypasses.values().sum::<u64>())
            .sum()
    };
    let before = asked(fleet);
    let requests = fleet.iter().flat_map(|instance| {
        (0..KEYS * CLIENTS).map(move |request| async move {
            instance.get(&(request % KEYS).to_string()).await.version
        })
    });
    join_all(requests).await;
    asked(fleet) - before
}

/// F37.
#[tokio::test]
async fn a_fleet_that_loses_redis_asks_the_origin_no_more_than_one_that_starts() {
    let (mut server, database) = (RedisServer::start(&[]), Database::default());
    let fleet: Vec<Instance> = (0..INSTANCES)
        .map(|_| Instance::bounded(&server.url(), &database, BOUND, HEARTBEAT))
        .collect();
    join_all(fleet.iter().map(Instance::coherent)).await;
    let cold = everybody_asks(&fleet).await;
    assert_eq!(cold, (INSTANCES * KEYS) as u64, "one fill for each key");
    assert_eq!(everybody_asks(&fleet).await, 0, "then from memory");
    server.kill();
    // The news of the outage makes nobody forget anything at once.
    for instance in &fleet {
        instance
            .until("trouble", |stats| stats.bus.sync_failures > 0)
            .await;
    }
    server.restart();
    for instance in &fleet {
        instance
            .until("an adoption", |stats| stats.bus.adoptions > 1)
            .await;
    }
    let after = everybody_asks(&fleet).await;
    assert!(
        after <= cold,
        "{after} calls after the outage, {cold} at the start"
    );
    assert_eq!(everybody_asks(&fleet).await, 0);
    // A fleet that comes back has one connection for questions and one to hear.
    eventually("no more connections than needed", PATIENCE, async || {
        let connected = told(&server, "clients", "connected_clients");
        (connected <= 2 * INSTANCES as u64 + 1).then_some(())
    })
    .await;
}

/// F39: a tag on each of 2,500 entries, on five instances.
#[tokio::test]
async fn a_tag_on_all_that_a_fleet_holds_is_one_short_message_and_gone_at_once() {
    const ENTRIES: u64 = 500;
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let fleet: Vec<Instance> = (0..5)
        .map(|_| {
            let plain = Instance::patient(&server.url(), &database);
            let policy = Policy::lifetime(Duration::from_secs(600)).tags(["all"]);
            let tagged = Instance::around(plain.cache.clone(), policy, &database);
            Instance {
                app: tagged.app,
                ..plain
            }
        })
        .collect();
    for instance in &fleet {
        instance.coherent().await;
        for key in 0..ENTRIES {
            instance.send("GET", &key.to_string()).await;
        }
        assert!(instance.cache.stats().stored >= ENTRIES);
    }
    let (writer, others) = fleet.split_first().unwrap();
    let entries = server.cli(&["XLEN", LOG]);
    let version = database.write("7");
    let _ = writer.cache.invalidate(Invalidate::tag("all")).await;
    let accepted = now();
    assert_eq!(writer.get("7").await.version, version, "at once");
    for instance in others {
        instance.fresh("7", version, accepted).await;
    }
    let added =
        server.cli(&["XLEN", LOG]).parse::<u64>().unwrap() - entries.parse::<u64>().unwrap();
    assert_eq!(added, 1);
    let payload = server.cli(&[
        "EVAL",
        "return #redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1][2][8]",
        "1",
        LOG,
    ]);
    assert!(payload.parse::<u64>().unwrap() < 100, "{payload} bytes");
    for instance in &fleet {
        let before = instance.cache.stats().hits;
        assert!(!instance.get("11").await.hit);
        assert_eq!(instance.cache.stats().hits, before);
        instance
            .until("memory given back behind", |stats| {
                stats.entries < ENTRIES / 10
            })
            .await;
    }
}

/// F38: what waits for the bus is merged, so a storm is few messages.
#[tokio::test]
async fn a_storm_over_a_hundred_hot_tags_is_a_hundred_times_fewer_messages() {
    const STORM: u32 = 100_000;
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let a = Instance::patient(&server.url(), &database);
    let b = Instance::patient(&server.url(), &database);
    for instance in [&a, &b] {
        instance.coherent().await;
        instance.listens().await;
    }
    let before = b.cache.stats().bus.published;
    let mut longest = 0;
    for number in 0..STORM {
        b.cache
            .invalidate_now(Invalidate::tag(format!("item:{}", number % 100)));
        if number % 500 == 0 {
            tokio::task::yield_now().await;
            longest = longest.max(b.cache.stats().bus.outbox);
            let read = a.get("1").await;
            assert_eq!(read.version, 0);
        }
    }
    b.until("an empty outbox", |stats| stats.bus.outbox == 0)
        .await;
    let messages = b.cache.stats().bus.published - before;
    assert!(
        messages >= 1 && messages <= u64::from(STORM) / 100,
        "{messages}"
    );
    assert!(longest <= 101, "{longest} waited");
    assert_eq!(b.cache.stats().bus.widened, 0);
    let version = b.put("1").await;
    a.fresh("1", version, now()).await;
    let cells = a.cache.stats().cells;
    assert!(cells <= 200, "{cells} cells for a hundred tags and a page");
}
