//! More than one master, one after the other or at once, and none.

use crate::shop::{Database, Instance, LOG, PATIENCE, now, pair};
use crate::support::eventually::eventually;
use crate::support::proxy::{Gate, Proxy};
use crate::support::redis_server::RedisServer;
use tower_coherence::bus::Redis;
use tower_coherence::{Invalidate, Publisher, Reached, WriteConcern};

fn closed(proxy: &Proxy) {
    proxy.gate(Gate::Closed);
    proxy.cut();
}

/// A server that follows the one behind this port. The link runs in this runtime,
/// so the start is waited for on another thread.
async fn replica_of(port: u16) -> RedisServer {
    let starting = tokio::task::spawn_blocking(move || RedisServer::start_replica(port));
    starting.await.unwrap()
}

/// Returns when the replica has what the master has.
async fn follow(replica: &RedisServer, master: &RedisServer) {
    replica.follow(master.port());
    eventually("the replica follows", PATIENCE, async || {
        replica.in_step().then_some(())
    })
    .await;
}

/// F14: three entries were acknowledged, heard by nobody else, and lost: the replica
/// that is promoted never had them. Who wrote the third does not send it again.
#[tokio::test]
async fn acknowledged_entries_that_a_failover_lost_are_made_up_for() {
    let (mut master, database) = (RedisServer::start(&[]), Database::default());
    let link = Proxy::start(master.port()).await;
    let replica = replica_of(link.port()).await;
    let (front_a, front_b) = (
        Proxy::start(master.port()).await,
        Proxy::start(master.port()).await,
    );
    let [a, b] = pair(&front_a.url(), &front_b.url(), &database).await;
    let publisher = Publisher::new(Redis::new(&master.url(), "shop").unwrap()).unwrap();
    for key in ["1", "2", "3"] {
        a.warm(key).await;
    }
    // Of what this one has written, the replica has the beginning.
    b.put("0").await;
    eventually("the replica has it", PATIENCE, async || {
        let length = |server: &RedisServer| server.cli(&["XLEN", LOG]);
        let sent = b.cache.stats().bus.outbox == 0;
        (sent && length(&master) == length(&replica)).then_some(())
    })
    .await;
    closed(&link);
    closed(&front_a);
    let mut written = Vec::new();
    let before = b.applied_id();
    for key in ["1", "2"] {
        let version = b.put(key).await;
        written.push((key, version, now()));
    }
    let version = database.write("3");
    let timeout = PATIENCE;
    let what = Invalidate::path("/item/3").concern(WriteConcern::Published { timeout });
    assert_eq!(publisher.invalidate(what).await.reached(), Reached::Bus);
    written.push(("3", version, now()));
    // It has heard of what will be lost.
    b.until("its own entry", |_| b.applied_id() > before).await;
    let adoptions = b.cache.stats().bus.adoptions;
    master.kill();
    replica.promote();
    for front in [&front_a, &front_b] {
        front.lead_to(replica.port());
        front.cut();
        front.gate(Gate::Open);
    }
    for (key, version, accepted) in &written {
        a.fresh(key, *version, *accepted).await;
    }
    b.until("an adoption", |stats| stats.bus.adoptions > adoptions)
        .await;
    b.until("what was lost is sent again", |stats| {
        stats.bus.sent_again > 0
    })
    .await;
    for (key, version, _) in &written {
        for instance in [&a, &b] {
            assert_eq!(instance.warm(key).await.version, *version);
        }
    }
}

/// F14.
#[tokio::test]
async fn with_wait_replicas_a_write_that_no_replica_has_is_not_called_accepted() {
    let (master, database) = (RedisServer::start(&[]), Database::default());
    let link = Proxy::start(master.port()).await;
    let replica = replica_of(link.port()).await;
    let durable = |redis: Redis| redis.wait_replicas(1);
    let b = Instance::with(&master.url(), &database, durable);
    b.coherent().await;
    eventually("a write that the replica has", PATIENCE, async || {
        let receipt = b.cache.invalidate(Invalidate::tag("x")).await;
        (receipt.reached() == Reached::Bus).then_some(())
    })
    .await;
    closed(&link);
    eventually("a link that is down", PATIENCE, async || {
        (!replica.in_step()).then_some(())
    })
    .await;
    let receipt = b.cache.invalidate(Invalidate::tag("x")).await;
    assert_eq!(receipt.reached(), Reached::Here);
    assert!(b.cache.stats().bus.outbox > 0, "and it is kept");
    link.gate(Gate::Open);
    b.until("an empty outbox", |stats| stats.bus.outbox == 0)
        .await;
}

