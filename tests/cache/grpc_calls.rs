//! What else may come as a call of a method that reads: streams, garbage, the compressed,
//! the large and the late.

use crate::grpc_rig::{Client, Raw, SAY, Words, asking, cache, cache_of, frame, says, serve, word};
use crate::held::{Calls, Origin, eventually, origin as held, read, settle, spawn, whole};
use bytes::Bytes;
use http::Response;
use http_body_util::{BodyExt, Full, StreamBody};
use std::time::Duration;
use tokio::sync::mpsc;
use tonic::Code;
use tower::{Layer, ServiceExt};
use tower_coherence::test_util::Clock;
use tower_coherence::{Cache, CacheService, Resumed};

const GRPC: (&str, &str) = ("content-type", "application/grpc");

fn bypassed(cache: &Cache, reason: &str) -> u64 {
    cache.stats().bypasses.get(reason).copied().unwrap_or(0)
}

fn refused(cache: &Cache, reason: &str) -> u64 {
    cache.stats().refusals.get(reason).copied().unwrap_or(0)
}

#[tokio::test]
async fn compressed_and_plain_answers_have_keys_of_their_own() {
    let (cache, words) = (cache(says()), Words::new().gzip());
    let server = serve(&cache, &words).await;
    let mut plain = Client::of(&server).await;
    let mut gzip = plain.clone().gzip();
    for _ in 0..2 {
        assert_eq!(plain.say("w").await, "w 1");
        assert_eq!(gzip.say("w").await, "w 2");
    }
    assert_eq!(cache.stats().hits, 2);
    let mut raw = Raw::of(&server).await;
    let message = frame(0, b"\x0a\x01w");
    for accepts in ["gzip, identity", "Identity,gzip"] {
        let accepts = [("grpc-accept-encoding", accepts)];
        let came = raw.send(&accepts, message.clone()).await;
        assert_eq!(
            (came.headers["grpc-encoding"].as_bytes(), came.body[0]),
            (&b"gzip"[..], 1)
        );
    }
    assert_eq!(words.runs(), 3);
}

#[tokio::test]
async fn streams_pass_and_are_not_stored() {
    let methods = [SAY, "/words.Words/Many", "/words.Words/Join"];
    let mut table = tower_coherence::RouteTable::builder();
    for method in methods {
        table = table.rpc_read(method, crate::grpc_rig::minutely());
    }
    let (cache, words) = (cache(table), Words::new());
    let server = serve(&cache, &words).await;
    let mut client = Client::of(&server).await;
    for _ in 0..2 {
        assert_eq!(client.many("abc").await, ["a", "b", "c"]);
        let two = tokio_stream::iter([word("x"), word("y")]);
        assert!(client.join(two).await.starts_with("xy "));
    }
    assert_eq!((words.runs(), cache.stats().stored), (4, 0));
    assert_eq!(bypassed(&cache, "grpc-streaming"), 2);
    assert_eq!(refused(&cache, "grpc-streaming"), 2);
}

/// A client that waits for an answer before it says more.
#[tokio::test]
async fn a_call_that_stays_open_goes_on_to_its_method() {
    let method = "/words.Words/Join";
    let table = tower_coherence::RouteTable::builder();
    let clock = Clock::new();
    let cache = cache_of(
        Cache::builder().clock(clock.clone()),
        table.rpc_read(method, crate::grpc_rig::minutely()),
    );
    let words = Words::new();
    let server = serve(&cache, &words).await;
    let mut client = Client::of(&server).await;
    let (sender, receiver) = mpsc::unbounded_channel();
    sender.send(word("x")).unwrap();
    let stream = tokio_stream::wrappers::UnboundedReceiverStream::new(receiver);
    let joined = spawn(async move { client.join(stream).await });
    // The method has the call although it is not at its end.
    for _ in 0..100_000 {
        if words.runs() == 1 {
            break;
        }
        clock.advance(Duration::from_millis(1));
        tokio::task::yield_now().await;
    }
    assert_eq!((words.runs(), bypassed(&cache, "grpc-streaming")), (1, 1));
    sender.send(word("y")).unwrap();
    drop(sender);
    assert_eq!(joined.await.unwrap(), "xy 1");
}

