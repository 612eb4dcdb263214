//! Unary gRPC methods that read, over real connections.

use crate::grpc_rig::{
    Client, Raw, SAY, Words, asking, cache, cache_of, frame, minutely, says, serve, serve_plainly,
    word,
};
use crate::held::eventually;
use http::HeaderMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tonic::metadata::MetadataValue;
use tonic::{Code, Request, Response, Status};
use tower_coherence::bus::Local;
use tower_coherence::policy::{Authorization, Inputs, WritePolicy};
use tower_coherence::{Cache, CacheContext, RouteTable, Tag};

fn refused(cache: &Cache, reason: &str) -> u64 {
    cache.stats().refusals.get(reason).copied().unwrap_or(0)
}

fn bypassed(cache: &Cache, reason: &str) -> u64 {
    cache.stats().bypasses.get(reason).copied().unwrap_or(0)
}

#[tokio::test]
async fn a_method_that_is_named_is_answered_from_memory_by_its_message() {
    let (cache, words) = (cache(says()), Words::new());
    let server = serve(&cache, &words).await;
    let mut client = Client::of(&server).await;
    for _ in 0..3 {
        assert_eq!(client.say("one").await, "one 1");
    }
    for _ in 0..3 {
        assert_eq!(client.say("two").await, "two 2");
    }
    let stats = cache.stats();
    assert_eq!((stats.hits, stats.fills, stats.stored), (4, 2, 2));
    // A read is no write, and invalidates nothing.
    assert_eq!((stats.writes, stats.invalidations), (0, 1));
    // What is not named runs each time, and may have written.
    for run in 3..5 {
        let said = client.call("/words.Words/Put", asking("x", &[])).await;
        assert_eq!(said.unwrap().into_inner().text, format!("x {run}"));
    }
    assert_eq!(cache.stats().writes, 2);
}

#[tokio::test]
async fn an_error_is_each_calls_own_and_never_stored() {
    let well = Arc::new(AtomicBool::new(false));
    let is_well = well.clone();
    let words = Words::saying(move |run, _| {
        let well = is_well.load(Ordering::SeqCst);
        Box::pin(async move {
            if well {
                return Ok(Response::new(word(format!("run {run}"))));
            }
            let code = if run % 2 == 0 {
                Code::NotFound
            } else {
                Code::Unavailable
            };
            Err(Status::with_details(
                code,
                format!("run {run}"),
                "why".into(),
            ))
        })
    });
    let cache = cache(says());
    let server = serve(&cache, &words).await;
    let mut client = Client::of(&server).await;
    for run in 1..=3 {
        let failed = client.call(SAY, asking("a", &[])).await.unwrap_err();
        assert_eq!(failed.message(), format!("run {run}"));
        assert_eq!(failed.details(), b"why");
    }
    assert_eq!(
        (refused(&cache, "grpc-status"), cache.stats().stored),
        (3, 0)
    );
    well.store(true, Ordering::SeqCst);
    // Another message, of which nothing is known yet.
    assert_eq!(client.say("b").await, "run 4");
    assert_eq!(client.say("b").await, "run 4");
}

/// The method in trouble says nothing of the key; that there is nothing does.
#[tokio::test]
async fn trouble_does_not_keep_the_next_answer_out_of_the_store() {
    let words = Words::saying(|run, request| {
        Box::pin(async move {
            match (run, request.get_ref().text.as_str()) {
                (1, _) => Err(Status::unavailable("")),
                (_, "none") => Err(Status::not_found("")),
                _ => Ok(Response::new(word(format!("run {run}")))),
            }
        })
    });
    let cache = cache(says());
    let server = serve(&cache, &words).await;
    let mut client = Client::of(&server).await;
    assert_eq!(client.fails("a").await, Code::Unavailable);
    assert_eq!(client.say("a").await, "run 2");
    assert_eq!(client.say("a").await, "run 2");
    assert_eq!(client.fails("none").await, Code::NotFound);
    assert_eq!(client.fails("none").await, Code::NotFound);
    assert_eq!(cache.stats().stored, 1);
}

#[tokio::test]
async fn metadata_that_is_not_named_is_hidden_and_named_one_is_in_the_key() {
    let routes = RouteTable::builder().rpc_read(SAY, minutely().headers(Inputs::key(["x-tenant"])));
    let (cache, words) = (cache(routes), Words::new());
    let server = serve(&cache, &words).await;
    let mut client = Client::of(&server).await;
    let calls = [
        (
            &[("x-tenant", "a"), ("x-user", "1"), ("cookie", "s=1")][..],
            "w 1",
        ),
        (&[("x-tenant", "a"), ("x-user", "2")], "w 1"),
        (&[("x-tenant", "b"), ("grpc-timeout", "50S")], "w 2"),
        (
            &[("if-none-match", "*"), ("cache-control", "no-store")],
            "w 3",
        ),
        (&[("traceparent", "x"), ("range", "bytes=0-0")], "w 3"),
    ];
    for (metadata, expected) in calls {
        let said = client.call(SAY, asking("w", metadata)).await.unwrap();
        assert_eq!(said.into_inner().text, expected, "{metadata:?}");
        let heard = words.heard();
        let mut names: Vec<_> = heard.keys().map(http::HeaderName::as_str).collect();
        names.retain(|name| !["te", "content-type", "x-tenant"].contains(name));
        assert!(names.is_empty(), "{names:?}");
    }
    // A method that only writes sees all of it.
    let put = asking("w", &[("x-user", "1")]);
    client.call("/words.Words/Put", put).await.unwrap();
    assert_eq!(words.heard()["x-user"], "1");
}

