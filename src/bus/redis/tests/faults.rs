//! Servers and networks that do not answer.

use super::*;
use crate::bus::contract::{Asker, append};
use crate::bus::engine::{Trouble, Verdict};
use crate::bus::redis::trouble::Health;
use crate::position::Mark;
use futures_util::future::join_all;
use support::eventually::eventually;
use support::proxy::{Flow, Proxy};

const SOON: Duration = Duration::from_secs(20);
/// More than the reply timeout, less than two heartbeats.
const BOUNDED: Duration = Duration::from_millis(1900);

async fn bounded<T>(what: &str, future: impl Future<Output = T>) -> T {
    let outcome = tokio::time::timeout(BOUNDED, future).await;
    outcome.unwrap_or_else(|_| panic!("{what} takes longer than {BOUNDED:?}"))
}

#[tokio::test]
async fn a_stopped_server_costs_one_timeout_and_works_when_it_goes_on() {
    let server = RedisServer::start(&[]);
    let bus = hasty(&server.url()).engine();
    let asker = Asker::new(1);
    let head = append(&*bus, "a", 1).await;
    server.stop();
    let hung = bounded("a sync", bus.sync(asker.question(Some(head)))).await;
    assert_eq!(hung.unwrap_err().trouble, Trouble::TimedOut);
    let hung = bounded("an append", bus.append("b".into(), Mark(2))).await;
    assert_eq!(hung.unwrap_err().trouble, Trouble::TimedOut);
    bounded("a ring", bus.rings()).await.unwrap_err();
    server.go_on();
    let answer = eventually("an answer", SOON, async || {
        bus.sync(asker.question(Some(head))).await.ok()
    })
    .await;
    assert_eq!(answer.verdict, Verdict::Verified);
}