#[tokio::test]
async fn large_messages_pass_and_large_answers_are_not_stored() {
    let words = Words::saying(|run, request| {
        let text = match request.get_ref().text.as_str() {
            "large" => "x".repeat(2_000_000),
            text => format!("{} {run}", text.len()),
        };
        Box::pin(async { Ok(tonic::Response::new(word(text))) })
    });
    let cache = cache(says());
    let server = serve(&cache, &words).await;
    let mut client = Client::of(&server).await;
    let long = "x".repeat(20_000);
    assert_eq!(client.say(&long).await, "20000 1");
    assert_eq!(client.say(&long).await, "20000 2");
    assert_eq!(bypassed(&cache, "grpc-too-long"), 2);
    let fits = "x".repeat(16_000);
    assert_eq!(client.say(&fits).await, "16000 3");
    assert_eq!(client.say(&fits).await, "16000 3");
    for _ in 0..2 {
        assert_eq!(client.say("large").await.len(), 2_000_000);
    }
    assert_eq!((words.runs(), refused(&cache, "body-too-long")), (5, 2));
}

#[tokio::test]
async fn garbage_is_counted_and_is_the_methods_to_answer() {
    let (cache, words) = (cache(says()), Words::new());
    let server = serve(&cache, &words).await;
    let mut raw = Raw::of(&server).await;
    let whole = frame(0, b"\x0a\x01w");
    for (body, reason) in [
        (Vec::new(), "grpc-message"),
        (vec![0, 0], "grpc-message"),
        (whole[..6].to_vec(), "grpc-message"),
        (frame(2, b"\x0a\x01w"), "grpc-message"),
        ([&whole[..], b"x"].concat(), "grpc-streaming"),
        (vec![0, 0xff, 0xff, 0xff, 0xff, 1], "grpc-too-long"),
    ] {
        let before = bypassed(&cache, reason);
        raw.send(&[], body.clone()).await;
        assert_eq!(bypassed(&cache, reason), before + 1, "{body:?}");
    }
    // A message that is none is the method's to refuse, and is a key as any.
    for _ in 0..2 {
        let came = raw.send(&[], frame(0, b"\xff\xff")).await;
        assert_ne!(came.headers["grpc-status"], "0");
    }
    assert_eq!(cache.stats().stored, 0);
    let mut client = Client::of(&server).await;
    assert!(client.say("w").await.starts_with("w "));
}

#[tokio::test]
async fn grpc_web_is_stored_where_it_is_translated_outside_and_not_inside() {
    use tonic_web::GrpcWebLayer;
    let web = [("content-type", "application/grpc-web+proto")];
    let message = frame(0, b"\x0a\x01w");
    for outside in [true, false] {
        let (cache, words) = (cache(says()), Words::new());
        let (layer, inner) = (cache.layer().resume(tonic::body::Body::new), words.clone());
        let serve = |listener| async move {
            let incoming = tonic::transport::server::TcpIncoming::from(listener);
            let server = tonic::transport::Server::builder().accept_http1(true);
            let served = if outside {
                let mut server = server.layer(GrpcWebLayer::new()).layer(layer);
                server
                    .add_service(inner)
                    .serve_with_incoming(incoming)
                    .await
            } else {
                let mut server = server.layer(layer).layer(GrpcWebLayer::new());
                server
                    .add_service(inner)
                    .serve_with_incoming(incoming)
                    .await
            };
            served.unwrap();
        };
        let server = crate::wire::Server::new(serve).await;
        let mut raw = Raw::of(&server).await;
        let first = raw.send(&web, message.clone()).await;
        let second = raw.send(&web, message.clone()).await;
        // The trailers are in the body.
        assert!(first.body.windows(14).any(|it| it == b"grpc-status:0\r"));
        assert_eq!(first.body == second.body, outside);
        assert_eq!(words.runs(), if outside { 1 } else { 2 });
        assert_eq!(bypassed(&cache, "grpc-web"), if outside { 0 } else { 2 });
    }
}

/// A held method behind a layer that reads calls.
struct Waiting {
    app: CacheService<Origin, fn(Resumed<axum::body::Body>) -> axum::body::Body>,
    calls: Calls,
    clock: Clock,
    cache: Cache,
}

type Asked = tokio::task::JoinHandle<(String, Option<String>)>;

impl Waiting {
    fn new() -> Self {
        let clock = Clock::new();
        let cache = cache_of(Cache::builder().clock(clock.clone()), says());
        let (service, calls) = held();
        let app = cache.layer().resume(axum::body::Body::new).layer(service);
        Self {
            app,
            calls,
            clock,
            cache,
        }
    }

    /// The answer's body, and the status that its head tells.
    fn ask(&self, timeout: Option<&str>) -> Asked {
        self.ask_with(timeout, axum::body::Body::from(frame(0, b"w")))
    }

