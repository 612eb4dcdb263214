//! The Redis bus against a real server.

#[path = "../../../../tests/support"]
#[allow(
    dead_code,
    unreachable_pub,
    reason = "of what tests share, this uses a part"
)]
mod support {
    pub mod eventually;
    pub mod proxy;
    pub mod redis_server;
}

mod faults;
mod identity;
mod log;
mod permissions;
mod rings;

use super::engine::RedisEngine;
use super::settings::Redis;
use crate::bus::contract::{Rig, contract};
use crate::bus::engine::Engine;
use futures_util::FutureExt;
use std::sync::Arc;
use std::time::Duration;
use support::redis_server::RedisServer;

const LOG: &str = "coherence:{shop}:log";
const META: &str = "coherence:{shop}:meta";
const MEMBERS: &str = "coherence:{shop}:members";
const BEATS: &str = "coherence:{shop}:beats";
const RING: &str = "coherence:{shop}:ring";

contract!(contract_on_redis, super::rig);

async fn rig() -> Rig {
    let server = Arc::new(RedisServer::start(&[]));
    let wiped = server.clone();
    Rig {
        one: bus(&server).engine(),
        two: bus(&server).engine(),
        wipe: Box::new(move || {
            wiped.cli(&["FLUSHALL"]);
            std::future::ready(()).boxed()
        }),
        _held: Box::new(server),
    }
}

fn bus(server: &RedisServer) -> Redis {
    at(&server.url())
}

/// With more patience than the defaults have: the machine may be busy.
fn at(url: &str) -> Redis {
    let patience = Duration::from_secs(5);
    hasty(url).connect_timeout(patience).reply_timeout(patience)
}

/// With the default timeouts, which are then what is tested.
fn hasty(url: &str) -> Redis {
    Redis::new(url, "shop").expect("a URL and a namespace")
}

fn engine(server: &RedisServer) -> Arc<dyn Engine> {
    bus(server).engine()
}

/// With what the trait does not tell.
fn inner(url: &str) -> RedisEngine {
    RedisEngine::new(at(url))
}

/// How often the server ran a command, by its own count.
fn calls(server: &RedisServer, command: &str) -> u64 {
    let stats = server.cli(&["INFO", "commandstats"]);
    let start = format!("cmdstat_{command}:calls=");
    let line = stats
        .lines()
        .find_map(|line| line.strip_prefix(start.as_str()));
    line.and_then(|rest| rest.split(',').next()?.parse().ok())
        .unwrap_or(0)
}
