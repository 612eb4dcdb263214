//! P6: nothing accepted is dropped.

use crate::shop::PATIENCE;
use crate::shop::{Database, Instance, now, pair, spawn};
use crate::support::eventually::eventually;
use crate::support::redis_server::RedisServer;
use axum::Router;
use axum::routing::put;
use std::sync::Arc;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tower_coherence::Invalidate;

#[tokio::test]
async fn a_write_while_redis_is_down_arrives_when_it_is_back() {
    let (mut server, database) = (RedisServer::start(&[]), Database::default());
    let [a, b] = pair(&server.url(), &server.url(), &database).await;
    server.kill();
    b.until("trouble", |stats| stats.bus.sync_failures > 0)
        .await;
    let mut version = 0;
    for _ in 0..10 {
        version = b.put("1").await;
    }
    assert!(b.cache.stats().bus.outbox > 0, "kept, and merged");
    server.restart();
    b.until("an empty outbox", |stats| stats.bus.outbox == 0)
        .await;
    a.fresh("1", version, now()).await;
}

#[tokio::test]
async fn a_failure_after_the_commit_is_no_excuse() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let [a, b] = pair(&server.url(), &server.url(), &database).await;
    for method in ["POST", "PATCH"] {
        a.warm("1").await;
        b.warm("1").await;
        let (status, _) = b.send(method, "1").await;
        assert!(status.is_server_error() || status.is_client_error());
        let version = database.read("1");
        assert_eq!(b.get("1").await.version, version, "{method}");
        a.fresh("1", version, now()).await;
    }
}

#[tokio::test]
async fn a_panic_after_the_commit_is_no_excuse() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let [a, b] = pair(&server.url(), &server.url(), &database).await;
    a.warm("1").await;
    b.warm("1").await;
    let panicking = {
        let b = b.clone();
        spawn(async move { b.send("DELETE", "1").await })
    };
    assert!(
        panicking.await.unwrap_err().is_panic(),
        "the panic is the client's"
    );
    let version = database.read("1");
    assert_eq!(version, 1);
    assert_eq!(b.get("1").await.version, version);
    a.fresh("1", version, now()).await;
}

/// Cause: a client sends a PUT and hangs up while the handler runs. Effect: the
/// server drops the request's future after the commit, and with it the response
/// that says what became stale. So writes run in a task of the cache.
#[tokio::test]
async fn a_put_whose_socket_closes_after_the_commit_is_gone_everywhere() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let [a, b] = pair(&server.url(), &server.url(), &database).await;
    let (committed, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let handler = {
        let (database, committed, go_on) = (database.clone(), committed.clone(), go_on.clone());
        move || async move {
            database.write("1");
            committed.notify_one();
            go_on.notified().await;
        }
    };
    let app = Router::new()
        .route("/item/1", put(handler))
        .layer(b.cache.layer());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = spawn(async move { axum::serve(listener, app).await });
    for expected in 1..=5 {
        a.warm("1").await;
        b.warm("1").await;
        let mut socket = TcpStream::connect(address).await.unwrap();
        socket
            .write_all(b"PUT /item/1 HTTP/1.1\r\nhost: shop\r\ncontent-length: 0\r\n\r\n")
            .await
            .unwrap();
        committed.notified().await;
        socket.set_zero_linger().unwrap();
        drop(socket);
        go_on.notify_one();
        eventually("fresh on the instance itself", PATIENCE, async || {
            (b.get("1").await.version == expected).then_some(())
        })
        .await;
        a.fresh("1", expected, now()).await;
    }
    serving.abort();
}

#[tokio::test]
async fn a_queue_that_overflows_becomes_everything() {
    let (mut server, database) = (RedisServer::start(&[]), Database::default());
    let [a, b] = pair(&server.url(), &server.url(), &database).await;
    a.warm("1").await;
    server.kill();
    b.until("trouble", |stats| stats.bus.sync_failures > 0)
        .await;
    let version = database.write("1");
    b.cache.invalidate_now(Invalidate::path("/item/1"));
    for tag in 0..200_000 {
        b.cache
            .invalidate_now(Invalidate::tag(format!("tag-{tag}")));
    }
    assert!(
        b.cache.stats().bus.outbox < 100_000,
        "bounded: {}",
        b.cache.stats().bus.outbox
    );
    server.restart();
    b.until("an empty outbox", |stats| stats.bus.outbox == 0)
        .await;
    a.fresh("1", version, now()).await;
}

#[tokio::test]
async fn the_last_handle_to_go_ends_the_background_work() {
    let (server, database) = (RedisServer::start(&[]), Database::default());
    let Instance { cache, app, .. } = Instance::start(&server.url(), &database);
    cache.coherent().await.unwrap();
    let connected = || {
        server
            .cli(&["CLIENT", "LIST", "TYPE", "pubsub"])
            .lines()
            .count()
    };
    eventually("a listener", PATIENCE, async || {
        (connected() == 1).then_some(())
    })
    .await;
    drop(cache);
    drop(app);
    eventually("no listener", PATIENCE, async || {
        (connected() == 0).then_some(())
    })
    .await;
}
