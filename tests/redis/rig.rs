//! The rig itself: an instance in a process of its own does what the test says.

use crate::support::app::{Deaf, Settings};
use crate::support::client::Trouble;
use crate::support::eventually::eventually;
use crate::support::history::{History, Reach, Read, Write};
use crate::support::instance::{Instance, Program, become_one_if_asked};
use crate::support::moment::Moment;
use crate::support::proxy::{Flow, Gate, Proxy};
use crate::support::redis_server::RedisServer;
use crate::support::register::{Reader, Registers};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const PATIENCE: Duration = Duration::from_secs(20);

#[test]
#[ignore = "an instance of the application, started by the other tests"]
fn instance() {
    become_one_if_asked();
}

async fn start(server: &RedisServer, registers: &Registers) -> Instance {
    let settings = Settings::new(&server.url(), registers.port(), Duration::from_secs(1));
    Instance::spawn(&settings, Program::Test("rig::instance")).await
}

#[tokio::test]
async fn instances_in_processes_of_their_own_share_a_bus_and_an_origin() {
    let (server, registers) = (RedisServer::start(&[]), Registers::start().await);
    let a = start(&server, &registers).await;
    let b = start(&server, &registers).await;
    a.coherent().await;
    b.coherent().await;
    assert_eq!(a.warm("1").await.version, 0);
    let put = b.put("1").await.unwrap();
    assert_eq!(put.version, 1);
    assert!(put.accepted.is_some_and(|at| at <= Moment::now()));
    assert_eq!(b.get("1").await.unwrap().version, 1);
    eventually("the news", PATIENCE, async || {
        (a.get("1").await.unwrap().version == 1).then_some(())
    })
    .await;
    assert_eq!(registers.read("1"), 1);
    assert_eq!(registers.commits().len(), 1);
    assert!(a.stats().await["hits"].as_u64() > Some(0));
}

#[tokio::test]
async fn a_killed_instance_comes_back_empty_and_a_stopped_one_with_all_it_had() {
    let (server, registers) = (RedisServer::start(&[]), Registers::start().await);
    let mut a = start(&server, &registers).await;
    a.coherent().await;
    a.warm("1").await;
    a.stop();
    let answer = tokio::time::timeout(Duration::from_millis(100), a.get("1")).await;
    assert!(answer.is_err());
    a.go_on();
    assert!(a.stats().await["hits"].as_u64() > Some(0));
    a.restart().await;
    assert_eq!(a.stats().await["hits"], 0);
}

#[tokio::test]
async fn a_write_whose_answer_is_held_back_is_committed_and_not_acknowledged() {
    let (server, registers) = (RedisServer::start(&[]), Registers::start().await);
    let mut a = start(&server, &registers).await;
    registers.hold();
    let write = a.put("1");
    let committed = eventually("a commit", PATIENCE, async || {
        (registers.read("1") == 1).then_some(())
    });
    tokio::select! {
        answer = write => panic!("{answer:?}"),
        () = committed => {}
    }
    a.kill();
    registers.release();
    a.restart().await;
    assert_eq!(a.get("1").await.unwrap().version, 1);
}

#[tokio::test]
async fn a_lagging_register_shows_what_stood_before() {
    let (server, registers) = (RedisServer::start(&[]), Registers::start().await);
    let a = start(&server, &registers).await;
    registers.lag(Duration::from_secs(3600));
    registers.write("1", 0);
    assert_eq!(a.get("1").await.unwrap().version, 0);
    registers.lag(Duration::ZERO);
    registers.write("2", 0);
    assert_eq!(a.get("2").await.unwrap().version, 1);
}

#[tokio::test]
async fn a_replica_of_the_registers_shows_what_stood_before_and_never_goes_back() {
    let registers = Registers::start().await;
    let reader = Reader::new(registers.port());
    registers.write("1", 0);
    assert_eq!(reader.read_late("1").await.unwrap(), 1);
    let hour = Duration::from_secs(3600);
    registers.replica_lag(hour);
    registers.write("1", 0);
    // It had the first already.
    assert_eq!(reader.read_late("1").await.unwrap(), 1);
    assert_eq!(reader.read("1").await.unwrap(), 2);
    registers.replica_lag(Duration::ZERO);
    assert_eq!(reader.read_late("1").await.unwrap(), 2);
    registers.replica_lag(hour);
    assert_eq!(reader.read_late("1").await.unwrap(), 2);
}

