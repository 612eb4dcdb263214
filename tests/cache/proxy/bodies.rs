//! Bodies both ways: framing, size, and when they come.

use super::line::Line;
use super::rig::{ByHand, Rig, request, told};
use crate::origin::response;
use axum::body::Body;
use bytes::Bytes;
use http::header::{AGE, CONTENT_LENGTH};
use std::convert::Infallible;

const FRESH: (&str, &str) = ("cache-control", "max-age=60");

fn all_bytes(times: usize) -> Vec<u8> {
    (0..=255).collect::<Vec<u8>>().repeat(times)
}

#[tokio::test]
async fn what_comes_from_memory_is_what_the_origin_said_byte_by_byte() {
    let rig = Rig::new(|_| {
        let lines = [FRESH, ("etag", "\"a\""), ("x-twice", "1"), ("x-twice", "2")];
        response(203, &lines, all_bytes(1000))
    })
    .await;
    let first = rig.get("/a").await;
    let second = rig.get("/a").await;
    assert!(!first.is_from_memory() && second.is_from_memory());
    for mut answer in [first, second] {
        assert!(answer.body == all_bytes(1000));
        for own in [AGE.as_str(), "cache-status", "date"] {
            answer.headers.remove(own);
        }
        let mut expected = http::HeaderMap::new();
        for (name, value) in [
            ("cache-control", "max-age=60"),
            ("etag", "\"a\""),
            ("x-twice", "1"),
            ("x-twice", "2"),
            ("content-length", "256000"),
            ("via", "1.1 caching-proxy"),
        ] {
            expected.append(name, value.parse().unwrap());
        }
        assert_eq!((answer.status, answer.headers), (203, expected));
    }
}

#[tokio::test]
async fn chunks_are_read_and_written_whatever_their_size() {
    let rig = Rig::new(|saw| {
        let pieces: Vec<_> = saw.body.chunks(7).map(Bytes::copy_from_slice).collect();
        let pieces = tokio_stream::iter(pieces.into_iter().map(Ok::<_, Infallible>));
        response(200, &[FRESH], Body::from_stream(pieces))
    })
    .await;
    let mut line = rig.line().await;
    for method in ["POST", "PUT", "QUERY"] {
        line.send(request(
            method,
            "/a",
            &[("transfer-encoding", "chunked")],
            "",
        ))
        .await;
        line.send("1\r\na\r\n00a;name=\"value\"\r\n0123456789\r\n")
            .await;
        line.send("5\r\nbcdef\r\n0\r\nx-trailer: 1\r\n\r\n").await;
        let answer = line.answer(method).await;
        assert_eq!(answer.text(), "a0123456789bcdef");
        assert_eq!(answer.headers.get(CONTENT_LENGTH), None);
        assert_eq!(
            rig.origin.last().field("transfer-encoding"),
            Some("chunked")
        );
    }
}

/// What has no length when it comes has one from memory, and is the same.
#[tokio::test]
async fn what_came_in_chunks_is_the_same_from_memory() {
    let rig = Rig::new(|_| {
        let pieces = (0..50).map(|_| Ok::<_, Infallible>(Bytes::from(all_bytes(10))));
        response(200, &[FRESH], Body::from_stream(tokio_stream::iter(pieces)))
    })
    .await;
    for _ in 0..3 {
        assert!(rig.get("/a").await.body == all_bytes(500));
    }
    assert_eq!(rig.origin.count(), 1);
}

#[tokio::test]
async fn a_read_with_content_passes_and_is_not_stored() {
    let rig = Rig::new(told).await;
    for number in 1..=2 {
        let mut line = rig.line().await;
        line.send(request(
            "GET",
            "/a",
            &[("transfer-encoding", "chunked")],
            "",
        ))
        .await;
        line.send("3\r\nx=1\r\n0\r\n\r\n").await;
        assert_eq!(
            line.answer("GET").await.text(),
            format!("GET /a {number}\nx=1")
        );
    }
    assert_eq!(rig.get("/a").await.text(), "GET /a 3\n");
}

