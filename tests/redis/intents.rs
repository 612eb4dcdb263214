//! A writer that is killed in the middle of a write, and whose writes were announced.

use crate::support::app::Settings;
use crate::support::eventually::eventually;
use crate::support::instance::{Instance, Program};
use crate::support::moment::Moment;
use crate::support::proxy::{Flow, Proxy};
use crate::support::redis_server::RedisServer;
use crate::support::register::Registers;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(20);
const BOUND: Duration = Duration::from_millis(600);
const TIME: Duration = Duration::from_secs(1);

/// After the start of a write nobody serves what it made stale for longer.
const LIMIT: Duration = Duration::from_millis(1_000 + 1 + 500 + 2 * 600);

/// An instance whose writes are announced for this long, if at all.
async fn start(url: &str, registers: &Registers, intent: Option<Duration>) -> Instance {
    let settings = Settings {
        intent,
        ..Settings::new(url, registers.port(), BOUND)
    };
    let instance = Instance::spawn(&settings, Program::Test("rig::instance")).await;
    instance.coherent().await;
    instance
}

/// A write whose handler has committed, and whose process is then killed.
async fn killed_after_its_commit(writer: &mut Instance, registers: &Registers, key: &str) {
    committed(writer, registers, key).await;
    writer.kill();
    registers.release();
}

/// A write whose handler has committed, and waits for the answer of the registers.
async fn committed(writer: &Instance, registers: &Registers, key: &str) {
    registers.hold();
    let write = writer.put(key);
    let committed = eventually("a commit", PATIENCE, async || {
        (registers.read(key) == 1).then_some(())
    });
    tokio::select! {
        answer = write => panic!("{answer:?}"),
        () = committed => {}
    }
}

/// When the old answer was served for the last time, asking until the new one is.
async fn old_until(reader: &Instance, key: &str) -> Option<Moment> {
    let mut last = None;
    eventually("the new answer", PATIENCE, async || {
        let asked = Moment::now();
        let new = reader.get(key).await.unwrap().version == 1;
        if !new {
            last = Some(asked);
        }
        new.then_some(())
    })
    .await;
    last
}

#[tokio::test]
async fn a_writer_killed_after_its_commit_leaves_nothing_stale_beyond_its_intent() {
    let (server, registers) = (RedisServer::start(&[]), Registers::start().await);
    let mut writer = start(&server.url(), &registers, Some(TIME)).await;
    let reader = start(&server.url(), &registers, Some(TIME)).await;
    reader.warm("1").await;
    let began = Moment::now();
    killed_after_its_commit(&mut writer, &registers, "1").await;
    let last = old_until(&reader, "1").await;
    let stale = last
        .expect("it is served until the time is up")
        .since(began);
    assert!(stale <= LIMIT, "{stale:?}");
    assert_eq!(reader.stats().await["bus"]["intents_ran_out"], 1);
    assert!(reader.warm("1").await.hit);
}

#[tokio::test]
async fn an_instance_that_starts_while_a_write_is_cut_short_is_covered_too() {
    let (server, registers) = (RedisServer::start(&[]), Registers::start().await);
    let mut writer = start(&server.url(), &registers, Some(TIME)).await;
    committed(&writer, &registers, "1").await;
    writer.stop();
    registers.release();
    // Its own routes announce nothing: only the log can tell it that others do.
    let reader = start(&server.url(), &registers, None).await;
    writer.kill();
    let coherent = Moment::now();
    eventually("everything a second time", PATIENCE, async || {
        (reader.stats().await["bus"]["intents_ran_out"] == 1).then_some(())
    })
    .await;
    assert!(Moment::now().since(coherent) <= TIME + BOUND * 3);
    assert_eq!(reader.warm("1").await.version, 1);
}

/// What the log has not taken nobody knows of: the route chooses.
#[tokio::test]
async fn a_write_that_cannot_be_announced_runs_unless_the_route_refuses_it() {
    let (server, registers) = (RedisServer::start(&[]), Registers::start().await);
    let proxy = Proxy::start(server.port()).await;
    let writer = start(&proxy.url(), &registers, Some(TIME)).await;
    proxy.both(Flow::BlackHole);
    assert_eq!(writer.put("1").await.unwrap().version, 1);
    let bus = &writer.stats().await["bus"];
    assert_eq!(
        (&bus["intents"], &bus["intents_untold"]),
        (&0.into(), &1.into())
    );
}
