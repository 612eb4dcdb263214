//! What happens on one connection, and when it breaks.

use super::line::Line;
use super::rig::{ByHand, Rig, request, told};
use crate::patience::eventually;
use crate::wire::Came;
use bytes::Bytes;
use futures_util::future::join_all;
use http::Request;
use http_body_util::Full;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::time::Duration;
use tokio::net::TcpStream;

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn many_requests_follow_on_one_connection() {
    let rig = Rig::new(told).await;
    let mut line = rig.line().await;
    for turn in 0..30 {
        let path = format!("/{}", turn % 3);
        line.send(request("GET", &path, &[], "")).await;
        assert_eq!(line.answer("GET").await.text(), format!("GET {path} 1\n"));
        line.send(request("HEAD", &path, &[], "")).await;
        assert_eq!(line.answer("HEAD").await.status, 200);
        line.send(request("POST", "/other", &[], "x")).await;
        assert_eq!(
            line.answer("POST").await.text(),
            format!("POST /other {}\nx", turn + 1)
        );
    }
    line.send(request("GET", "/0", &[("connection", "close")], ""))
        .await;
    assert_eq!(line.answer("GET").await.text(), "GET /0 1\n");
    assert!(line.is_over().await);
}

#[tokio::test]
async fn requests_in_one_write_are_answered_in_order() {
    let rig = Rig::new(told).await;
    let steps = [
        ("GET", "/a", "", "GET /a 1\n"),
        ("GET", "/b", "", "GET /b 1\n"),
        ("GET", "/a", "", "GET /a 1\n"),
        ("HEAD", "/a", "", ""),
        ("POST", "/a", "x", "POST /a 1\nx"),
        ("GET", "/a", "", "GET /a 2\n"),
        ("GET", "/b", "", "GET /b 1\n"),
        ("OPTIONS", "/b", "", "OPTIONS /b 1\n"),
    ];
    let mut line = rig.line().await;
    let texts = steps.map(|(method, path, body, _)| request(method, path, &[], body));
    line.send(texts.concat()).await;
    for (method, path, _, expected) in steps {
        assert_eq!(
            line.answer(method).await.text(),
            expected,
            "{method} {path}"
        );
    }
}

async fn http2(rig: &Rig) -> http2::SendRequest<Full<Bytes>> {
    let stream = TcpStream::connect(rig.proxy.address()).await.unwrap();
    let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (sender, connection) = handshake.await.unwrap();
    rig.origin.server.run(async move {
        let _ = connection.await;
    });
    sender
}

fn over_http2(method: &str, path: &str, body: &'static str) -> Request<Full<Bytes>> {
    let uri = format!("http://Shop.example:80{path}");
    let request = Request::builder().method(method).uri(uri);
    request.body(Full::from(body)).unwrap()
}

#[tokio::test]
async fn http_2_asks_many_things_at_once_and_shares_entries_with_http_1() {
    let rig = Rig::new(told).await;
    assert_eq!(rig.get("/0").await.text(), "GET /0 1\n");
    let sender = http2(&rig).await;
    let asks = (0..40).map(|turn| {
        let mut sender = sender.clone();
        async move {
            let path = format!("/{}", turn % 4);
            let response = sender.send_request(over_http2("GET", &path, "")).await;
            let came = Came::whole(response.unwrap()).await;
            assert_eq!(came.body, format!("GET {path} 1\n"));
            assert_eq!(came.headers["via"], "1.1 caching-proxy");
        }
    });
    join_all(asks).await;
    assert_eq!(rig.origin.count(), 4);
    let saw = rig.origin.last();
    assert_eq!(
        (saw.field("host"), saw.field("via")),
        (Some("Shop.example:80"), Some("2 caching-proxy"))
    );
    let response = sender
        .clone()
        .send_request(over_http2("PUT", "/0", "x"))
        .await;
    assert_eq!(Came::whole(response.unwrap()).await.body, "PUT /0 1\nx");
    assert_eq!(rig.get("/0").await.text(), "GET /0 2\n");
}

/// HTTP/2 may divide what HTTP/1.1 has in one line (RFC 9113 §8.2.3).
#[tokio::test]
async fn cookies_in_several_lines_are_one_line_for_the_origin() {
    let rig = Rig::new(told).await;
    let mut request = over_http2("GET", "/a", "");
    for cookie in ["a=1", "b=2"] {
        request
            .headers_mut()
            .append("cookie", cookie.parse().unwrap());
    }
    let response = http2(&rig).await.send_request(request).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(rig.origin.last().field("cookie"), Some("a=1; b=2"));
}

