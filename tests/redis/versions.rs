//! Entries of a newer version, sent as an instance of it would send them.

use crate::shop::{Database, now, pair};
use crate::support::redis_server::RedisServer;

const LOG: &str = "coherence:{shop}:log";

/// Appends and rings, chained to the newest entry as an instance does it.
const SEND: &str = "local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1] \
    local before = {last[1], ''} \
    for at = 1, #last[2], 2 do if last[2][at] == 'm' then before[2] = last[2][at + 1] end end \
    local id = redis.call('XADD', KEYS[1], '*', 'm', ARGV[2], 'pi', before[1], 'pm', before[2], 'b', ARGV[3]) \
    redis.call('PUBLISH', ARGV[1], table.concat({'e', id, ARGV[2], before[1], before[2], ARGV[3]}, ' ')) \
    return id";

fn send(server: &RedisServer, mark: &str, payload: &str) {
    let ring = "coherence:{shop}:ring";
    let id = server.cli_with(&["EVAL", SEND, "1", LOG, ring, mark], payload);
    assert!(id.contains('-') && !id.contains(' '), "{id}");
}

/// The tag `item:1`, hard, without a scope.
const ITEM_1: &str = "\u{4}\0\0\u{1}\u{6}item:1";

#[tokio::test]
async fn what_a_later_version_adds_at_the_end_is_skipped_and_costs_no_hit() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let pair = pair(&server.url(), &server.url(), &database).await;
    for instance in &pair {
        instance.warm("1").await;
        instance.warm("2").await;
    }
    let version = database.write("1");
    let later = format!("\u{1}\u{1}{ITEM_1}\u{5}finer");
    send(&server, "00000000000000aa", &later);
    let sent = now();
    for instance in &pair {
        instance.fresh("1", version, sent).await;
        instance.coherent().await;
        assert!(instance.get("2").await.hit, "only what it names");
        assert_eq!(instance.cache.stats().bus.unreadable, 0);
    }
}

#[tokio::test]
async fn a_kind_of_a_later_version_is_everything_and_the_log_goes_on() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let pair = pair(&server.url(), &server.url(), &database).await;
    for instance in &pair {
        instance.warm("1").await;
        instance.warm("2").await;
    }
    let versions = [database.write("1"), database.write("2")];
    let adoptions = pair[0].cache.stats().bus.adoptions;
    let newer = format!("\u{1}\u{2}\u{7}\0\0\u{1}\u{1}x{ITEM_1}\0");
    send(&server, "00000000000000ab", &newer);
    let sent = now();
    for instance in &pair {
        instance.fresh("1", versions[0], sent).await;
        instance.fresh("2", versions[1], sent).await;
        instance.warm("2").await;
    }
    // What comes behind it is read as finely as ever.
    let version = pair[1].put("1").await;
    pair[0].fresh("1", version, now()).await;
    pair[0].coherent().await;
    assert!(pair[0].get("2").await.hit, "one target again");
    assert_eq!(pair[0].cache.stats().bus.adoptions, adoptions);
}
