//! A newer version of this crate on the same bus: what this one does not understand
//! costs hits, and nothing else. It appends by the same scripts as this one.

use crate::shop::{Database, Instance, PATIENCE, now, pair};
use crate::support::eventually::eventually;
use crate::support::redis_server::RedisServer;
use tokio::time::timeout;
use tower_coherence::bus::Redis;
use tower_coherence::{Cache, Event, Invalidate};

const LOG: &str = "coherence:{shop}:log";
const META: &str = "coherence:{shop}:meta";
const MEMBERS: &str = "coherence:{shop}:members";
const BEATS: &str = "coherence:{shop}:beats";
const RING: &str = "coherence:{shop}:ring";

const APPEND: &str = concat!(
    include_str!("../../src/bus/redis/common.lua"),
    include_str!("../../src/bus/redis/append.lua")
);

/// Tag `item:1`, and a byte for later versions.
const LATER: &str = "\u{1}\u{1}\u{4}\0\0\u{1}\u{6}item:1\u{1}!";
/// Tag `item:1`, and a target of kind 7.
const KIND: &str = "\u{1}\u{2}\u{4}\0\0\u{1}\u{6}item:1\u{7}\0\0\0\0";
/// Tag `item:1`, and tag `a` with flag 4.
const FLAG: &str = "\u{1}\u{2}\u{4}\0\0\u{1}\u{6}item:1\u{4}\u{4}\0\u{1}\u{1}a\0";
/// Tag `item:1`, and a tag of two parts.
const PARTS: &str = "\u{1}\u{2}\u{4}\0\0\u{1}\u{6}item:1\u{4}\0\0\u{2}\u{1}a\u{1}b\0";
/// No message of version 1.
const SECOND: &str = "\u{2}item:1";

/// Appends, and rings on this channel.
fn append(server: &RedisServer, channel: &str, message: &str) {
    let keys = ["EVAL", APPEND, "4", LOG, META, MEMBERS, BEATS];
    let command = [&keys[..], &[channel, "100000", "00000000000000aa"]].concat();
    let said = server.cli_with(&command, message);
    assert!(said.starts_with("appended"), "{said}");
}

/// An instance that does not ask for two minutes unless something makes it ask.
async fn quiet(server: &RedisServer) -> Cache {
    let heartbeat = PATIENCE * 6;
    let cache = Cache::builder()
        .bus(Redis::new(&server.url(), "shop").unwrap())
        .staleness_bound(heartbeat * 3)
        .build()
        .unwrap();
    cache.coherent().await.unwrap();
    // One question at the start and one behind the ear; the next is the heartbeat's.
    eventually("a quiet instance", PATIENCE, async || {
        let bus = cache.stats().bus;
        (bus.syncs >= 2 && bus.connections == 1).then_some(())
    })
    .await;
    cache
}

/// Two instances whose entry of item 2 is older than the database.
async fn with_a_witness(server: &RedisServer, database: &Database) -> [Instance; 2] {
    let pair = pair(&server.url(), &server.url(), database).await;
    for instance in &pair {
        instance.warm("1").await;
        assert_eq!(instance.warm("2").await.version, 0);
    }
    database.write("2");
    pair
}

#[tokio::test]
async fn what_a_later_version_adds_behind_the_targets_is_passed_over() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let pair = with_a_witness(&server, &database).await;
    let version = database.write("1");
    append(&server, RING, LATER);
    let accepted = now();
    for instance in &pair {
        instance.fresh("1", version, accepted).await;
        assert_eq!(instance.warm("2").await.version, 0, "nothing was widened");
        let bus = instance.cache.stats().bus;
        assert_eq!((bus.unreadable, bus.garbage, bus.adoptions), (0, 0, 1));
    }
}

#[tokio::test]
async fn an_unknown_kind_or_flag_or_part_costs_all_hits_and_the_targets_beside_it_still_count() {
    for message in [KIND, FLAG, PARTS] {
        let (server, database) = (RedisServer::start(&[]), Database::default());
        let pair = with_a_witness(&server, &database).await;
        let mut events = pair[0].cache.events();
        let versions = [("1", database.write("1")), ("2", 1)];
        append(&server, RING, message);
        let accepted = now();
        for instance in &pair {
            for (key, version) in versions {
                instance.fresh(key, version, accepted).await;
            }
            assert_eq!(instance.cache.stats().bus.adoptions, 1, "it was read");
        }
        let told = timeout(PATIENCE, events.next()).await;
        let known = Invalidate::tag("item:1").and(Invalidate::everything());
        assert_eq!(
            told.expect("an event"),
            Some(Event::Invalidated(known.into()))
        );
    }
}

#[tokio::test]
async fn an_unknown_target_is_counted_when_the_log_tells_it() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let pair = with_a_witness(&server, &database).await;
    append(&server, "not heard", KIND);
    for instance in &pair {
        instance
            .until("it is counted", |stats| stats.bus.unreadable == 1)
            .await;
    }
}

/// Cause: an entry that is heard first on the ring and follows on the position is
/// not read again. Effect: a newer version on the bus empties this one's store
/// again and again, and neither a counter nor a log line says why.
#[tokio::test]
async fn an_unknown_target_is_counted_when_the_ring_tells_it() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let pair = with_a_witness(&server, &database).await;
    append(&server, RING, KIND);
    for instance in &pair {
        instance
            .until("it is counted", |stats| stats.bus.unreadable == 1)
            .await;
    }
}

#[tokio::test]
async fn a_message_of_another_version_on_the_ring_makes_a_question_and_evicts_nothing() {
    let server = RedisServer::start(&[]);
    let cache = quiet(&server).await;
    let mut events = cache.events();
    for message in [SECOND, r#"{"v":2,"tags":["item:1"]}"#] {
        let before = cache.stats().bus;
        let ring = format!("e 9-1 00000000000000aa - - {message}");
        server.cli_with(&["PUBLISH", RING], &ring);
        eventually("a question", PATIENCE, async || {
            let bus = cache.stats().bus;
            (bus.syncs > before.syncs && bus.garbage == before.garbage + 1).then_some(())
        })
        .await;
    }
    // The first thing that was evicted is what the log says now.
    append(&server, RING, LATER);
    let told = timeout(PATIENCE, events.next()).await;
    let known = Event::Invalidated(Invalidate::tag("item:1").into());
    assert_eq!(told.expect("an event"), Some(known));
    let bus = cache.stats().bus;
    assert_eq!((bus.unreadable, bus.adoptions), (0, 1));
}
