//! Writes: when a write's response leaves, what it made stale is gone, and so it
//! is however the write ends.

use crate::held::{Call, Shop, body, eventually, fed, plain, read, settle, spring, with_status};
use crate::support::request;
use futures_util::poll;
use http::HeaderValue;
use std::time::Duration;
use tower::ServiceExt;
use tower_coherence::test_util::Clock;
use tower_coherence::{Cache, Event, Invalidate, Policy, Tag};

/// Sends a write and answers it so.
async fn write(shop: &mut Shop, method: &str, uri: &str, answer: impl FnOnce(Call)) -> u16 {
    let asked = shop.ask(request(method, uri));
    answer(shop.origin.next().await);
    asked.await.unwrap().unwrap().status
}

/// Whether what was stored as "old" is still served.
async fn is_served(shop: &mut Shop, uri: &str) -> bool {
    match shop.see(uri, "new").await.as_str() {
        "old" => true,
        "new" => false,
        other => panic!("{other}"),
    }
}

fn with_field(name: &'static str, value: &'static str) -> impl FnOnce(Call) {
    move |call| {
        let mut response = plain("done");
        let value = HeaderValue::from_static(value);
        response.headers_mut().insert(name, value);
        call.answer(response);
    }
}

#[tokio::test]
async fn when_the_response_of_a_write_leaves_its_path_is_fresh_for_the_next_reader() {
    let methods = [
        "PUT", "POST", "PATCH", "DELETE", "PURGE", "M-SEARCH", "put", "GETT",
    ];
    for method in methods {
        let mut shop = Shop::new();
        for uri in ["/a", "/a?page=2", "/%61", "/a/b"] {
            shop.fill(uri, "old").await;
        }
        write(&mut shop, method, "/a?x", |call| call.answer(plain("done"))).await;
        for uri in ["/a", "/a?page=2", "/%61"] {
            assert!(!is_served(&mut shop, uri).await, "{method} {uri}");
        }
        assert!(is_served(&mut shop, "/a/b").await, "{method}");
    }
}

#[tokio::test]
async fn a_read_while_the_write_runs_is_answered_as_before_it_and_not_afterwards() {
    let mut shop = Shop::new();
    shop.fill("/a", "old").await;
    let put = shop.ask(request("PUT", "/a"));
    let call = shop.origin.next().await;
    assert!(is_served(&mut shop, "/a").await);
    call.answer(plain("done"));
    body(put).await;
    assert!(!is_served(&mut shop, "/a").await);
}

#[tokio::test]
async fn what_a_write_names_by_its_fields_is_gone_too() {
    for (name, value) in [
        ("location", "/b"),
        ("location", "b?x"),
        ("content-location", "http://SHOP.example:80/%62"),
        ("cache-group-invalidation", "\"g\", \"h\";x"),
    ] {
        let mut shop = Shop::new();
        let filled = shop.get("/b");
        let groups = HeaderValue::from_static("\"h\"");
        let mut response = crate::held::fresh("old");
        response.headers_mut().insert("cache-groups", groups);
        shop.origin.next().await.answer(response);
        body(filled).await;
        assert!(is_served(&mut shop, "/b").await);
        write(&mut shop, "POST", "/a", with_field(name, value)).await;
        assert!(!is_served(&mut shop, "/b").await, "{name}: {value}");
    }
}

#[tokio::test]
async fn a_location_elsewhere_and_a_field_that_is_no_list_leave_the_rest_alone() {
    for (name, value) in [
        ("location", "http://other.example/b"),
        ("location", "https://shop.example/b"),
        ("cache-group-invalidation", "g"),
        ("cache-group-invalidation", "\"g"),
        ("location", "::::"),
    ] {
        let mut shop = Shop::new();
        shop.fill("/b", "old").await;
        write(&mut shop, "POST", "/a", with_field(name, value)).await;
        assert!(is_served(&mut shop, "/b").await, "{name}: {value}");
    }
}

#[tokio::test]
async fn tags_of_a_write_count_from_its_context_and_from_its_response() {
    let policy = || Policy::from_headers().tags(["t"]);
    let marks: [fn(Call); 3] = [
        |call| {
            call.context().invalidate(Tag::new("t"));
            call.answer(plain("done"));
        },
        |call| {
            let mut response = plain("done");
            Invalidate::tag("t").add_to(response.extensions_mut());
            call.answer(response);
        },
        |call| {
            let mut response = plain("done");
            response.extensions_mut().insert(Invalidate::tag("t"));
            call.answer(response);
        },
    ];
    for mark in marks {
        let mut shop = Shop::of(Cache::local(), policy());
        shop.fill("/b", "old").await;
        write(&mut shop, "POST", "/a", mark).await;
        assert!(!is_served(&mut shop, "/b").await);
    }
}

