//! The ring: what is heard, what is lost, and when it ends.

use super::*;
use crate::bus::contract::{Asker, append, heard};
use crate::bus::engine::{Ring, Rings};
use crate::position::Mark;
use support::eventually::eventually;
use support::proxy::{Flow, Proxy};

const SOON: Duration = Duration::from_secs(20);

/// Waits for the end; what was still in the queue is passed over.
async fn ends_within(rings: &mut Rings, limit: Duration) {
    let end = async { while rings.receiver.recv().await.is_some() {} };
    let ended = tokio::time::timeout(limit, end).await;
    ended.unwrap_or_else(|_| panic!("the ring does not end within {limit:?}"));
}

#[tokio::test]
async fn garbage_on_the_channel_is_heard_as_garbage_and_the_ring_goes_on() {
    let server = RedisServer::start(&[]);
    let bus = engine(&server);
    let mut rings = bus.rings().await.expect("the ring can be heard");
    let odd: [&str; 6] = [
        "",
        "e",
        "x",
        "e 1-1 zz - - a",
        "e 1-1 00000000000000ff",
        "{}",
    ];
    for message in odd {
        server.cli(&["PUBLISH", RING, message]);
        assert_eq!(heard(&mut rings).await, Ring::Garbage, "{message}");
    }
    append(&*bus, "a", 1).await;
    assert!(matches!(heard(&mut rings).await, Ring::Entry(_)));
}

#[tokio::test]
async fn another_namespace_is_not_heard() {
    let server = RedisServer::start(&[]);
    let bus = engine(&server);
    let other = Redis::new(&server.url(), "shop2").unwrap().engine();
    let mut rings = bus.rings().await.expect("the ring can be heard");
    append(&*other, "theirs", 1).await;
    append(&*bus, "ours", 2).await;
    heard(&mut rings).await;
    let Ring::Entry(entry) = heard(&mut rings).await else {
        panic!("an entry");
    };
    assert_eq!(&entry.payload[..], b"ours");
    assert_eq!(rings.receiver.len(), 0);
}

#[tokio::test]
async fn a_ring_ends_when_its_connection_is_killed() {
    let server = RedisServer::start(&[]);
    let bus = engine(&server);
    let before = calls(&server, "ping");
    let mut rings = bus.rings().await.expect("the ring can be heard");
    eventually("a ping", SOON, async || {
        (calls(&server, "ping") > before).then_some(())
    })
    .await;
    server.cli(&["CLIENT", "KILL", "TYPE", "pubsub"]);
    // Sooner than the next ping would tell.
    ends_within(&mut rings, Duration::from_millis(700)).await;
    bus.rings().await.expect("the ring can be heard again");
}

#[tokio::test]
async fn a_half_open_ring_ends_within_two_seconds_in_either_direction() {
    let server = RedisServer::start(&[]);
    for direction in ["to_client", "to_server"] {
        let front = Proxy::start(server.port()).await;
        let mut rings = hasty(&front.url())
            .engine()
            .rings()
            .await
            .expect("the ring can be heard");
        match direction {
            "to_client" => front.to_client(Flow::BlackHole),
            _ => front.to_server(Flow::BlackHole),
        }
        ends_within(&mut rings, Duration::from_millis(2500)).await;
    }
}

#[tokio::test]
async fn a_ring_on_a_stopped_server_ends() {
    let server = RedisServer::start(&[]);
    let mut rings = hasty(&server.url())
        .engine()
        .rings()
        .await
        .expect("the ring can be heard");
    server.stop();
    ends_within(&mut rings, Duration::from_millis(2500)).await;
}

#[tokio::test]
async fn a_quiet_ring_stays_open() {
    let server = RedisServer::start(&[]);
    let bus = engine(&server);
    let mut rings = bus.rings().await.expect("the ring can be heard");
    eventually("three pings", SOON, async || {
        (calls(&server, "ping") >= 3).then_some(())
    })
    .await;
    append(&*bus, "a", 1).await;
    assert!(matches!(heard(&mut rings).await, Ring::Entry(_)));
}

#[tokio::test]
async fn dropping_the_rings_closes_their_connection() {
    let server = RedisServer::start(&[]);
    let bus = engine(&server);
    let rings = bus.rings().await.expect("the ring can be heard");
    assert_eq!(
        server.cli(&["PUBSUB", "NUMSUB", RING]).lines().last(),
        Some("1")
    );
    drop(rings);
    eventually("the connection is closed", SOON, async || {
        let subscribed = server.cli(&["PUBSUB", "NUMSUB", RING]);
        (subscribed.lines().last() == Some("0")).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_ring_outlives_the_engine_that_opened_it() {
    let server = RedisServer::start(&[]);
    let bus = engine(&server);
    let mut rings = bus.rings().await.expect("the ring can be heard");
    drop(bus);
    append(&*engine(&server), "a", 1).await;
    assert!(matches!(heard(&mut rings).await, Ring::Entry(_)));
}

#[tokio::test]
async fn a_slow_reader_hears_a_gap_after_what_it_still_got_and_nothing_grows() {
    let server = RedisServer::start(&[]);
    let bus = engine(&server);
    let mut rings = bus.rings().await.expect("the ring can be heard");
    for mark in 1..=2000 {
        append(&*bus, "flood", mark).await;
    }
    eventually("the queue is full", SOON, async || {
        (rings.receiver.capacity() == 0).then_some(())
    })
    .await;
    let waiting = rings.receiver.len();
    assert!(waiting <= 256);
    let mut last = None;
    for _ in 0..waiting {
        last = rings.receiver.recv().await;
    }
    assert_eq!(last, Some(Ring::Gap));
    // All of the flood that came after the gap was put was dropped, so the log
    // is what tells it.
    let answer = Asker::new(1).ask(&*bus, None).await;
    let position = append(&*bus, "after", 9999).await;
    let rung = eventually("the last ring", SOON, async || {
        match heard(&mut rings).await {
            Ring::Entry(entry) if entry.position == position => Some(entry),
            _ => None,
        }
    })
    .await;
    assert_eq!(rung.previous, Some(answer.head));
}

#[tokio::test]
async fn a_ring_that_is_too_large_is_heard_as_a_gap() {
    let server = RedisServer::start(&[]);
    let bus = engine(&server);
    Asker::new(1).ask(&*bus, None).await;
    let mut rings = bus.rings().await.expect("the ring can be heard");
    bus.append(vec![b'x'; 200 << 10].into(), Mark(1))
        .await
        .expect("the bus appends");
    assert_eq!(heard(&mut rings).await, Ring::Gap);
}