#[tokio::test]
async fn credentials_are_lifted_only_with_proof() {
    #[derive(Clone)]
    struct Caller;
    let words = Words::new();
    let checked = minutely()
        .authorization(Authorization::AlreadyChecked)
        .requires::<Caller>();
    for (policy, runs) in [(minutely(), 4), (checked, 1)] {
        let cache = cache(RouteTable::builder().rpc_read(SAY, policy));
        let (layer, inner) = (cache.layer().resume(tonic::body::Body::new), words.clone());
        let check = |mut request: Request<()>| {
            if request.metadata().get("authorization").is_none() {
                return Err(Status::unauthenticated(""));
            }
            request.extensions_mut().insert(Caller);
            Ok(request)
        };
        let serve = |listener| async move {
            let router = tonic::transport::Server::builder()
                .layer(tonic::service::InterceptorLayer::new(check))
                .layer(layer)
                .add_service(inner);
            let incoming = tonic::transport::server::TcpIncoming::from(listener);
            router.serve_with_incoming(incoming).await.unwrap();
        };
        let server = crate::wire::Server::new(serve).await;
        let mut client = Client::of(&server).await;
        let before = words.runs();
        for user in ["a", "b", "a", "b"] {
            let request = asking("w", &[("authorization", user)]);
            client.call(SAY, request).await.unwrap();
        }
        assert_eq!(words.runs() - before, runs);
        assert_eq!(client.fails("w").await, Code::Unauthenticated);
    }
}

/// Without what a server adds by itself.
fn sorted(headers: &HeaderMap) -> Vec<(String, Vec<u8>)> {
    let lines = headers.iter().filter(|(name, _)| *name != "date");
    let pair = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        (name.to_string(), value.as_bytes().to_vec())
    };
    let mut lines: Vec<_> = lines.map(pair).collect();
    lines.sort();
    lines
}

#[tokio::test]
async fn what_comes_from_memory_is_byte_for_byte_what_the_method_says() {
    let words = Words::saying(|_, request| {
        Box::pin(async move {
            let mut response = Response::new(word("same"));
            let metadata = response.metadata_mut();
            metadata.insert("x-one", MetadataValue::from_static("1"));
            metadata.append("x-two", MetadataValue::from_static("a"));
            metadata.append("x-two", MetadataValue::from_static("b"));
            metadata.insert_bin("x-bin", MetadataValue::from_bytes(b"\x00\xff"));
            drop(request);
            Ok(response)
        })
    });
    let cache = cache(says());
    let server = serve(&cache, &words).await;
    let plainly = serve_plainly(&words).await;
    let mut plain = Raw::of(&plainly).await;
    let mut cached = Raw::of(&server).await;
    let message = frame(0, b"\x0a\x01w");
    let expected = plain.send(&[], message.clone()).await;
    for _ in 0..3 {
        let came = cached.send(&[], message.clone()).await;
        assert_eq!((came.status, &came.body), (200, &expected.body));
        assert_eq!(sorted(&came.headers), sorted(&expected.headers));
        let trailers = came.trailers.as_ref().unwrap();
        assert_eq!(
            sorted(trailers),
            sorted(expected.trailers.as_ref().unwrap())
        );
        assert_eq!(trailers["grpc-status"], "0");
    }
    assert_eq!((cache.stats().hits, words.runs()), (2, 2));
}

#[tokio::test]
async fn a_write_on_another_instance_reaches_what_is_stored_also_when_it_fails() {
    let words = Words::saying(|run, request| {
        Box::pin(async move {
            match request.get_ref().text.as_str() {
                "fail" => Err(Status::internal("after the commit")),
                "noted" => {
                    let cache = CacheContext::from_extensions(request.extensions()).unwrap();
                    cache.invalidate(Tag::new("words"));
                    Err(Status::invalid_argument("also after the commit"))
                }
                text => Ok(Response::new(word(format!("{text} {run}")))),
            }
        })
    });
    let bus = Local::new();
    let table = || {
        RouteTable::builder()
            .rpc_read(SAY, minutely().tags("words"))
            .rpc_write("/words.Words/Put", WritePolicy::new().tags("words"))
    };
    let mut clients = Vec::new();
    let caches = [(); 2].map(|()| cache_of(Cache::builder().bus(bus.clone()), table()));
    let mut servers = Vec::new();
    for cache in &caches {
        let server = serve(cache, &words).await;
        clients.push(Client::of(&server).await);
        servers.push(server);
    }
    for text in ["new", "fail"] {
        let before = clients[0].say("w").await;
        assert_eq!(clients[0].say("w").await, before);
        let put = asking(text, &[]);
        let _ = clients[1].call("/words.Words/Put", put).await;
        eventually(|| caches[0].stats().invalidations >= caches[1].stats().invalidations).await;
        assert_ne!(clients[0].say("w").await, before);
    }
    // What only the method knows, of a method that the table does not name as a write.
    let before = clients[0].say("w").await;
    let applied = caches[0].stats().invalidations;
    assert_eq!(clients[1].fails("noted").await, Code::InvalidArgument);
    eventually(|| caches[0].stats().invalidations > applied).await;
    assert_ne!(clients[0].say("w").await, before);
}

