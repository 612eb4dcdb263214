//! Instances that join late, or under the id of another.

use crate::shop::{Database, Instance, MEMBERS, PATIENCE, now, spawn};
use crate::support::eventually::eventually;
use crate::support::proxy::{Gate, Proxy};
use crate::support::redis_server::RedisServer;
use axum::Router;
use axum::routing::get;
use std::sync::Arc;
use tokio::sync::Notify;

/// F40.
#[tokio::test]
async fn one_that_joins_while_writes_flow_serves_nothing_before_it_hears() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let proxy = Proxy::start(server.port()).await;
    let b = Instance::patient(&server.url(), &database);
    b.coherent().await;
    proxy.gate(Gate::Closed);
    let late = Instance::patient(&proxy.url(), &database);
    for _ in 0..10 {
        let version = b.put("1").await;
        let got = late.get("1").await;
        assert_eq!((got.version, got.hit), (version, false));
    }
    proxy.gate(Gate::Open);
    late.coherent().await;
    for _ in 0..5 {
        late.warm("1").await;
        let version = b.put("1").await;
        late.fresh("1", version, now()).await;
    }
}

/// F40: it fills before it hears, and the write comes in between.
#[tokio::test]
async fn a_fill_from_before_the_first_proof_is_not_kept() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let proxy = Proxy::start(server.port()).await;
    let b = Instance::patient(&server.url(), &database);
    b.coherent().await;
    proxy.gate(Gate::Closed);
    let late = Instance::patient(&proxy.url(), &database);
    let (read, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let handler = {
        let (database, read, go_on) = (database.clone(), read.clone(), go_on.clone());
        move || async move {
            let version = database.read("1");
            read.notify_one();
            go_on.notified().await;
            version.to_string()
        }
    };
    let held = late.routes(Router::new().route("/item/1", get(handler)));
    let filling = {
        let held = held.clone();
        spawn(async move { held.send("GET", "1").await })
    };
    read.notified().await;
    let version = b.put("1").await;
    proxy.gate(Gate::Open);
    late.coherent().await;
    go_on.notify_one();
    assert_eq!(filling.await.unwrap().1, "0");
    go_on.notify_one();
    let next = held.get("1").await;
    assert_eq!((next.version, next.hit), (version, false));
}

fn ids(server: &RedisServer) -> Vec<String> {
    let fields = server.cli(&["HKEYS", MEMBERS]);
    let ids = fields.lines().filter(|field| field.len() == 16);
    ids.map(str::to_owned).collect()
}

/// F41: a copy of a machine that was started: the same id, and a counter of its own.
#[tokio::test]
async fn an_instance_whose_id_another_uses_takes_a_new_one_and_misses_nothing() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let a = Instance::patient(&server.url(), &database);
    a.coherent().await;
    let id = eventually("a report", PATIENCE, async || ids(&server).pop()).await;
    let b = Instance::patient(&server.url(), &database);
    b.coherent().await;
    a.warm("1").await;
    // The other one has asked more often.
    server.cli(&["HSET", MEMBERS, &id, "1000000 3000"]);
    eventually("a new id", PATIENCE, async || {
        (ids(&server).len() == 3).then_some(())
    })
    .await;
    for _ in 0..5 {
        a.warm("1").await;
        let version = b.put("1").await;
        a.fresh("1", version, now()).await;
        b.warm("1").await;
        let version = a.put("1").await;
        b.fresh("1", version, now()).await;
    }
    assert!(a.cache.health().coherent);
    assert_eq!(a.cache.stats().bus.adoptions, 1);
}