#[tokio::test]
async fn a_killed_server_is_unreachable_at_once_and_found_again_on_its_port() {
    let mut server = RedisServer::start(&[]);
    let bus = engine(&server);
    append(&*bus, "a", 1).await;
    server.kill();
    for mark in 2..5 {
        let refused = bounded("an append", bus.append("b".into(), Mark(mark))).await;
        let error = refused.unwrap_err();
        assert_eq!(error.trouble, Trouble::Unreachable);
        let address = format!("127.0.0.1:{}", server.port());
        assert!(mark == 2 || error.message.contains(&address), "{error}");
    }
    server.restart();
    eventually("an append", SOON, async || {
        bus.append("c".into(), Mark(9)).await.ok()
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_timed_out_is_not_used_again() {
    let server = RedisServer::start(&[]);
    let front = Proxy::start(server.port()).await;
    let bus = hasty(&front.url()).engine();
    let head = append(&*bus, "a", 1).await;
    let asker = Asker::new(1);
    front.to_client(Flow::Delay(Duration::from_millis(700)));
    let late = bus.sync(asker.question(Some(head))).await;
    assert_eq!(late.unwrap_err().trouble, Trouble::TimedOut);
    front.to_client(Flow::Pass);
    let before = latest_connection(&server);
    asker.ask(&*bus, Some(head)).await;
    assert_eq!(latest_connection(&server), before + 2);
}

/// Connections are numbered by the server; this question comes on the latest.
fn latest_connection(server: &RedisServer) -> u64 {
    server.cli(&["CLIENT", "ID"]).parse().expect("a number")
}

#[tokio::test]
async fn many_callers_share_one_attempt_to_connect() {
    let server = RedisServer::start(&[]);
    let bus = engine(&server);
    let before = latest_connection(&server);
    let askers: Vec<_> = (1..=30).map(Asker::new).collect();
    join_all(askers.iter().map(|asker| asker.ask(&*bus, None))).await;
    assert_eq!(latest_connection(&server), before + 2);
}

#[tokio::test]
async fn an_attempt_whose_caller_left_does_not_stop_the_next() {
    let server = RedisServer::start(&[]);
    let bus = engine(&server);
    let asker = Asker::new(1);
    let mut first = bus.sync(asker.question(None));
    assert!(futures_util::poll!(&mut first).is_pending());
    drop(first);
    asker.ask(&*bus, None).await;
}

#[tokio::test]
async fn a_black_hole_costs_one_connect_timeout_for_all_callers_together() {
    let server = RedisServer::start(&[]);
    let front = Proxy::start(server.port()).await;
    front.both(Flow::BlackHole);
    let bus = hasty(&front.url()).engine();
    let askers: Vec<_> = (1..=20).map(Asker::new).collect();
    let all = join_all(askers.iter().map(|asker| bus.sync(asker.question(None))));
    for outcome in bounded("all of them", all).await {
        assert_eq!(outcome.unwrap_err().trouble, Trouble::TimedOut);
    }
}

#[tokio::test]
async fn an_endpoint_that_moved_is_found_with_the_next_connection() {
    let (old, new) = (RedisServer::start(&[]), RedisServer::start(&[]));
    let front = Proxy::start(old.port()).await;
    let bus = at(&front.url()).engine();
    let head = append(&*bus, "a", 1).await;
    front.lead_to(new.port());
    front.cut();
    let asker = Asker::new(1);
    let answer = eventually("an answer", SOON, async || {
        bus.sync(asker.question(Some(head))).await.ok()
    })
    .await;
    assert_eq!(answer.verdict, Verdict::Unknown);
    assert_eq!(new.cli(&["XLEN", LOG]), "1");
}

#[tokio::test]
async fn a_server_that_speaks_nonsense_is_an_error_and_not_a_panic() {
    use tokio::io::AsyncWriteExt;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut talking = tokio::task::JoinSet::new();
    talking.spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let bus = hasty(&format!("redis://127.0.0.1:{port}")).engine();
    bounded("a sync", bus.sync(Asker::new(1).question(None)))
        .await
        .unwrap_err();
    bounded("a ring", bus.rings()).await.unwrap_err();
    bounded("a look", bus.look()).await.unwrap_err();
}

#[tokio::test]
async fn an_answer_on_a_connection_that_was_given_up_is_not_taken() {
    let server = RedisServer::start(&[]);
    let bus = inner(&server.url());
    let asker = Asker::new(1);
    asker.ask(&bus, None).await;
    server.stop();
    let mut late = Box::pin(bus.sync(asker.question(None)));
    assert!(futures_util::poll!(&mut late).is_pending());
    let live = bus
        .supervisor
        .live(&bus.keys)
        .await
        .expect("the connection stands");
    bus.supervisor.drop_doubtful(&live, Health::Doubtful);
    server.go_on();
    assert_eq!(late.await.unwrap_err().trouble, Trouble::Unreachable);
    asker.ask(&bus, None).await;
}

#[tokio::test]
async fn a_reset_connection_is_an_error_and_the_next_call_makes_another() {
    let server = RedisServer::start(&[]);
    let front = Proxy::start(server.port()).await;
    let bus = at(&front.url()).engine();
    let mut rings = bus.rings().await.expect("the ring can be heard");
    append(&*bus, "a", 1).await;
    front.reset();
    bounded("the end of the ring", async {
        while rings.receiver.recv().await.is_some() {}
    })
    .await;
    eventually("an append", SOON, async || {
        bus.append("b".into(), Mark(2)).await.ok()
    })
    .await;
}

#[tokio::test]
async fn a_url_that_asks_for_resp3_works_the_same() {
    let server = RedisServer::start(&[]);
    let bus = at(&format!("{}/3?protocol=resp3", server.url())).engine();
    let head = append(&*bus, "a", 1).await;
    let answer = Asker::new(1).ask(&*bus, Some(head)).await;
    assert_eq!(answer.verdict, Verdict::Verified);
    assert_eq!(bus.look().await.unwrap(), [""; 0]);
    assert_eq!(server.cli(&["-n", "3", "XLEN", LOG]), "2");
}
