//! Instances in processes of their own that are stopped or killed.

use super::{ears, only_ears};
use crate::shop::{BOUND, Database, Instance as InProcess, PATIENCE, RING, spawn};
use crate::support::app::{Concern, Settings};
use crate::support::eventually::eventually;
use crate::support::instance::{Instance, Program};
use crate::support::moment::Moment;
use crate::support::redis_server::RedisServer;
use crate::support::register::Registers;
use futures_util::future::join_all;
use std::sync::Arc;
use std::time::Duration;
use tower_coherence::{Applied, Invalidate, Reached, Receipt, Tag, WriteConcern};

async fn start_with(settings: &Settings) -> Instance {
    let instance = Instance::spawn(settings, Program::Test("rig::instance")).await;
    instance.coherent().await;
    instance
}

/// One that knows of each of its writes whether the bus has it.
async fn start_writer(server: &RedisServer, registers: &Registers) -> Instance {
    let timeout = PATIENCE;
    start_with(&Settings {
        connect_timeout: timeout,
        reply_timeout: timeout,
        concern: Concern::Published { timeout },
        ..Settings::new(&server.url(), registers.port(), BOUND)
    })
    .await
}

async fn start(server: &RedisServer, registers: &Registers) -> Instance {
    start_with(&Settings::new(&server.url(), registers.port(), BOUND)).await
}

/// Waits until the bound has passed since then.
async fn bound_passes_since(accepted: Moment) {
    eventually("the end of the bound", PATIENCE, async || {
        (Moment::now().since(accepted) > BOUND).then_some(())
    })
    .await;
}

/// F7: the first requests after the pause, and those that came while it lasted, are
/// decided by an instance that has not yet looked at the log.
#[tokio::test]
async fn an_instance_that_was_stopped_serves_nothing_old_when_it_goes_on() {
    let (server, registers) = (RedisServer::start(&[]), Registers::start().await);
    let a = start_writer(&server, &registers).await;
    let b = Arc::new(start(&server, &registers).await);
    for _ in 0..3 {
        let keys: Vec<String> = (0..20).map(|key| key.to_string()).collect();
        b.coherent().await;
        for key in &keys {
            b.warm(key).await;
        }
        b.stop();
        let mut accepted = Moment::now();
        for write in 0..200 {
            let put = a.put(&keys[write % keys.len()]).await.unwrap();
            accepted = put.accepted.expect("the writer has its bus");
        }
        bound_passes_since(accepted).await;
        let versions: Vec<u64> = keys.iter().map(|key| registers.read(key)).collect();
        let asked = |key: &String| {
            let (b, key) = (b.clone(), key.clone());
            spawn(async move { b.get(&key).await.unwrap() })
        };
        let during: Vec<_> = keys.iter().map(asked).collect();
        b.go_on();
        let after: Vec<_> = keys.iter().map(asked).collect();
        for answers in [during, after] {
            for (got, version) in join_all(answers).await.into_iter().zip(&versions) {
                let got = got.unwrap();
                assert!(got.version >= *version, "{got:?}, wanted {version}");
            }
        }
    }
}