#[tokio::test]
async fn what_a_write_made_stale_is_told_before_its_response_leaves() {
    let mut shop = Shop::new();
    shop.cache.coherent().await.unwrap();
    let mut events = shop.cache.events();
    write(&mut shop, "PUT", "/a", |call| call.answer(plain("done"))).await;
    let event = futures_util::FutureExt::now_or_never(events.next()).unwrap();
    assert_eq!(
        event,
        Some(Event::Invalidated(Invalidate::path("/a").into()))
    );
}

/// The runtime polls the client first, whenever it has a choice.
#[test]
fn no_response_leaves_before_what_it_made_stale_is_gone() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .event_interval(1)
        .build()
        .unwrap();
    for method in ["PUT", "GET", "OPTIONS"] {
        runtime.block_on(async {
            let mut shop = Shop::new();
            shop.fill("/b", "old").await;
            let mut asked = Box::pin(shop.app.clone().oneshot(request(method, "/a")));
            assert!(poll!(asked.as_mut()).is_pending());
            let call = shop.origin.next().await;
            call.context().invalidate(Invalidate::path("/b"));
            call.answer(plain("done"));
            asked.await.unwrap();
            let next = shop.app.clone().oneshot(request("GET", "/b"));
            assert!(
                poll!(Box::pin(next).as_mut()).is_pending(),
                "{method}: a hit"
            );
        });
    }
}

#[tokio::test]
async fn only_a_client_error_leaves_the_own_path_alone() {
    for (status, stays) in [
        (200, false),
        (204, false),
        (303, false),
        (304, false),
        (500, false),
        (503, false),
        (599, false),
        (999, false),
        (400, true),
        (404, true),
        (409, true),
        (499, true),
    ] {
        let mut shop = Shop::new();
        shop.fill("/a", "old").await;
        let answered = write(&mut shop, "PUT", "/a", |call| {
            call.answer(with_status(status));
        });
        assert_eq!(answered.await, status);
        assert_eq!(is_served(&mut shop, "/a").await, stays, "{status}");
    }
}

#[tokio::test]
async fn what_is_noted_counts_also_when_the_write_is_refused() {
    for status in [400, 409, 500] {
        let mut shop = Shop::new();
        shop.fill("/b", "old").await;
        shop.fill("/c", "old").await;
        write(&mut shop, "PUT", "/a", |call| {
            call.context().invalidate(Invalidate::path("/b"));
            let mut response = with_status(status);
            Invalidate::path("/c").add_to(response.extensions_mut());
            call.answer(response);
        })
        .await;
        assert!(!is_served(&mut shop, "/b").await, "{status}");
        assert!(!is_served(&mut shop, "/c").await, "{status}");
    }
}

#[tokio::test]
async fn a_write_that_fails_or_panics_may_have_committed_and_invalidates() {
    for end in [Call::fail as fn(Call), Call::panic] {
        let mut shop = Shop::new();
        shop.fill("/a", "old").await;
        shop.fill("/b", "old").await;
        let asked = shop.ask(request("PUT", "/a"));
        let call = shop.origin.next().await;
        call.context().invalidate(Invalidate::path("/b"));
        end(call);
        match asked.await {
            Ok(answer) => assert_eq!(answer.unwrap_err(), crate::held::Failure),
            Err(ended) => {
                let panic = ended.into_panic();
                assert_eq!(panic.downcast_ref(), Some(&"the handler panics"));
            }
        }
        assert!(!is_served(&mut shop, "/a").await);
        assert!(!is_served(&mut shop, "/b").await);
    }
}

#[tokio::test]
async fn a_write_runs_to_its_end_when_its_client_has_gone() {
    for end in [
        Call::fail as fn(Call),
        Call::panic,
        |call| call.answer(plain("done")),
        |call| call.answer(with_status(500)),
    ] {
        let mut shop = Shop::new();
        shop.fill("/a", "old").await;
        let asked = shop.ask(request("PUT", "/a"));
        let mut call = shop.origin.next().await;
        asked.abort();
        settle().await;
        assert!(poll!(std::pin::pin!(call.dropped())).is_pending());
        // What it will commit is not there yet: nothing is stale so far.
        assert!(is_served(&mut shop, "/a").await);
        end(call);
        settle().await;
        assert!(!is_served(&mut shop, "/a").await);
    }
}

