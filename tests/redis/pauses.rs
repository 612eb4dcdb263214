//! A process that is stopped and goes on: it has missed what was written meanwhile,
//! and does not know that time has passed until it looks.

use crate::support::app::{APPLIED, Settings};
use crate::support::instance::{Instance, Program};
use crate::support::redis_server::RedisServer;
use crate::support::register::Registers;
use axum::http::{HeaderMap, HeaderValue};
use std::time::Duration;

async fn start(server: &RedisServer, registers: &Registers) -> Instance {
    let settings = Settings::new(&server.url(), registers.port(), Duration::from_millis(500));
    let instance = Instance::spawn(&settings, Program::Test("rig::instance")).await;
    instance.coherent().await;
    instance
}

/// The wait for everybody ends when the stopped one cannot serve any more: that is
/// how the test knows that it was stopped for long enough.
#[tokio::test]
async fn the_first_request_after_a_pause_is_not_answered_with_what_became_stale() {
    let (server, registers) = (RedisServer::start(&[]), Registers::start().await);
    let writer = start(&server, &registers).await;
    let paused = start(&server, &registers).await;
    let mut everywhere = HeaderMap::new();
    everywhere.insert(APPLIED, HeaderValue::from_static("1"));
    for _ in 0..3 {
        paused.coherent().await;
        paused.warm("1").await;
        paused.stop();
        let put = writer.put_with("1", everywhere.clone()).await.unwrap();
        assert!(put.everywhere, "it was waited out");
        paused.go_on();
        assert_eq!(paused.get("1").await.unwrap().version, put.version);
    }
}