/// F8: while it is stopped the server drops it, since it reads nothing.
#[tokio::test]
async fn a_stopped_instance_whose_connection_overflowed_repairs_itself() {
    let server = RedisServer::start(&["--client-output-buffer-limit", "pubsub 1mb 0 0"]);
    let registers = Registers::start().await;
    let a = start_writer(&server, &registers).await;
    let b = start(&server, &registers).await;
    for instance in [&a, &b] {
        eventually("an ear", PATIENCE, async || {
            let stats = instance.stats().await;
            (stats["bus"]["connections"].as_u64() > Some(0)).then_some(())
        })
        .await;
    }
    only_ears(&server, 2).await;
    b.warm("1").await;
    b.stop();
    let put = a.put("1").await.unwrap();
    eventually("the server drops it", PATIENCE, async || {
        let heard = a.stats().await["bus"]["garbage"].as_u64();
        server.cli_with(&["PUBLISH", RING], &"x".repeat(100_000));
        eventually("the other one keeps up", PATIENCE, async || {
            (a.stats().await["bus"]["garbage"].as_u64() > heard).then_some(())
        })
        .await;
        (ears(&server) == 1).then_some(())
    })
    .await;
    bound_passes_since(put.accepted.expect("the writer has its bus")).await;
    b.go_on();
    assert_eq!(b.get("1").await.unwrap().version, put.version);
    b.coherent().await;
    assert_eq!(b.warm("1").await.version, put.version);
    let put = a.put("1").await.unwrap();
    eventually("the news", PATIENCE, async || {
        (b.get("1").await.unwrap().version == put.version).then_some(())
    })
    .await;
    let stats = a.stats().await;
    assert_eq!(stats["bus"]["connections"], 1, "and nobody else");
    assert_eq!(stats["bus"]["adoptions"], 1);
}

/// F32, the documented limit: what was accepted is kept while the process lives. A
/// process that is killed between its commit and its publishing has said nothing,
/// and others serve what they have until it expires.
#[tokio::test]
async fn a_writer_killed_after_its_commit_leaves_others_stale_until_expiry_and_no_longer() {
    let (server, registers) = (RedisServer::start(&[]), Registers::start().await);
    let lifetime = Duration::from_secs(4);
    let settings = Settings {
        lifetime,
        ..Settings::new(&server.url(), registers.port(), BOUND)
    };
    let a = start_with(&settings).await;
    let mut b = start_with(&settings).await;
    a.warm("1").await;
    registers.hold();
    let write = b.put("1");
    let committed = eventually("a commit", PATIENCE, async || {
        (registers.read("1") == 1).then_some(Moment::now())
    });
    let committed = tokio::select! {
        answer = write => panic!("{answer:?}"),
        committed = committed => committed,
    };
    b.kill();
    registers.release();
    b.restart().await;
    eventually("a fresh answer", PATIENCE, async || {
        let asked = Moment::now();
        let got = a.get("1").await.unwrap();
        // What was in memory at the commit had been filled before it.
        assert!(got.version == 1 || asked.since(committed) <= lifetime);
        (got.version == 1).then_some(())
    })
    .await;
}

async fn apply(writer: &InProcess, timeout: Duration) -> Receipt {
    let what = Invalidate::tag(Tag::of("item", 1)).concern(WriteConcern::Applied { timeout });
    writer.cache.invalidate(what).await
}

/// F48: one of the members is stopped: it can neither serve nor say that it does not.
#[tokio::test]
async fn a_write_for_everybody_names_the_stopped_member_or_waits_it_out() {
    let (server, registers) = (RedisServer::start(&[]), Registers::start().await);
    // One that does not think that the bus is down because the machine is busy.
    let database = Database::default();
    let writer = InProcess::with(&server.url(), &database, |redis| {
        redis.connect_timeout(PATIENCE).reply_timeout(PATIENCE)
    });
    writer.coherent().await;
    let b = start(&server, &registers).await;
    b.warm("1").await;
    b.stop();
    registers.write("1", 1);
    // Nobody is named by a server that has not yet said who there is.
    eventually("the name of the stopped one", PATIENCE, async || {
        let receipt = apply(&writer, BOUND / 3).await;
        let Some(Applied::TimedOut { missing, .. }) = receipt.applied() else {
            panic!("{receipt:?}");
        };
        (missing.len() == 1 && receipt.reached() == Reached::Bus).then_some(())
    })
    .await;
    let version = registers.write("1", 2);
    let receipt = apply(&writer, PATIENCE).await;
    let Some(Applied::Everywhere { waited_out, .. }) = receipt.applied() else {
        panic!("{receipt:?}");
    };
    assert_eq!(*waited_out, 1);
    // The write has ended; the member goes on, and serves nothing from before.
    b.go_on();
    assert_eq!(b.get("1").await.unwrap().version, version);
}