#[tokio::test]
async fn a_parted_flow_hides_that_the_other_side_has_gone() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let proxy = Proxy::start(listener.local_addr().unwrap().port()).await;
    let client = tokio::net::TcpStream::connect(("127.0.0.1", proxy.port()))
        .await
        .unwrap();
    let (mut server, _) = listener.accept().await.unwrap();
    proxy.both(Flow::Parted);
    drop(client);
    let mut got = [0; 1];
    let ended = tokio::time::timeout(Duration::from_millis(100), server.read(&mut got)).await;
    assert!(ended.is_err());
    proxy.both(Flow::Pass);
    assert!(matches!(server.read(&mut got).await, Ok(0) | Err(_)));
}

#[tokio::test]
async fn without_its_origin_an_instance_answers_an_error() {
    let (server, registers) = (RedisServer::start(&[]), Registers::start().await);
    let a = start(&server, &registers).await;
    drop(registers);
    assert_eq!(a.get("1").await, Err(Trouble::Status(502)));
}

#[tokio::test]
async fn a_throttled_flow_passes_all_bytes_slowly_and_the_rest_when_it_is_let_go() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let proxy = Proxy::start(listener.local_addr().unwrap().port()).await;
    let mut client = tokio::net::TcpStream::connect(("127.0.0.1", proxy.port()))
        .await
        .unwrap();
    let (mut server, _) = listener.accept().await.unwrap();
    proxy.to_server(Flow::Throttle(2_000));
    let began = Moment::now();
    client.write_all(&[7; 1_000]).await.unwrap();
    let mut got = [0; 1_000];
    server.read_exact(&mut got).await.unwrap();
    assert!(Moment::now().since(began) >= Duration::from_millis(450));
    proxy.to_server(Flow::Throttle(1));
    client.write_all(&[7; 1_000]).await.unwrap();
    // Turned once a byte is through: the piece that waits is let go.
    server.read_exact(&mut got[..1]).await.unwrap();
    proxy.to_server(Flow::Pass);
    server.read_exact(&mut got[1..]).await.unwrap();
    assert_eq!(got, [7; 1_000]);
}

#[tokio::test]
async fn a_replica_loses_what_its_link_did_not_carry_and_can_be_promoted() {
    let master = RedisServer::start(&[]);
    let link = Proxy::start(master.port()).await;
    master.cli(&["SET", "before", "1"]);
    let port = link.port();
    let starting = tokio::task::spawn_blocking(move || RedisServer::start_replica(port));
    let replica = starting.await.unwrap();
    assert_eq!(replica.cli(&["GET", "before"]), "1");
    link.gate(Gate::Closed);
    link.cut();
    eventually("a link that is down", PATIENCE, async || {
        (!replica.in_step()).then_some(())
    })
    .await;
    master.cli(&["SET", "after", "1"]);
    replica.promote();
    assert_eq!(replica.cli(&["SET", "other", "1"]), "OK");
    assert_eq!(replica.cli(&["GET", "after"]), "");
}

/// An instance that serves without a proof, cut off from what would tell it better:
/// the checker has to find out, and to find nothing where the proof is asked for.
#[tokio::test]
async fn the_checker_catches_an_instance_that_serves_without_a_proof() {
    assert!(breaks_the_bound(Deaf::ServeUntilExpiry).await);
    assert!(!breaks_the_bound(Deaf::Bypass).await);
}

async fn breaks_the_bound(while_deaf: Deaf) -> bool {
    let (server, registers) = (RedisServer::start(&[]), Registers::start().await);
    let proxy = Proxy::start(server.port()).await;
    let bound = Duration::from_millis(500);
    let settings = Settings {
        while_deaf,
        ..Settings::new(&proxy.url(), registers.port(), bound)
    };
    let a = Instance::spawn(&settings, Program::Test("rig::instance")).await;
    let b = start(&server, &registers).await;
    a.coherent().await;
    b.coherent().await;
    a.warm("1").await;
    proxy.both(Flow::BlackHole);
    let put = b.put("1").await.unwrap();
    let accepted = put.accepted.expect("the writer is not cut off");
    let mut history = History {
        bound,
        ..History::default()
    };
    eventually("a read long after", PATIENCE, async || {
        let started = Moment::now();
        let got = a.get("1").await.unwrap();
        history.reads.push(Read {
            key: 1,
            version: got.version,
            started,
            ended: Moment::now(),
            instance: 1,
            hit: got.hit,
            token: None,
        });
        (started > accepted.plus(bound * 2)).then_some(())
    })
    .await;
    let commit = &registers.commits()[0];
    history.writes.push(Write {
        id: commit.id,
        key: 1,
        version: commit.version,
        instance: 2,
        committed: commit.at,
        acknowledged: None,
        accepted: Some(accepted),
        reach: Reach::Unknown,
    });
    !history.violations()["P3"].is_empty()
}
