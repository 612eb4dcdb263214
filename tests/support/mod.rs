//! What tests need to put faults where they belong: real servers, a proxy with
//! switches, instances in processes of their own over registers that only go up,
//! a checker of what they answered, and a bounded wait.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test file compiles this by itself and uses a part of it"
)]

pub mod app;
pub mod client;
pub mod eventually;
pub mod history;
pub mod instance;
pub mod moment;
pub mod proxy;
pub mod redis_server;
pub mod register;
