//! A write that waits until nobody serves the old answer, and one that cannot.

use crate::shop::{BOUND, Database, Instance, pair};
use crate::support::proxy::{Flow, Proxy};
use crate::support::redis_server::RedisServer;
use std::time::Duration;
use tower_coherence::bus::Redis;
use tower_coherence::policy::WhileDeaf;
use tower_coherence::{
    Applied, Invalidate, Policy, Publisher, Reached, Receipt, Tag, WriteConcern,
};

/// Longer than the bound: a member that says nothing is waited out.
const LONG: Duration = BOUND.saturating_mul(5);

/// A and B, and B alone behind a proxy.
async fn behind(database: &Database) -> (RedisServer, Proxy, [Instance; 2]) {
    let server = RedisServer::start(&[]);
    let proxy = Proxy::start(server.port()).await;
    let pair = pair(&server.url(), &proxy.url(), database).await;
    (server, proxy, pair)
}

/// A commit on A, and the wait for everybody.
async fn write(a: &Instance, database: &Database, timeout: Duration) -> (u64, Receipt) {
    let version = database.write("1");
    let what = Invalidate::tag(Tag::of("item", 1)).concern(WriteConcern::Applied { timeout });
    (version, a.cache.invalidate(what).await)
}

fn waited_out(receipt: &Receipt) -> Option<usize> {
    match receipt.applied() {
        Some(Applied::Everywhere { waited_out, .. }) => Some(*waited_out),
        _ => None,
    }
}

#[tokio::test]
async fn when_it_is_applied_everywhere_the_next_answer_of_each_is_fresh() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let [a, b] = pair(&server.url(), &server.url(), &database).await;
    for _ in 0..5 {
        b.warm("1").await;
        let (version, receipt) = write(&a, &database, LONG).await;
        assert_eq!(receipt.reached(), Reached::Everyone);
        assert_eq!(waited_out(&receipt), Some(0), "{receipt:?}");
        assert_eq!(b.get("1").await.version, version);
    }
}

#[tokio::test]
async fn an_instance_that_is_cut_off_is_waited_out_and_serves_nothing_old() {
    let database = Database::default();
    let (_server, proxy, [a, b]) = behind(&database).await;
    for flow in [Flow::BlackHole, Flow::Delay(Duration::from_secs(60))] {
        b.coherent().await;
        b.warm("1").await;
        proxy.to_client(flow);
        let (version, receipt) = write(&a, &database, LONG).await;
        assert_eq!(receipt.reached(), Reached::Everyone, "{receipt:?}");
        assert_eq!(b.get("1").await.version, version);
        proxy.to_client(Flow::Pass);
        proxy.cut();
    }
}

#[tokio::test]
async fn a_timeout_names_who_is_missing() {
    let database = Database::default();
    let (_server, proxy, [a, b]) = behind(&database).await;
    b.warm("1").await;
    proxy.both(Flow::BlackHole);
    let (_, receipt) = write(&a, &database, BOUND / 4).await;
    let Some(Applied::TimedOut { missing, .. }) = receipt.applied() else {
        panic!("{receipt:?}");
    };
    assert_eq!(missing.len(), 1);
    assert_eq!(receipt.reached(), Reached::Bus);
    assert!(receipt.at_least(Reached::Everyone).is_err());
    assert_eq!(a.cache.stats().bus.applied_timeouts, 1);
}

#[tokio::test]
async fn an_instance_that_serves_without_a_bound_is_never_waited_out() {
    let database = Database::default();
    let (_server, proxy, [a, b]) = behind(&database).await;
    let policy = Policy::lifetime(Duration::from_secs(600));
    let endless = b.policy(policy.while_deaf(WhileDeaf::ServeUntilExpiry), &database);
    // Its question with the new bound has been answered.
    b.cache.idle().await.unwrap();
    endless.warm("1").await;
    proxy.both(Flow::BlackHole);
    let (_, receipt) = write(&a, &database, BOUND * 3).await;
    assert!(
        matches!(receipt.applied(), Some(Applied::TimedOut { .. })),
        "{receipt:?}"
    );
    assert!(endless.get("1").await.hit, "as its route asks");
}

#[tokio::test]
async fn a_list_of_members_that_was_lost_ends_no_wait_early() {
    let database = Database::default();
    let (server, proxy, [a, b]) = behind(&database).await;
    b.warm("1").await;
    proxy.both(Flow::BlackHole);
    server.cli(&["FLUSHALL"]);
    let (version, receipt) = write(&a, &database, LONG).await;
    assert_eq!(receipt.reached(), Reached::Everyone, "{receipt:?}");
    assert_eq!(b.get("1").await.version, version);
}

#[tokio::test]
async fn while_the_bus_is_down_nobody_is_waited_for() {
    let (mut server, database) = (RedisServer::start(&[]), Database::default());
    let [a, _b] = pair(&server.url(), &server.url(), &database).await;
    server.kill();
    a.until("trouble", |stats| stats.bus.sync_failures > 0)
        .await;
    let (_, receipt) = write(&a, &database, Duration::from_secs(3600)).await;
    assert_eq!(receipt.reached(), Reached::Here);
    assert!(matches!(
        receipt.applied(),
        Some(Applied::TimedOut { by: 0, .. })
    ));
}

/// A publisher has no bound of its own, and no list that it watches by asking.
#[tokio::test]
async fn a_publisher_waits_for_the_instances_too() {
    let database = Database::default();
    let (server, proxy, [_a, b]) = behind(&database).await;
    let publisher = Publisher::new(Redis::new(&server.url(), "shop").unwrap()).unwrap();
    b.warm("1").await;
    proxy.both(Flow::BlackHole);
    let version = database.write("1");
    let timeout = Duration::from_secs(20);
    let what = Invalidate::tag(Tag::of("item", 1)).concern(WriteConcern::Applied { timeout });
    let receipt = publisher.invalidate(what).await;
    assert_eq!(receipt.reached(), Reached::Everyone, "{receipt:?}");
    assert_eq!(b.get("1").await.version, version);
}