#[tokio::test]
async fn what_is_larger_than_the_limit_passes_whole() {
    let body = || all_bytes(3 << 12);
    let rig = Rig::new(move |_| response(200, &[FRESH], body())).await;
    for number in 1..=2 {
        assert!(rig.get("/a").await.body == body());
        assert_eq!(rig.origin.count(), number);
    }
    let mut line = rig.line().await;
    let length = (3 << 20).to_string();
    line.send(request("PUT", "/a", &[("content-length", &length)], ""))
        .await;
    line.send(body()).await;
    assert!(line.answer("PUT").await.body == body());
    assert!(rig.origin.last().body == body());
}

#[tokio::test]
async fn a_response_reaches_its_client_as_it_comes() {
    let by_hand = ByHand::new(&[]).await;
    let mut client = Line::to(by_hand.proxy.address()).await;
    client.send(request("GET", "/a", &[], "")).await;
    let (mut origin, _) = by_hand.asked().await;
    origin
        .send("HTTP/1.1 200 OK\r\ncache-control: max-age=60\r\ncontent-length: 6\r\n\r\n")
        .await;
    assert_eq!(client.head().await.unwrap().0, 200);
    for part in ["ab", "cd", "ef"] {
        origin.send(part).await;
        assert_eq!(client.take(2).await.unwrap(), part.as_bytes());
    }
    client.send(request("GET", "/a", &[], "")).await;
    assert_eq!(client.answer("GET").await.text(), "abcdef");
}

#[tokio::test]
async fn a_request_reaches_the_origin_as_it_comes() {
    let by_hand = ByHand::new(&[]).await;
    let mut client = Line::to(by_hand.proxy.address()).await;
    client
        .send(request("POST", "/a", &[("content-length", "6")], ""))
        .await;
    client.send("ab").await;
    let (mut origin, head) = by_hand.asked().await;
    assert!(head.contains("content-length: 6\r\n"), "{head}");
    assert_eq!(origin.take(2).await.unwrap(), b"ab");
    for part in ["cd", "ef"] {
        client.send(part).await;
        assert_eq!(origin.take(2).await.unwrap(), part.as_bytes());
    }
    origin
        .send("HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n")
        .await;
    assert_eq!(client.answer("POST").await.status, 201);
}

#[tokio::test]
async fn a_client_that_waits_to_be_told_to_go_on_is_told() {
    let rig = Rig::new(told).await;
    let mut line = rig.line().await;
    for number in 1..=2 {
        let lines = [("expect", "100-continue"), ("content-length", "3")];
        line.send(request("PUT", "/a", &lines, "")).await;
        assert_eq!(line.head().await.unwrap().0, 100);
        line.send("x=1").await;
        let expected = format!("PUT /a {number}\nx=1");
        assert_eq!(line.answer("PUT").await.text(), expected);
    }
}

#[tokio::test]
async fn trailers_reach_those_who_take_them() {
    let by_hand = ByHand::new(&[]).await;
    let mut client = Line::to(by_hand.proxy.address()).await;
    let lines = [("te", "trailers"), ("connection", "te")];
    client.send(request("GET", "/a", &lines, "")).await;
    let (mut origin, head) = by_hand.asked().await;
    assert!(head.contains("te: trailers\r\n"), "{head}");
    assert!(head.contains("connection: te\r\n"), "{head}");
    let fields = "trailer: x-sum\r\ntransfer-encoding: chunked\r\ncache-control: max-age=60\r\n";
    origin
        .send(format!(
            "HTTP/1.1 200 OK\r\n{fields}\r\n3\r\nabc\r\n0\r\nx-sum: 1\r\n\r\n"
        ))
        .await;
    assert_eq!(client.head().await.unwrap().0, 200);
    let body = client.until(b"x-sum: 1\r\n\r\n").await.unwrap();
    assert!(body.starts_with(b"3\r\nabc\r\n0\r\n"));
}
