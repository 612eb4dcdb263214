//! Strangers, garbage and denials on the bus: counted, and nothing is lost.

use crate::shop::{Database, Instance, now, pair};
use crate::support::redis_server::RedisServer;

const LOG: &str = "coherence:{shop}:log";
const RING: &str = "coherence:{shop}:ring";

#[tokio::test]
async fn garbage_on_the_channel_is_counted_and_makes_a_sync() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let [a, _] = pair(&server.url(), &server.url(), &database).await;
    a.warm("1").await;
    let adoptions = a.cache.stats().bus.adoptions;
    let oversized = "z".repeat(300_000);
    for garbage in [
        "",
        "garbage",
        "e ",
        "e 1-1",
        "e 1-1 x - - y",
        "e 99-1 00000000000000aa - - \u{1}\u{ff}",
        &oversized,
    ] {
        server.cli_with(&["PUBLISH", RING], garbage);
    }
    a.until("garbage", |stats| stats.bus.garbage > 0).await;
    a.coherent().await;
    assert_eq!(
        a.cache.stats().bus.adoptions,
        adoptions,
        "the log is unharmed"
    );
    assert!(
        a.get("1").await.hit,
        "garbage on the channel evicts nothing"
    );
}

#[tokio::test]
async fn a_stranger_can_invalidate_with_a_plain_xadd() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let [a, b] = pair(&server.url(), &server.url(), &database).await;
    for _ in 0..3 {
        a.warm("1").await;
        a.warm("2").await;
        let version = database.write("1");
        // Two in one millisecond, as one step of the server.
        let script = "redis.call('XADD', KEYS[1], 'NOMKSTREAM', '*', 'j', ARGV[1]) return redis.call('XADD', KEYS[1], 'NOMKSTREAM', '*', 'j', ARGV[2])";
        server.cli(&[
            "EVAL",
            script,
            "1",
            LOG,
            r#"{"v":1,"tags":["nobody"]}"#,
            r#"{"v":1,"tags":["item:1"]}"#,
        ]);
        a.fresh("1", version, now()).await;
        assert!(a.get("2").await.hit, "read, and not widened");
        // And ours chain on behind it.
        let version = b.put("1").await;
        a.fresh("1", version, now()).await;
    }
    assert_eq!(a.cache.stats().bus.unreadable, 0);
}

#[tokio::test]
async fn an_entry_of_the_log_that_cannot_be_understood_is_read_as_everything() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let [a, _] = pair(&server.url(), &server.url(), &database).await;
    let long = "x".repeat(1_100_000);
    let unknown = [
        vec!["j", "not json"],
        vec!["j", r#"{"v":2,"tags":["item:9"]}"#],
        vec!["j", r#"{"v":1,"tag":["misspelt"]}"#],
        vec!["j", &long],
        vec!["other", "field"],
        vec![
            "m",
            "00000000000000aa",
            "pi",
            "",
            "pm",
            "",
            "b",
            "\u{2}from the future",
        ],
        vec!["m", "00000000000000aa", "pi", "", "pm", "", "b", ""],
    ];
    for fields in unknown {
        a.coherent().await;
        a.warm("1").await;
        let version = database.write("1");
        let mut command = vec!["XADD", LOG, "*"];
        let (last, fields) = fields.split_last().unwrap();
        command.extend(fields);
        server.cli_with(&command, last);
        a.fresh("1", version, now()).await;
    }
    a.until("they are counted", |stats| stats.bus.unreadable > 0)
        .await;
}

#[tokio::test]
async fn a_wrong_type_under_our_key_makes_deaf_and_says_so() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let [a, b] = pair(&server.url(), &server.url(), &database).await;
    a.warm("1").await;
    server.cli(&["DEL", LOG]);
    server.cli(&["SET", LOG, "x"]);
    let version = b.put("1").await;
    a.deaf("1", &database).await;
    let trouble = a.cache.health().last_trouble.expect("it is said");
    assert!(trouble.contains(LOG), "{trouble}");
    server.cli(&["DEL", LOG]);
    a.coherent().await;
    b.until("an empty outbox", |stats| stats.bus.outbox == 0)
        .await;
    a.fresh("1", version, now()).await;
}

#[tokio::test]
async fn a_channel_denied_by_acl_costs_latency_and_nothing_else() {
    let server = RedisServer::start(&[]);
    server.cli(&[
        "ACL",
        "SETUSER",
        "quiet",
        "on",
        ">pw",
        "+@all",
        "~*",
        "resetchannels",
    ]);
    let database = Database::default();
    let url = server.url_of("quiet", "pw");
    let [a, b] = pair(&url, &url, &database).await;
    for _ in 0..3 {
        a.warm("1").await;
        let version = b.put("1").await;
        a.fresh("1", version, now()).await;
    }
}

#[tokio::test]
async fn scripts_denied_by_acl_make_deaf_and_are_said() {
    let server = RedisServer::start(&[]);
    server.cli(&[
        "ACL",
        "SETUSER",
        "weak",
        "on",
        ">pw",
        "+@all",
        "-@scripting",
        "~*",
        "&*",
    ]);
    let database = Database::default();
    let a = Instance::start(&server.url_of("weak", "pw"), &database);
    a.put("1").await;
    a.get("1").await;
    a.until("trouble", |stats| stats.bus.sync_failures > 0)
        .await;
    assert!(!a.get("1").await.hit);
    let trouble = a.cache.health().last_trouble.expect("it is said");
    assert!(trouble.to_lowercase().contains("eval"), "{trouble}");
    server.cli(&["ACL", "SETUSER", "weak", "+@all"]);
    a.coherent().await;
    assert_eq!(a.warm("1").await.version, 1);
}
