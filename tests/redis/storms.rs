//! Much at once: rings, invalidations, outages, instances.

use crate::shop::{Database, Instance, now, pair};
use crate::support::proxy::{Gate, Proxy};
use crate::support::redis_server::RedisServer;
use std::collections::HashSet;
use tower_coherence::{Invalidate, Tag, WriteConcern};

/// The connections that listen, by the numbers that the server gave them.
fn ears(server: &RedisServer) -> HashSet<String> {
    let clients = server.cli(&["CLIENT", "LIST", "TYPE", "pubsub"]);
    let numbers = clients.lines().filter_map(|line| line.split(' ').next());
    numbers.map(str::to_owned).collect()
}

/// F8.
#[tokio::test]
async fn subscribers_whose_buffer_overflows_are_cut_off_and_lose_nothing() {
    let limit = ["--client-output-buffer-limit", "pubsub 64kb 64kb 1"];
    let (server, database) = (RedisServer::start(&limit), Database::default());
    let [a, b] = pair(&server.url(), &server.url(), &database).await;
    for instance in [&a, &b] {
        instance
            .until("its ear", |stats| stats.bus.connections > 0)
            .await;
    }
    let connections = a.cache.stats().bus.connections;
    let before = ears(&server);
    assert_eq!(before.len(), 2);
    a.warm("1").await;
    let flood = "for _, name in ipairs(redis.call('PUBSUB', 'CHANNELS')) do \
                 for _ = 1, 20 do redis.call('PUBLISH', name, string.rep('x', 1000000)) end end";
    server.cli(&["EVAL", flood, "0"]);
    let version = b.put("1").await;
    a.fresh("1", version, now()).await;
    a.until("a new ear", |stats| stats.bus.connections > connections)
        .await;
    let after = ears(&server);
    assert!(after.is_disjoint(&before), "cut off: {before:?}, {after:?}");
    a.coherent().await;
    assert_eq!(a.warm("1").await.version, version);
}

/// F36: each outage lasts as long as a write elsewhere, each pause between them as
/// long as it takes to see it.
#[tokio::test]
async fn a_connection_that_comes_and_goes_is_never_trusted_too_long() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let proxy = Proxy::start(server.port()).await;
    let [a, b] = pair(&proxy.url(), &server.url(), &database).await;
    for _ in 0..30 {
        proxy.gate(Gate::Closed);
        proxy.cut();
        let version = b.put("1").await;
        let accepted = now();
        proxy.gate(Gate::Open);
        a.fresh("1", version, accepted).await;
    }
    a.coherent().await;
    assert_eq!(a.warm("1").await.version, database.read("1"));
    assert_eq!(
        a.cache.stats().bus.adoptions,
        1,
        "nothing was ever unknown: the log was there to ask"
    );
}

/// F37.
#[tokio::test]
async fn many_instances_that_lose_redis_at_once_fill_a_key_once_each_when_it_is_back() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let proxy = Proxy::start(server.port()).await;
    let many: Vec<_> = (0..10)
        .map(|_| Instance::start(&proxy.url(), &database))
        .collect();
    for instance in &many {
        instance.coherent().await;
        instance.warm("1").await;
    }
    proxy.gate(Gate::Closed);
    proxy.cut();
    for instance in &many {
        instance.deaf("1", &database).await;
    }
    let version = database.write("1");
    proxy.gate(Gate::Open);
    let receipt = many[0].cache.invalidate(Invalidate::path("/item/1")).await;
    drop(receipt);
    many[0]
        .until("an empty outbox", |stats| stats.bus.outbox == 0)
        .await;
    for instance in &many {
        instance.coherent().await;
        instance.fresh("1", version, now()).await;
        let fills = instance.cache.stats().fills;
        for _ in 0..50 {
            assert_eq!(instance.get("1").await.version, version);
        }
        let more = instance.cache.stats().fills - fills;
        assert!(more <= 2, "{more} fills for 50 requests");
    }
}

/// F38: as many as come while one batch is under way are the next.
#[tokio::test]
async fn a_storm_of_invalidations_is_merged_more_than_a_hundred_to_one() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let [a, b] = pair(&server.url(), &server.url(), &database).await;
    a.warm("1").await;
    let before = b.cache.stats().bus.published;
    for number in 0..50_000 {
        let what = Invalidate::tag(Tag::of("item", number % 100));
        b.cache.invalidate_now(what.concern(WriteConcern::Enqueued));
        if number % 500 == 0 {
            tokio::task::yield_now().await;
        }
    }
    assert!(b.cache.stats().bus.outbox <= 200, "the backlog is bounded");
    let version = b.put("1").await;
    b.until("an empty outbox", |stats| stats.bus.outbox == 0)
        .await;
    a.fresh("1", version, now()).await;
    let published = b.cache.stats().bus.published - before;
    assert!(published <= 500, "{published} batches for 50000");
    assert_eq!(b.cache.stats().bus.widened, 0);
}
