//! The cache through its public interface, with the in-process bus.

#[allow(unreachable_pub, reason = "another test file shares it")]
#[path = "../support/caching_proxy.rs"]
mod caching_proxy;
mod held;
mod origin;
#[allow(unreachable_pub, reason = "another test file shares it")]
#[path = "../support/eventually.rs"]
mod patience;
mod support;
mod warm_up;
mod wire;

mod applied;
mod choosing;
mod classify;
mod classify_races;
mod classify_wire;
mod conditional;
mod connections;
mod context;
mod counted;
mod directives;
mod downstream;
mod etags;
mod events;
mod eviction;
mod examples;
mod fills;
mod frameworks;
mod generated;
mod groups;
mod grpc;
mod grpc_calls;
mod grpc_reads;
mod grpc_rig;
mod heads;
mod health;
mod idle;
mod inputs;
mod intents;
mod jitter;
mod memory;
#[cfg(feature = "metrics")]
mod metrics;
mod mounting;
mod policies;
mod properties;
mod proxy;
mod query;
mod races;
mod ranges;
mod reload;
#[cfg(feature = "toml")]
mod route_files;
mod routes;
mod rules;
mod safety;
mod security;
mod services;
mod serving;
mod settle;
#[cfg(feature = "toml")]
mod shop;
mod smoke;
mod stale;
mod status;
mod storing;
mod tag_fields;
mod targeted;
mod templates;
mod tokens;
mod validation;
mod write_mappings;
mod write_policies;
mod writes;
