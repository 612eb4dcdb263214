//! A server that stops allowing what it has allowed, and allows it again.

use crate::shop::{Database, now, pair};
use crate::support::redis_server::RedisServer;

/// F22.
#[tokio::test]
async fn permissions_that_are_taken_away_make_deaf_until_they_are_back() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let user = |rules: &[&str]| {
        server.cli(&[&["ACL", "SETUSER", "shop"], rules].concat());
    };
    user(&["on", ">pw", "+@all", "~*", "&*"]);
    let url = server.url_of("shop", "pw");
    let [a, b] = pair(&url, &url, &database).await;
    for (taken, given) in [("resetkeys", "~*"), ("-xadd", "+xadd"), ("-@all", "+@all")] {
        a.coherent().await;
        a.warm("1").await;
        user(&[taken]);
        let version = b.put("1").await;
        if taken != "-xadd" {
            a.deaf("1", &database).await;
        }
        b.until("a refusal", |stats| stats.bus.outbox > 0).await;
        assert!(b.cache.health().last_trouble.is_some(), "{taken}");
        user(&[given]);
        b.until("an empty outbox", |stats| stats.bus.outbox == 0)
            .await;
        a.fresh("1", version, now()).await;
    }
}

/// F22: Redis cuts off who listens to what it may not.
#[tokio::test]
async fn a_channel_that_is_taken_away_and_given_back_costs_latency_and_nothing_else() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    server.cli(&["ACL", "SETUSER", "shop", "on", ">pw", "+@all", "~*", "&*"]);
    let url = server.url_of("shop", "pw");
    let [a, b] = pair(&url, &url, &database).await;
    a.until("its ear", |stats| stats.bus.connections > 0).await;
    for rule in ["resetchannels", "&*"] {
        let connections = a.cache.stats().bus.connections;
        a.warm("1").await;
        server.cli(&["ACL", "SETUSER", "shop", rule]);
        let version = b.put("1").await;
        a.fresh("1", version, now()).await;
        if rule == "&*" {
            a.until("a new ear", |stats| stats.bus.connections > connections)
                .await;
        }
    }
}

/// F23.
#[tokio::test]
async fn a_password_that_changes_makes_deaf_until_it_is_as_before() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let [a, b] = pair(&server.url(), &server.url(), &database).await;
    a.warm("1").await;
    server.cli(&["CONFIG", "SET", "requirepass", "new"]);
    for kind in ["normal", "pubsub"] {
        server.cli(&["-a", "new", "CLIENT", "KILL", "TYPE", kind]);
    }
    let version = b.put("1").await;
    a.deaf("1", &database).await;
    b.until("it waits", |stats| stats.bus.outbox > 0).await;
    assert!(a.cache.health().last_trouble.is_some());
    server.cli(&["-a", "new", "CONFIG", "SET", "requirepass", ""]);
    b.until("an empty outbox", |stats| stats.bus.outbox == 0)
        .await;
    a.coherent().await;
    a.fresh("1", version, now()).await;
    assert_eq!(a.warm("1").await.version, version);
}

/// F26: reads are answered past the store, and a write is answered too.
#[tokio::test]
async fn a_redis_that_takes_no_writes_for_a_while_holds_nobody_up() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let [a, b] = pair(&server.url(), &server.url(), &database).await;
    a.warm("1").await;
    server.cli(&["CLIENT", "PAUSE", "600000", "WRITE"]);
    let version = b.put("1").await;
    assert!(b.cache.stats().bus.outbox > 0, "it is not in the log");
    a.deaf("1", &database).await;
    assert_eq!(b.get("1").await.version, version, "P2");
    server.cli(&["CLIENT", "UNPAUSE"]);
    b.until("an empty outbox", |stats| stats.bus.outbox == 0)
        .await;
    a.coherent().await;
    a.fresh("1", version, now()).await;
}
