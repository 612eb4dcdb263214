//! Another history of the log than the one that was followed.

use crate::shop::{Database, Instance, PATIENCE, now, pair};
use crate::support::eventually::eventually;
use crate::support::proxy::Proxy;
use crate::support::redis_server::RedisServer;

const LOG: &str = "coherence:{shop}:log";

/// Returns when the replica has what the master has.
async fn follow(replica: &RedisServer, master: &RedisServer) {
    replica.cli(&["REPLICAOF", "127.0.0.1", &master.port().to_string()]);
    eventually("the replica follows", PATIENCE, async || {
        let info = replica.cli(&["INFO", "replication"]);
        info.contains("master_link_status:up").then_some(())
    })
    .await;
}

/// F13: the instances have followed a log whose clock was an hour ahead.
#[tokio::test]
async fn a_log_whose_clock_went_back_is_adopted_with_everything_invalidated() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let [a, b] = pair(&server.url(), &server.url(), &database).await;
    let time = server.cli(&["TIME"]);
    let seconds: u64 = time.lines().next().unwrap().parse().unwrap();
    let ahead = ((seconds + 3600) * 1000).to_string();
    server.cli(&["XADD", LOG, &format!("{ahead}-0"), "j", r#"{"v":1}"#]);
    for instance in [&a, &b] {
        eventually("a position ahead of the clock", PATIENCE, async || {
            let position = instance.cache.health().position?;
            position.starts_with(&ahead).then_some(())
        })
        .await;
    }
    a.warm("1").await;
    let adoptions = a.cache.stats().bus.adoptions;
    server.cli(&["FLUSHALL"]);
    let version = b.put("1").await;
    a.fresh("1", version, now()).await;
    a.until("an adoption", |stats| stats.bus.adoptions > adoptions)
        .await;
    a.coherent().await;
    let position = a.cache.health().position.expect("it follows");
    assert!(!position.starts_with(&ahead), "{position}");
    assert_eq!(a.warm("1").await.version, version);
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
    second.cli(&["REPLICAOF", "NO", "ONE"]);
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
    eventually("trouble that says so", PATIENCE, async || {
        let trouble = a.cache.health().last_trouble?;
        trouble.contains("replica").then_some(())
    })
    .await;
    let kept = a.put("2").await;
    assert!(a.cache.stats().bus.outbox > 0);
    front.lead_to(master.port());
    a.coherent().await;
    a.until("an empty outbox", |stats| stats.bus.outbox == 0)
        .await;
    b.fresh("2", kept, now()).await;
}

/// F44: the ring does not know of databases, the log does.
#[tokio::test]
async fn one_name_in_two_databases_of_a_server_costs_nothing_but_questions() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let [a, b] = pair(&server.url(), &server.url(), &database).await;
    let elsewhere = Instance::start(&format!("{}/3", server.url()), &database);
    elsewhere.coherent().await;
    a.until("its ear", |stats| stats.bus.connections > 0).await;
    let adoptions = a.cache.stats().bus.adoptions;
    for _ in 0..5 {
        a.warm("1").await;
        elsewhere.put("other").await;
        let version = b.put("1").await;
        a.fresh("1", version, now()).await;
    }
    a.coherent().await;
    assert!(a.warm("1").await.hit);
    assert_eq!(a.cache.stats().bus.adoptions, adoptions);
}