#[tokio::test]
async fn a_refused_write_whose_client_has_gone_leaves_the_own_path_alone() {
    let mut shop = Shop::new();
    shop.fill("/a", "old").await;
    let asked = shop.ask(request("PUT", "/a"));
    let call = shop.origin.next().await;
    asked.abort();
    call.answer(with_status(409));
    settle().await;
    assert!(is_served(&mut shop, "/a").await);
}

#[tokio::test]
async fn a_write_that_is_given_up_after_its_client_has_gone_invalidates() {
    let clock = Clock::new();
    let cache = Cache::builder().clock(clock.clone()).build().unwrap();
    let mut shop = Shop::of(cache, Policy::from_headers());
    for uri in ["/a", "/b"] {
        shop.fill(uri, "old").await;
    }
    let asked = shop.ask(request("PUT", "/a"));
    let mut call = shop.origin.next().await;
    call.context().invalidate(Invalidate::path("/b"));
    // As long as the client waits, so does the write.
    clock.advance(Duration::from_secs(40));
    settle().await;
    asked.abort();
    settle().await;
    clock.advance(Duration::from_secs(19));
    settle().await;
    assert!(poll!(std::pin::pin!(call.dropped())).is_pending());
    assert!(is_served(&mut shop, "/a").await);
    clock.advance(Duration::from_secs(11));
    call.dropped().await;
    for uri in ["/a", "/b"] {
        assert_eq!(shop.see(uri, "new").await, "new", "{uri}");
    }
}

#[tokio::test]
async fn above_max_fills_a_write_runs_inline_and_invalidates_however_it_ends() {
    let cache = Cache::builder().max_fills(1).build().unwrap();
    let mut shop = Shop::of(cache, Policy::from_headers());
    for uri in ["/failed", "/panicked", "/answered", "/dropped"] {
        shop.fill(uri, "old").await;
    }
    let _held = shop.ask(request("PUT", "/held"));
    let _holder = shop.origin.next().await;
    for (uri, end) in [
        ("/failed", Call::fail as fn(Call)),
        ("/panicked", Call::panic),
        ("/answered", |call| call.answer(plain("done"))),
    ] {
        let asked = shop.ask(request("PUT", uri));
        end(shop.origin.next().await);
        let _ = asked.await;
        assert!(!is_served(&mut shop, uri).await, "{uri}");
    }
    let asked = shop.ask(request("PUT", "/dropped"));
    let mut call = shop.origin.next().await;
    asked.abort();
    call.dropped().await;
    assert!(!is_served(&mut shop, "/dropped").await);
}

#[tokio::test]
async fn the_body_of_a_writes_response_is_the_clients_own_and_read_on_demand() {
    let mut shop = Shop::new();
    let asked = shop.head(request("POST", "/a"));
    let (flow, endless) = spring(10);
    shop.origin
        .next()
        .await
        .answer(http::Response::new(endless));
    let mut response = asked.await.unwrap().unwrap();
    settle().await;
    assert_eq!(flow.made(), 0);
    assert_eq!(crate::held::chunk(&mut response).await.unwrap().len(), 10);
    drop(response);
    assert!(flow.is_dropped());
}

#[tokio::test]
async fn a_write_whose_response_streams_invalidates_at_its_head() {
    let mut shop = Shop::new();
    shop.fill("/a", "old").await;
    let asked = shop.head(request("POST", "/a"));
    let (feed, streamed) = fed();
    shop.origin
        .next()
        .await
        .answer(http::Response::new(streamed));
    let response = asked.await.unwrap().unwrap();
    assert!(!is_served(&mut shop, "/a").await);
    feed.data("rest");
    drop(feed);
    assert_eq!(read(response).await.unwrap().text, "rest");
}

#[tokio::test]
async fn a_post_is_never_answered_from_memory_nor_stored() {
    let mut shop = Shop::new();
    shop.fill("/a", "old").await;
    for _ in 0..2 {
        let done = write(&mut shop, "POST", "/a", |call| {
            call.answer(crate::held::fresh("posted"));
        });
        assert_eq!(done.await, 200);
    }
    assert!(!is_served(&mut shop, "/a").await);
    assert_eq!(shop.cache.stats().writes, 2);
}