/// F15: each side writes what the other does not hear of. What the side that lost
/// had accepted is sent again when it is healed.
#[tokio::test]
async fn after_two_masters_were_healed_everybody_has_what_either_side_accepted() {
    let (first, second) = (RedisServer::start(&[]), RedisServer::start(&[]));
    let database = Database::default();
    let (front_a, front_b) = (
        Proxy::start(first.port()).await,
        Proxy::start(first.port()).await,
    );
    // A master takes another identity with its first replica.
    follow(&second, &first).await;
    let [a, b] = pair(&front_a.url(), &front_b.url(), &database).await;
    second.promote();
    let adopted = b.cache.health().position;
    front_b.lead_to(second.port());
    front_b.cut();
    eventually("the other master's log", PATIENCE, async || {
        (b.cache.health().position != adopted).then_some(())
    })
    .await;
    b.warm("of-a").await;
    a.warm("of-b").await;
    let of_a = a.put("of-a").await;
    let of_b = b.put("of-b").await;
    assert!(b.get("of-a").await.version < of_a, "it cannot know");
    assert!(a.get("of-b").await.version < of_b, "it cannot know");

    follow(&first, &second).await;
    front_a.lead_to(second.port());
    front_a.cut();
    a.until("what was lost is sent again", |stats| {
        stats.bus.sent_again > 0
    })
    .await;
    a.until("an empty outbox", |stats| stats.bus.outbox == 0)
        .await;
    b.fresh("of-a", of_a, now()).await;
    a.fresh("of-b", of_b, now()).await;
    a.coherent().await;
    for (key, version) in [("of-a", of_a), ("of-b", of_b)] {
        for instance in [&a, &b] {
            assert_eq!(instance.warm(key).await.version, version);
        }
    }
    assert_eq!(b.cache.stats().bus.sent_again, 0, "its log has won");
}

/// F15: a master without its replica refuses writes, and so what would prove anything.
#[tokio::test]
async fn with_min_replicas_to_write_a_split_brain_makes_nothing_staler_than_the_bound() {
    let database = Database::default();
    let master = RedisServer::start(&["--min-replicas-to-write", "1"]);
    let link = Proxy::start(master.port()).await;
    let replica = replica_of(link.port()).await;
    let front = Proxy::start(master.port()).await;
    let [a, b] = pair(&master.url(), &front.url(), &database).await;
    a.warm("1").await;
    closed(&link);
    replica.promote();
    front.lead_to(replica.port());
    front.cut();
    b.coherent().await;
    let version = b.put("1").await;
    a.fresh("1", version, now()).await;
    a.deaf("1", &database).await;
    a.says("replicas").await;
}

/// F15: what the winner has is not missed.
#[tokio::test]
async fn a_write_that_is_in_the_log_is_not_sent_again() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let front = Proxy::start(server.port()).await;
    let [a, b] = pair(&front.url(), &server.url(), &database).await;
    b.warm("1").await;
    let version = a.put("1").await;
    b.fresh("1", version, now()).await;
    for _ in 0..3 {
        front.cut();
        let syncs = a.cache.stats().bus.syncs;
        a.until("an answer", |stats| stats.bus.syncs > syncs + 1)
            .await;
    }
    assert_eq!(a.cache.stats().bus.sent_again, 0);
}

/// F17.
#[tokio::test]
async fn an_instance_that_is_led_to_a_replica_is_deaf_and_keeps_what_it_has_to_say() {
    let (master, replica) = (RedisServer::start(&[]), RedisServer::start(&[]));
    let database = Database::default();
    let front = Proxy::start(master.port()).await;
    let [a, b] = pair(&front.url(), &master.url(), &database).await;
    follow(&replica, &master).await;
    a.warm("1").await;
    b.warm("2").await;
    front.lead_to(replica.port());
    front.cut();
    let version = b.put("1").await;
    a.fresh("1", version, now()).await;
    a.deaf("1", &database).await;
    a.says("replica").await;
    let kept = a.put("2").await;
    assert!(a.cache.stats().bus.outbox > 0);
    front.lead_to(master.port());
    a.coherent().await;
    a.until("an empty outbox", |stats| stats.bus.outbox == 0)
        .await;
    b.fresh("2", kept, now()).await;
}
