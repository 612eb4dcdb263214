//! What the server refuses, and what is said about it.

use super::{Line, connections_without_haste, told};
use crate::shop::{Database, Instance, LOG, PATIENCE, now, pair};
use crate::support::eventually::eventually;
use crate::support::redis_server::RedisServer;
use tower_coherence::{Invalidate, Reached, WriteConcern};

fn user(server: &RedisServer, name: &str, rules: &[&str]) -> String {
    let all = ["ACL", "SETUSER", name, "on", ">pw", "+@all", "~*", "&*"];
    assert_eq!(server.cli(&[&all[..], rules].concat()), "OK");
    server.url_of(name, "pw")
}

fn change(server: &RedisServer, name: &str, rules: &[&str]) {
    let said = server.cli(&[&["ACL", "SETUSER", name], rules].concat());
    assert_eq!(said, "OK");
}

/// F22.
#[tokio::test]
async fn permissions_that_are_taken_away_are_missed_by_name_and_given_back_are_enough() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let reads = user(&server, "reads", &[]);
    let writes = user(&server, "writes", &[]);
    let [a, b] = pair(&reads, &writes, &database).await;
    let timeout = PATIENCE;
    let published = WriteConcern::Published { timeout };
    a.warm("1").await;
    // The channel: latency, nothing else.
    for name in ["reads", "writes"] {
        change(&server, name, &["resetchannels"]);
    }
    for _ in 0..3 {
        let version = database.write("1");
        let what = Invalidate::path("/item/1").concern(published);
        assert_eq!(b.cache.invalidate(what).await.reached(), Reached::Bus);
        a.fresh("1", version, now()).await;
    }
    // The append: the writer knows, and nothing is lost.
    change(&server, "writes", &["-xadd"]);
    let version = database.write("1");
    let receipt = b.cache.invalidate(Invalidate::path("/item/1")).await;
    assert_eq!(receipt.reached(), Reached::Here);
    assert!(receipt.at_least(Reached::Bus).is_err());
    b.until("a refusal", |stats| stats.bus.publish_failures > 0)
        .await;
    assert!(b.cache.health().bus_down);
    b.says("+xadd").await;
    change(&server, "writes", &["+xadd"]);
    b.until("an empty outbox", |stats| stats.bus.outbox == 0)
        .await;
    a.fresh("1", version, now()).await;
    // The keys: the reader is deaf.
    a.warm("1").await;
    change(&server, "reads", &["resetkeys", "~elsewhere"]);
    let version = b.put("1").await;
    a.fresh("1", version, now()).await;
    a.deaf("1", &database).await;
    a.says("~coherence:{shop}:*").await;
    change(&server, "reads", &["~*", "&*"]);
    a.coherent().await;
    assert_eq!(a.warm("1").await.version, version);
    // All of it.
    change(&server, "reads", &["-@all"]);
    let version = b.put("1").await;
    a.fresh("1", version, now()).await;
    a.deaf("1", &database).await;
    change(&server, "reads", &["+@all"]);
    a.coherent().await;
    assert_eq!(a.warm("1").await.version, version);
}

/// F23.
#[tokio::test]
async fn a_password_that_was_changed_is_said_and_asked_for_without_haste() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let url = user(&server, "app", &[]);
    let [a, b] = pair(&url, &server.url(), &database).await;
    a.warm("1").await;
    change(&server, "app", &["resetpass", ">other"]);
    let before = told(&server, "stats", "total_connections_received");
    let began = now();
    server.cli(&["CLIENT", "KILL", "USER", "app"]);
    let version = b.put("1").await;
    a.fresh("1", version, now()).await;
    a.deaf("1", &database).await;
    let failures = a.cache.stats().bus.sync_failures;
    a.until("more failures", |stats| {
        stats.bus.sync_failures >= failures + 5
    })
    .await;
    a.says("password").await;
    let connections = told(&server, "stats", "total_connections_received") - before;
    let most = connections_without_haste(now().duration_since(began));
    assert!(connections <= most, "{connections} and not {most} at most");
    change(&server, "app", &[">pw"]);
    a.coherent().await;
    assert_eq!(a.warm("1").await.version, version);
}