#[tokio::test]
async fn a_client_that_leaves_amid_its_request_leaves_nothing_behind() {
    let rig = Rig::new(told).await;
    assert_eq!(rig.get("/a").await.text(), "GET /a 1\n");
    for framing in [("content-length", "1000"), ("transfer-encoding", "chunked")] {
        for part in ["", "5\r\nhello\r\n", "5\r\nhe"] {
            let mut line = rig.line().await;
            line.send(request("POST", "/a", &[framing], "")).await;
            line.send(part).await;
        }
    }
    rig.is_well().await;
    assert!(rig.origin.saw().iter().all(|saw| saw.method != "POST"));
    assert!(rig.get("/a").await.text().starts_with("GET /a "));
}

/// The body of the response is held, so that its client leaves in its midst.
#[tokio::test]
async fn a_client_that_leaves_amid_its_response_takes_nothing_from_others() {
    let by_hand = ByHand::new(&[]).await;
    let mut client = Line::to(by_hand.proxy.address()).await;
    client.send(request("GET", "/a", &[], "")).await;
    let (mut origin, _) = by_hand.asked().await;
    origin
        .send("HTTP/1.1 200 OK\r\ncache-control: max-age=60\r\ncontent-length: 6\r\n\r\nabc")
        .await;
    assert_eq!(client.head().await.unwrap().0, 200);
    assert_eq!(client.take(3).await.unwrap(), b"abc");
    drop(client);
    // The fill goes on without it, for whoever comes.
    let mut other = Line::to(by_hand.proxy.address()).await;
    other.send(request("GET", "/a", &[], "")).await;
    origin.send("def").await;
    assert_eq!(other.answer("GET").await.text(), "abcdef");
    other.send(request("GET", "/a", &[], "")).await;
    assert_eq!(other.answer("GET").await.text(), "abcdef");
}

/// It has left before its write is answered, and has nobody to tell of it.
#[tokio::test]
async fn a_write_whose_client_has_left_is_seen_by_all_others() {
    let by_hand = ByHand::new(&[]).await;
    let says = |text: &str| {
        // Each request of the proxy is to come on a connection of its own.
        let fields = "cache-control: max-age=60\r\ncontent-length: 3\r\nconnection: close";
        format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n{text}")
    };
    by_hand.get("/a", &says("old")).await.unwrap();
    let mut client = Line::to(by_hand.proxy.address()).await;
    client.send(request("PUT", "/a", &[], "x")).await;
    let (mut origin, head) = by_hand.asked().await;
    assert!(head.starts_with("PUT /a "), "{head}");
    drop(client);
    // By then the proxy knows.
    by_hand.get("/b", &says("any")).await.unwrap();
    origin.send(says("put")).await;
    let next = eventually("a read past the memory", PATIENCE, async || {
        let mut client = Line::to(by_hand.proxy.address()).await;
        client.send(request("GET", "/a", &[], "")).await;
        tokio::select! {
            _ = client.answer("GET") => None,
            (mut origin, _) = by_hand.asked() => {
                origin.send(says("new")).await;
                Some(client.answer("GET").await)
            }
        }
    });
    assert_eq!(next.await.text(), "new");
}

#[tokio::test]
async fn a_slow_client_holds_up_nobody() {
    let body = "x".repeat(900_000);
    let long = body.clone();
    let rig = Rig::new(move |saw| match saw.uri.path() {
        "/long" => crate::origin::response(200, &[("cache-control", "max-age=60")], long.clone()),
        _ => told(saw),
    })
    .await;
    let (mut writes, mut reads) = (rig.line().await, rig.line().await);
    reads.send(request("GET", "/long", &[], "")).await;
    assert_eq!(reads.head().await.unwrap().0, 200);
    for byte in request("GET", "/slow", &[], "").bytes() {
        writes.send([byte]).await;
        assert_eq!(rig.get("/a").await.text(), "GET /a 1\n");
    }
    assert_eq!(writes.answer("GET").await.text(), "GET /slow 1\n");
    assert_eq!(rig.get("/long").await.text(), body);
    assert_eq!(reads.take(body.len()).await.unwrap(), body.as_bytes());
}

#[tokio::test]
async fn at_a_signal_the_answer_under_way_is_finished_and_the_proxy_ends_well() {
    let by_hand = ByHand::new(&[]).await;
    let mut client = Line::to(by_hand.proxy.address()).await;
    // Not a read: for a fill the cache would wait, whoever has left.
    client.send(request("OPTIONS", "/a", &[], "")).await;
    let (mut origin, _) = by_hand.asked().await;
    by_hand.proxy.terminate();
    // It takes nobody in any more.
    eventually("no more listening", PATIENCE, async || {
        TcpStream::connect(by_hand.proxy.address()).await.err()
    })
    .await;
    origin
        .send("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc")
        .await;
    assert_eq!(client.answer("OPTIONS").await.text(), "abc");
    assert!(client.is_over().await);
    let ByHand { proxy, .. } = by_hand;
    let (well, last) = tokio::task::spawn_blocking(move || proxy.end())
        .await
        .unwrap();
    assert!(well && last.contains("hits 0"), "{last}");
}
