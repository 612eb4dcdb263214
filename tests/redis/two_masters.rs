//! A replica is promoted while its master goes on: two masters, each with writers.
//! What one accepts the followers of the other do not hear, until it heals.

use crate::shop::{Database, Instance, PATIENCE, now, pair};
use crate::support::eventually::eventually;
use crate::support::proxy::Proxy;
use crate::support::redis_server::RedisServer;

/// A follows the old master, B the new one, each by a name that can be led elsewhere.
struct Split {
    old: RedisServer,
    new: RedisServer,
    name_of_a: Proxy,
    a: Instance,
    b: Instance,
    _held: [Proxy; 2],
}

async fn split(database: &Database) -> Split {
    let old = RedisServer::start(&[]);
    let link = Proxy::start(old.port()).await;
    let port = link.port();
    let starting = tokio::task::spawn_blocking(move || RedisServer::start_replica(port));
    let new = starting.await.unwrap();
    let name_of_a = Proxy::start(old.port()).await;
    let name_of_b = Proxy::start(old.port()).await;
    let [a, b] = pair(&name_of_a.url(), &name_of_b.url(), database).await;
    // The replica has all there is, and then no link.
    eventually("the replica has the log", PATIENCE, async || {
        let length = |server: &RedisServer| server.cli(&["XLEN", "coherence:{shop}:log"]);
        (length(&old) == length(&new)).then_some(())
    })
    .await;
    new.promote();
    name_of_b.lead_to(new.port());
    name_of_b.cut();
    b.until("it has moved to the new master", |stats| {
        stats.bus.adoptions > 1 || stats.invalidations > 1
    })
    .await;
    b.coherent().await;
    Split {
        old,
        new,
        name_of_a,
        a,
        b,
        _held: [link, name_of_b],
    }
}

impl Split {
    /// The old master becomes a replica, and A is led to the new one.
    fn heal(&self) {
        self.old.follow(self.new.port());
        self.name_of_a.lead_to(self.new.port());
        self.name_of_a.cut();
    }
}

#[tokio::test]
async fn what_the_old_master_accepted_is_sent_again_when_it_heals() {
    let database = Database::default();
    let split = split(&database).await;
    split.b.warm("1").await;
    let version = split.a.put("1").await;
    split
        .a
        .until("it is published", |stats| stats.bus.outbox == 0)
        .await;
    split.heal();
    split
        .a
        .until("it is sent again", |stats| stats.bus.sent_again > 0)
        .await;
    eventually("fresh on the other side", PATIENCE, async || {
        (split.b.get("1").await.version == version).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_the_new_master_accepted_is_heard_when_it_heals() {
    let database = Database::default();
    let split = split(&database).await;
    split.a.warm("1").await;
    let version = split.b.put("1").await;
    split.heal();
    let healed = now();
    split.a.fresh("1", version, healed).await;
}

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