    fn ask_with(&self, timeout: Option<&str>, body: axum::body::Body) -> Asked {
        let mut request = http::Request::post(format!("http://words.example{SAY}"));
        request = request.header(GRPC.0, GRPC.1).header("te", "trailers");
        if let Some(timeout) = timeout {
            request = request.header("grpc-timeout", timeout);
        }
        let asked = self.app.clone().oneshot(request.body(body).unwrap());
        spawn(async move {
            let response = asked.await.unwrap();
            let status = response.headers().get("grpc-status");
            let status = status.map(|status| status.to_str().unwrap().to_owned());
            (read(response).await.unwrap().text, status)
        })
    }

    async fn of(asked: Asked) -> (String, Option<String>) {
        eventually(|| asked.is_finished()).await;
        asked.await.unwrap()
    }
}

/// One message, whose text is readable as it stands, and a status behind it.
fn answer(text: &'static str, status: &'static str) -> Response<crate::held::OriginBody> {
    let mut trailers = http::HeaderMap::new();
    trailers.insert("grpc-status", status.parse().unwrap());
    let data = Bytes::from(frame(0, text.as_bytes()));
    let body = Full::from(data).with_trailers(async move { Some(Ok(trailers)) });
    let body = body.map_err(|never| match never {}).boxed_unsync();
    Response::builder()
        .header(GRPC.0, GRPC.1)
        .body(body)
        .unwrap()
}

/// In its head, as tonic says what failed.
fn failed(status: &'static str) -> Response<crate::held::OriginBody> {
    let response = Response::builder().header(GRPC.0, GRPC.1);
    response
        .header("grpc-status", status)
        .body(whole(""))
        .unwrap()
}

#[tokio::test]
async fn who_waits_gets_what_the_first_one_got_and_no_error_of_it() {
    let mut waiting = Waiting::new();
    let asked: Vec<_> = (0..4).map(|_| waiting.ask(None)).collect();
    // Each that fails, in its head or behind its message, hands over to the next.
    waiting.calls.next().await.answer(failed("14"));
    let call = waiting.calls.next().await;
    assert_eq!(waiting.calls.waiting().await, 0);
    call.answer(answer("lost", "14"));
    let call = waiting.calls.next().await;
    assert_eq!(waiting.calls.waiting().await, 0);
    call.answer(answer("well", "0"));
    let mut heard = Vec::new();
    for asked in asked {
        heard.push(Waiting::of(asked).await);
    }
    let text = |text: &str| (String::from_utf8(frame(0, text.as_bytes())).unwrap(), None);
    assert_eq!(heard[0], (String::new(), Some("14".to_owned())));
    assert_eq!(heard[1..], [text("lost"), text("well"), text("well")]);
    assert_eq!(waiting.cache.stats().stored, 1);
}

#[tokio::test]
async fn each_client_has_its_own_deadline_and_the_fill_goes_on() {
    let mut waiting = Waiting::new();
    let leader = waiting.ask(Some("2S"));
    let call = waiting.calls.next().await;
    assert!(!call.request.headers().contains_key("grpc-timeout"));
    let early = waiting.ask(Some("1S"));
    let patient = waiting.ask(None);
    settle().await;
    waiting.clock.advance(Duration::from_secs(1));
    let late = (String::new(), Some("4".to_owned()));
    assert_eq!(Waiting::of(early).await, late);
    settle().await;
    assert!(!leader.is_finished() && !patient.is_finished());
    waiting.clock.advance(Duration::from_secs(1));
    assert_eq!(Waiting::of(leader).await, late);
    settle().await;
    assert!(!patient.is_finished());
    call.answer(answer("well", "0"));
    let text = String::from_utf8(frame(0, b"well")).unwrap();
    assert_eq!(Waiting::of(patient).await, (text.clone(), None));
    // What it came to is there for all.
    assert_eq!(Waiting::of(waiting.ask(Some("1n"))).await, (text, None));
    assert_eq!(waiting.cache.stats().fills, 1);
}

#[tokio::test]
async fn a_real_client_has_its_deadline_and_the_next_one_the_answer() {
    let (release, held) = tokio::sync::watch::channel(false);
    let words = Words::saying(move |run, _| {
        let mut held = held.clone();
        Box::pin(async move {
            held.wait_for(|held| *held).await.unwrap();
            Ok(tonic::Response::new(word(format!("run {run}"))))
        })
    });
    let cache = cache(says());
    let server = serve(&cache, &words).await;
    let mut client = Client::of(&server).await;
    let mut request = asking("w", &[]);
    request.set_timeout(Duration::from_millis(20));
    let code = client.call(SAY, request).await.unwrap_err().code();
    // tonic's own clocks, in the client and in the server, say it in their words.
    assert!(
        matches!(code, Code::DeadlineExceeded | Code::Cancelled),
        "{code:?}"
    );
    release.send(true).unwrap();
    assert_eq!(client.say("w").await, "run 1");
    assert_eq!(client.say("w").await, "run 1");
    assert_eq!(words.runs(), 1);
}