/// F23.
#[tokio::test]
async fn a_server_that_takes_no_more_clients_makes_deaf_until_it_does() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let [a, _b] = pair(&server.url(), &server.url(), &database).await;
    a.warm("1").await;
    let mut admin = Line::to(&server);
    assert_eq!(admin.say("CONFIG SET maxclients 1"), "+OK");
    let began = now();
    for kind in ["pubsub", "normal"] {
        admin.say(&format!("CLIENT KILL TYPE {kind} SKIPME yes"));
    }
    a.deaf("1", &database).await;
    a.until("several tries", |stats| stats.bus.sync_failures >= 5)
        .await;
    assert!(a.cache.health().last_trouble.is_some());
    let version = a.put("1").await;
    assert_eq!(a.get("1").await.version, version, "it serves all the same");
    let tried = now().duration_since(began);
    assert_eq!(admin.say("CONFIG SET maxclients 1000"), "+OK");
    let refused = told(&server, "stats", "rejected_connections");
    // Two instances try.
    let most = 2 * connections_without_haste(tried);
    assert!(
        (1..=most).contains(&refused),
        "{refused} and not {most} at most"
    );
    a.coherent().await;
    a.until("an empty outbox", |stats| stats.bus.outbox == 0)
        .await;
    assert_eq!(a.warm("1").await.version, version);
}

/// A tag's entry by a stranger, and what becomes of it.
async fn hears(a: &Instance, server: &RedisServer, database: &Database) {
    a.coherent().await;
    a.warm("1").await;
    let script = r#"return redis.call('XADD', KEYS[1], '*', 'j', '{"v":1,"tags":["item:1"]}')"#;
    let version = database.write("1");
    server.cli(&["EVAL", script, "1", LOG]);
    a.fresh("1", version, now()).await;
}

async fn is_said(a: &Instance, words: &[&str]) {
    eventually(&format!("{words:?} is said"), PATIENCE, async || {
        let health = a.cache.health();
        let said = health.findings.join("\n") + &health.last_trouble.unwrap_or_default();
        let said = said.to_lowercase();
        words.iter().any(|word| said.contains(word)).then_some(())
    })
    .await;
}

/// F45: what a managed Redis may not have at all.
#[tokio::test]
async fn without_resp3_or_client_the_heartbeat_brings_the_news() {
    for missing in ["HELLO", "CLIENT", "SUBSCRIBE"] {
        let (server, database) = (
            RedisServer::start(&["--rename-command", missing, ""]),
            Database::default(),
        );
        let a = Instance::start(&server.url(), &database);
        let version = a.put("1").await;
        assert_eq!(a.get("1").await.version, version);
        hears(&a, &server, &database).await;
        match missing {
            "HELLO" => is_said(&a, &["hello"]).await,
            "SUBSCRIBE" => is_said(&a, &["subscribe"]).await,
            _ => {}
        }
    }
}

/// F45: what a guarded Redis may refuse.
#[tokio::test]
async fn whatever_command_is_refused_the_application_serves_and_it_is_said() {
    for (refused, word) in [
        ("-client", None),
        ("-subscribe", Some("subscribe")),
        ("-publish", Some("publish")),
        ("-info", Some("info")),
    ] {
        let (server, database) = (RedisServer::start(&[]), Database::default());
        let a = Instance::start(&user(&server, "app", &[refused]), &database);
        let version = a.put("1").await;
        assert_eq!(a.get("1").await.version, version, "{refused}");
        hears(&a, &server, &database).await;
        if let Some(word) = word {
            is_said(&a, &[word]).await;
        }
    }
    for refused in [&["-eval", "-evalsha"][..], &["-eval"], &["-@all"]] {
        let (server, database) = (RedisServer::start(&[]), Database::default());
        let a = Instance::start(&user(&server, "app", refused), &database);
        let version = a.put("1").await;
        assert_eq!(a.get("1").await.version, version, "{refused:?}");
        a.until("a refusal", |stats| stats.bus.sync_failures > 0)
            .await;
        assert!(!a.cache.health().coherent && !a.get("1").await.hit);
        is_said(&a, &["eval", "client", "select"]).await;
    }
}

/// F45: scripts that somebody else has loaded need no `EVAL`.
#[tokio::test]
async fn evalsha_alone_is_enough_where_the_scripts_are_known() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let url = user(&server, "app", &["-eval"]);
    let b = Instance::patient(&server.url(), &database);
    b.coherent().await;
    b.put("1").await;
    let a = Instance::patient(&url, &database);
    a.coherent().await;
    b.warm("1").await;
    let version = a.put("1").await;
    b.fresh("1", version, now()).await;
}

/// F22: Redis cuts off who listens to what it may not.
#[tokio::test]
async fn a_channel_that_is_taken_away_and_given_back_costs_latency_and_nothing_else() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let url = user(&server, "app", &[]);
    let [a, b] = pair(&url, &url, &database).await;
    a.listens().await;
    for rule in ["resetchannels", "&*"] {
        let connections = a.cache.stats().bus.connections;
        a.warm("1").await;
        change(&server, "app", &[rule]);
        let version = b.put("1").await;
        a.fresh("1", version, now()).await;
        if rule == "&*" {
            a.until("a new ear", |stats| stats.bus.connections > connections)
                .await;
        }
    }
}
