//! What tests need to put faults where they belong: real servers, a proxy with
//! switches, and a bounded wait.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test file compiles this by itself and uses a part of it"
)]

pub mod eventually;
pub mod proxy;
pub mod redis_server;
