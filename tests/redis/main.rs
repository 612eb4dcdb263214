//! Two instances over a real Redis, and what must hold while it is broken.

#[path = "../support/mod.rs"]
mod support;

#[path = "../support/caching_proxy.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    reason = "another test file shares it and uses more"
)]
mod caching_proxy;

mod alone;
mod anyone;
mod applied;
mod bad_input;
mod caching_proxies;
mod choices;
mod cms;
mod ends;
mod faults;
mod intents;
mod main_job;
mod rig;
mod shop;
mod start;
mod tokens;
mod versions;
mod writes;
