//! The graceful end of an instance.

use crate::shop::{BOUND, Database, PATIENCE, pair};
use crate::support::redis_server::RedisServer;
use std::time::Duration;
use tower_coherence::bus::Redis;
use tower_coherence::{Invalidate, Publisher, WriteConcern};

const MEMBERS: &str = "coherence:{shop}:members";

/// Members by name; the list has two fields of its own.
fn members(server: &RedisServer) -> usize {
    let fields = server.cli(&["HKEYS", MEMBERS]);
    fields.lines().filter(|field| field.len() == 16).count()
}

#[tokio::test]
async fn an_instance_that_ends_serves_nothing_any_more_and_signs_off() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let [a, b] = pair(&server.url(), &server.url(), &database).await;
    b.warm("1").await;
    assert_eq!(members(&server), 2);
    let left = b.cache.clone().shutdown(PATIENCE).await;
    assert!(left.is_nothing(), "{left:?}");
    assert_eq!(members(&server), 1);
    assert!(!b.get("1").await.hit);
    let version = b.put("1").await;
    a.warm("2").await;
    assert_eq!(
        a.cache.invalidate(Invalidate::tag("x")).await.reached(),
        tower_coherence::Reached::Bus
    );
    assert_eq!(members(&server), 1, "it reports no more");
    assert_eq!(b.get("1").await.version, version, "and passes requests on");
}

#[tokio::test]
async fn what_cannot_be_sent_in_time_is_told() {
    let (mut server, database) = (RedisServer::start(&[]), Database::default());
    let [a, _b] = pair(&server.url(), &server.url(), &database).await;
    server.kill();
    a.until("trouble", |stats| stats.bus.sync_failures > 0)
        .await;
    a.cache.invalidate_now(Invalidate::tag("x").and_tag("y"));
    let left = a.cache.clone().shutdown(BOUND / 2).await;
    assert!(left.targets > 0 && left.still_member, "{left:?}");
    assert_eq!(left.running, 0);
}

#[tokio::test]
async fn a_publisher_sends_what_waits_before_it_ends() {
    let server = RedisServer::start(&[]);
    let publisher = Publisher::new(Redis::new(&server.url(), "shop").unwrap()).unwrap();
    for tag in 0..100 {
        let what = Invalidate::tag(tag.to_string()).concern(WriteConcern::Enqueued);
        publisher.invalidate_now(what);
    }
    let left = publisher.shutdown(Duration::from_secs(20)).await;
    assert!(left.is_nothing(), "{left:?}");
    assert_ne!(server.cli(&["XLEN", "coherence:{shop}:log"]), "0");
}