#[tokio::test]
async fn a_grpc_call_invalidates_what_it_notes_and_not_its_path() {
    let mut shop = Shop::new();
    shop.fill("/shop.Shop/Rename", "old").await;
    shop.fill("/b", "old").await;
    let mut rpc = request("POST", "/shop.Shop/Rename");
    let kind = HeaderValue::from_static("application/grpc");
    rpc.headers_mut().insert("content-type", kind);
    let asked = shop.ask(rpc);
    let call = shop.origin.next().await;
    call.context().invalidate(Invalidate::path("/b"));
    let mut answer = plain("");
    let kind = HeaderValue::from_static("application/grpc+proto");
    answer.headers_mut().insert("content-type", kind);
    call.answer(answer);
    body(asked).await;
    assert!(is_served(&mut shop, "/shop.Shop/Rename").await);
    assert!(!is_served(&mut shop, "/b").await);
}

/// Any client can say that its request is a gRPC call.
#[tokio::test]
async fn a_write_that_only_says_it_is_grpc_invalidates_its_path() {
    let mut shop = Shop::new();
    shop.fill("/a", "old").await;
    let mut write = request("POST", "/a");
    let kind = HeaderValue::from_static("application/grpc");
    write.headers_mut().insert("content-type", kind);
    let asked = shop.ask(write);
    shop.origin.next().await.answer(plain("done"));
    body(asked).await;
    assert!(!is_served(&mut shop, "/a").await);
}

#[tokio::test]
async fn a_write_to_a_bypassed_route_invalidates_what_other_layers_stored() {
    let mut shop = Shop::new();
    shop.fill("/a", "old").await;
    let mut other = Shop::of(shop.cache.clone(), Policy::bypass());
    write(&mut other, "PUT", "/a", |call| call.answer(plain("done"))).await;
    assert!(!is_served(&mut shop, "/a").await);
}

mod over_tcp {
    use super::*;
    use axum::Router;
    use axum::extract::{Path, Request, State};
    use axum::middleware::{Next, from_fn_with_state};
    use axum::response::Response;
    use axum::routing::get;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    use tokio::io::AsyncWriteExt;
    use tokio::net::{TcpListener, TcpStream};
    use tokio::sync::Semaphore;

    const PUTS: usize = 20;

    #[derive(Clone)]
    struct Server {
        /// How many PUTs have committed, and wait.
        committed: Arc<AtomicUsize>,
        /// How many requests were dropped before they were answered.
        gone: Arc<AtomicUsize>,
        /// Closed until all clients have gone.
        gate: Arc<Semaphore>,
    }

    struct Guard(Option<Arc<AtomicUsize>>);

    impl Drop for Guard {
        fn drop(&mut self) {
            if let Some(gone) = &self.0 {
                gone.fetch_add(1, SeqCst);
            }
        }
    }

    async fn watch(State(server): State<Server>, request: Request, next: Next) -> Response {
        let mut guard = Guard(Some(server.gone));
        let response = next.run(request).await;
        guard.0 = None;
        response
    }

    async fn put(State(server): State<Server>, Path(_): Path<usize>) {
        server.committed.fetch_add(1, SeqCst);
        let _ = server.gate.acquire().await;
    }

    async fn show() -> ([(&'static str, &'static str); 1], &'static str) {
        ([("cache-control", "max-age=60")], "shown")
    }

    #[tokio::test]
    async fn twenty_puts_whose_socket_closes_after_the_commit_all_invalidate() {
        let cache = Cache::local();
        let server = Server {
            committed: Arc::default(),
            gone: Arc::default(),
            gate: Arc::new(Semaphore::new(0)),
        };
        let app = Router::new()
            .route("/{id}", get(show).put(put))
            .layer(cache.layer())
            .layer(from_fn_with_state(server.clone(), watch))
            .with_state(server.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = app.clone();
        let serving = crate::held::spawn(async move { axum::serve(listener, serving).await });
        for id in 0..PUTS {
            crate::support::get(&app, &format!("/{id}")).await;
        }
        let mut sockets = Vec::new();
        for id in 0..PUTS {
            let mut socket = TcpStream::connect(address).await.unwrap();
            let head =
                format!("PUT /{id} HTTP/1.1\r\nhost: shop.example\r\ncontent-length: 0\r\n\r\n");
            socket.write_all(head.as_bytes()).await.unwrap();
            sockets.push(socket);
        }
        eventually(|| server.committed.load(SeqCst) == PUTS).await;
        drop(sockets);
        eventually(|| server.gone.load(SeqCst) == PUTS).await;
        let before = cache.stats().invalidations;
        assert_eq!(before, 1, "everything, at the start");
        server.gate.close();
        eventually(|| cache.stats().invalidations == before + PUTS as u64).await;
        let fills = cache.stats().fills;
        for id in 0..PUTS {
            crate::support::get(&app, &format!("/{id}")).await;
        }
        assert_eq!(cache.stats().fills, fills + PUTS as u64);
        serving.abort();
    }
}