#[tokio::test]
async fn a_layer_that_cannot_resume_says_so_and_passes_calls_on() {
    let (cache, words) = (cache(says()), Words::new());
    let (layer, inner) = (cache.layer(), words.clone());
    let serve = |listener| async move {
        let mut server = tonic::transport::Server::builder().layer(layer);
        let incoming = tonic::transport::server::TcpIncoming::from(listener);
        let router = server.add_service(inner);
        router.serve_with_incoming(incoming).await.unwrap();
    };
    let server = crate::wire::Server::new(serve).await;
    let mut client = Client::of(&server).await;
    assert_eq!(client.say("w").await, "w 1");
    assert_eq!(client.say("w").await, "w 2");
    assert_eq!(bypassed(&cache, "no-resume"), 2);
    let mistakes = cache.health().mistakes;
    assert_eq!(mistakes.len(), 1);
    assert!(mistakes[0].contains(SAY) && mistakes[0].contains("CacheLayer::resume"));
}

#[tokio::test]
async fn metadata_of_the_answer_may_shorten_its_life_or_forbid_it() {
    let words = Words::saying(|run, request| {
        let text = request.into_inner().text;
        let mut response = Response::new(word(format!("run {run}")));
        let value = MetadataValue::try_from(&text).unwrap();
        response.metadata_mut().insert("cache-control", value);
        Box::pin(async { Ok(response) })
    });
    let clock = tower_coherence::test_util::Clock::new();
    let cache = cache_of(Cache::builder().clock(clock.clone()), says());
    let server = serve(&cache, &words).await;
    let mut client = Client::of(&server).await;
    for text in ["no-store", "private"] {
        assert_ne!(client.say(text).await, client.say(text).await, "{text}");
    }
    for (text, lives) in [("max-age=10", 10), ("max-age=600", 60)] {
        let first = client.say(text).await;
        clock.advance(Duration::from_secs(lives - 1));
        eventually(|| cache.health().coherent).await;
        assert_eq!(client.say(text).await, first, "{text}");
        clock.advance(Duration::from_secs(1));
        eventually(|| cache.health().coherent).await;
        assert_ne!(client.say(text).await, first, "{text}");
    }
}

#[test]
fn a_table_with_methods_says_what_is_wrong_with_them() {
    use tower_coherence::Policy;
    let writes = WritePolicy::new;
    let table = RouteTable::builder()
        .rpc_read("/Say", minutely())
        .rpc_read("/a.B/Headers", Policy::from_headers())
        .rpc_read("/a.B/Twice", minutely())
        .rpc_read("/a.B/Twice", minutely())
        .rpc_read("/a.B/Both", minutely())
        .rpc_read("/a.B/Hole", minutely().tags("word:{id}"))
        .rpc_read("/a.B/Off", Policy::bypass())
        .rpc_write("/a.B/Both", writes())
        .rpc_write("a.B/Put", writes())
        .rpc_write("/a.B/Put", writes().tags("word:{id}"));
    let told = table.build().unwrap_err().to_string();
    for line in [
        "rpc_read \"/Say\": a gRPC method is written `/package.Service/Method`",
        "rpc_read \"/a.B/Headers\": a gRPC call has no lifetime",
        "rpc_read \"/a.B/Twice\": it is there twice",
        "rpc_read \"/a.B/Both\": it is also a write",
        "rpc_write \"a.B/Put\": a gRPC method is written `/package.Service/Method`",
    ] {
        assert!(told.contains(line), "{line}: {told}");
    }
    assert_eq!(told.matches("/a.B/Hole").count(), 1, "{told}");
    assert!(!told.contains("/a.B/Off"), "{told}");
    let table = says().rpc_write("/words.Words/Put", writes()).build();
    let table = RouteTable::builder().nest("/api", table.unwrap()).build();
    let table = table.unwrap();
    let post = http::Method::POST;
    for path in ["/api/words.Words/Say", "/api/words.Words/Put"] {
        assert_eq!(table.pattern_of(&post, path), Some(path));
    }
    assert_eq!(
        table.pattern_of(&http::Method::GET, "/api/words.Words/Say"),
        None
    );
}