#[tokio::test]
async fn a_call_whose_body_breaks_is_its_own_clients_matter() {
    let mut waiting = Waiting::new();
    let broken = [
        Ok(http_body::Frame::data(Bytes::from_static(&[0, 0, 0, 0, 9]))),
        Err(std::io::Error::other("reset")),
    ];
    let body = StreamBody::new(futures_util::stream::iter(broken));
    let asked = waiting.ask_with(None, axum::body::Body::new(body));
    let call = waiting.calls.next().await;
    // What was read comes first, then what broke it.
    let mut body = call.request.into_body();
    let begun = body.frame().await.unwrap().unwrap().into_data();
    assert_eq!(begun.unwrap(), Bytes::from_static(&[0, 0, 0, 0, 9]));
    assert!(body.frame().await.unwrap().is_err());
    asked.abort();
    let asked = waiting.ask(None);
    waiting.calls.next().await.answer(answer("well", "0"));
    let text = String::from_utf8(frame(0, b"well")).unwrap();
    assert_eq!(Waiting::of(asked).await, (text, None));
    assert_eq!(bypassed(&waiting.cache, "grpc-message"), 1);
    assert_eq!(waiting.cache.stats().stored, 1);
}

/// What a method answers, which nobody would call a good answer of gRPC.
#[tokio::test]
async fn an_answer_that_is_no_whole_message_with_a_good_end_is_not_stored() {
    let good = [GRPC, ("grpc-status", "0")];
    let whole = frame(0, b"\x0a\x01w");
    for (status, fields, body, reason) in [
        (200, &good[..], whole.clone(), None),
        (200, &good, Vec::new(), None),
        (200, &good, whole[..6].to_vec(), Some("grpc-streaming")),
        (200, &good, vec![0, 0], Some("grpc-streaming")),
        (200, &[GRPC], whole.clone(), Some("grpc-status")),
        (
            200,
            &[GRPC, ("grpc-status", "5")],
            Vec::new(),
            Some("grpc-status"),
        ),
        (203, &good, whole.clone(), Some("grpc-response")),
        (
            200,
            &[("content-type", "text/html"), ("grpc-status", "0")],
            whole.clone(),
            Some("grpc-response"),
        ),
    ] {
        let cache = cache(says());
        let fields = fields.to_vec();
        let method = tower::service_fn(move |_: http::Request<tonic::body::Body>| {
            let mut response = Response::builder().status(status);
            for (name, value) in &fields {
                response = response.header(*name, *value);
            }
            let body = Full::new(Bytes::from(body.clone()));
            std::future::ready(Ok::<_, std::convert::Infallible>(
                response.body(body).unwrap(),
            ))
        });
        let app = cache.layer().resume(tonic::body::Body::new).layer(method);
        for _ in 0..2 {
            let message = Full::new(Bytes::from(frame(0, b"\x0a\x01w")));
            let request = http::Request::post(SAY)
                .header("content-type", "application/grpc")
                .body(tonic::body::Body::new(message));
            let Ok(answer) = app.clone().oneshot(request.unwrap()).await;
            assert!(answer.into_body().collect().await.is_ok());
        }
        let told = (status, reason);
        let stats = cache.stats();
        assert_eq!(
            stats.hits,
            u64::from(reason.is_none()),
            "{told:?} {stats:?}"
        );
        if let Some(reason) = reason {
            assert_eq!(refused(&cache, reason), 2, "{told:?} {:?}", stats.refusals);
        }
    }
}

/// To HTTP these ask for less than the whole; to a call they are metadata.
#[tokio::test]
async fn conditions_and_ranges_of_a_call_mean_nothing() {
    let (cache, words) = (cache(says()), Words::new());
    let server = serve(&cache, &words).await;
    let mut raw = Raw::of(&server).await;
    let message = frame(0, b"\x0a\x01w");
    let first = raw.send(&[], message.clone()).await;
    for less in [
        ("range", "bytes=0-1"),
        ("if-none-match", "*"),
        ("if-modified-since", "Tue, 24 Nov 2099 00:00:00 GMT"),
    ] {
        let came = raw.send(&[less], message.clone()).await;
        assert_eq!(came.body, first.body, "{less:?}");
        assert!(!came.headers.contains_key("content-range"), "{less:?}");
    }
    assert_eq!((words.runs(), cache.stats().hits), (1, 3));
}
