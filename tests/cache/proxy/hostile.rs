//! What no good client sends.

use super::rig::{Rig, request, told};

/// Not HTTP, or not allowed in it: the status, or none where only the connection ends.
const GARBAGE: &[(&str, u16)] = &[
    ("\0\0\0\0\r\n\r\n", 400),
    ("GET\r\n\r\n", 400),
    ("GET /a\r\n\r\n", 400),
    ("GET /a b HTTP/1.1\r\nhost: a\r\n\r\n", 400),
    ("GET /a HTTP/9.9\r\nhost: a\r\n\r\n", 400),
    ("G\u{e9}T /a HTTP/1.1\r\nhost: a\r\n\r\n", 400),
    ("GET /a HTTP/1.1\r\nhost: a\r\nno colon\r\n\r\n", 400),
    ("GET /a HTTP/1.1\r\nhost: a\r\nspace : a\r\n\r\n", 400),
    ("GET /a HTTP/1.1\r\nhost: a\r\nx: a\r\n folded\r\n\r\n", 400),
    ("GET /a HTTP/1.1\r\nhost: a\r\nx: a\0b\r\n\r\n", 400),
    ("GET /a HTTP/1.1\r\n\r\n", 400),
    ("GET /a HTTP/1.1\r\nhost: \r\n\r\n", 400),
    ("GET /a HTTP/1.1\r\nhost: a b\r\n\r\n", 400),
    ("GET /a HTTP/1.1\r\nhost: user@a\r\n\r\n", 400),
    ("GET /a HTTP/1.1\r\nhost: a\r\nhost: a\r\n\r\n", 400),
    ("GET /a HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", 400),
    (
        "POST /a HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        400,
    ),
    (
        "POST /a HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n",
        400,
    ),
    (
        "POST /a HTTP/1.1\r\nhost: a\r\ncontent-length: 1, 2\r\n\r\nab",
        400,
    ),
    (
        "POST /a HTTP/1.1\r\nhost: a\r\ncontent-length: 99999999999999999999\r\n\r\n",
        400,
    ),
    (
        "POST /a HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip\r\n\r\n",
        400,
    ),
    (
        "POST /a HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked, gzip\r\n\r\n",
        400,
    ),
    (
        "POST /a HTTP/1.0\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    ("\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}\u{fc}\u{3}\u{3}", 400),
];

#[tokio::test]
async fn garbage_is_refused_and_the_proxy_lives() {
    let rig = Rig::new(told).await;
    for (text, status) in GARBAGE {
        let mut line = rig.line().await;
        line.send(text).await;
        let answer = line.try_answer("GET").await;
        assert_eq!(
            answer.map(|answer| answer.status),
            Some(*status),
            "{text:?}"
        );
    }
    assert_eq!(rig.origin.count(), 0);
    rig.is_well().await;
}

#[tokio::test]
async fn nonsense_of_http_2_ends_its_connection_only() {
    let rig = Rig::new(told).await;
    for rest in [
        "",
        "\r\n\r\n",
        "\0\0\u{4}\u{8}\0\0\0\0\0\0\0\0\0",
        "GET / HTTP/1.1\r\n\r\n",
    ] {
        let mut line = rig.line().await;
        line.send(format!("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n{rest}"))
            .await;
    }
    rig.is_well().await;
}

#[tokio::test]
async fn chunks_that_cannot_be_read_are_no_request() {
    let rig = Rig::new(told).await;
    for chunks in [
        "x\r\na\r\n",
        "fffffffffffffffff\r\n",
        "-1\r\n",
        "2\r\nabc\r\n0\r\n\r\n",
    ] {
        let mut line = rig.line().await;
        line.send(request(
            "POST",
            "/a",
            &[("transfer-encoding", "chunked")],
            "",
        ))
        .await;
        line.send(chunks).await;
        // Whatever is said, it ends here, and the origin saw no whole request.
        if let Some(answer) = line.try_answer("POST").await {
            assert!(answer.status >= 400, "{chunks:?}: {answer:?}");
        }
    }
    assert_eq!(rig.origin.count(), 0);
    rig.is_well().await;
}

#[tokio::test]
async fn a_head_beyond_the_limits_is_refused() {
    let rig = Rig::new(told).await;
    let long = "x".repeat(70_000);
    // Below the limit it is a request as any other.
    assert_eq!(rig.ask("GET", "/a", &[("x-long", &long)]).await.status, 200);
    assert_eq!(rig.origin.last().field("x-long"), Some(long.as_str()));
    let many: String = (0..200)
        .map(|number| format!("x-{number}: 1\r\n"))
        .collect();
    for (text, status) in [
        (format!("GET /{long} HTTP/1.1\r\nhost: a\r\n\r\n"), 414),
        (format!("GET /a HTTP/1.1\r\nhost: a\r\n{many}\r\n"), 431),
        (
            format!(
                "GET /a HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n",
                long.repeat(10)
            ),
            431,
        ),
    ] {
        let mut line = rig.line().await;
        line.try_send(text).await;
        // What was not read may take the answer along when the connection ends.
        if let Some(answer) = line.try_answer("GET").await {
            assert_eq!(answer.status, status);
        }
    }
    rig.is_well().await;
}

/// The two do not agree where the request ends: what the origin takes for the rest may
/// not be a request of its own (RFC 9112 §6.1, §11.2).
#[tokio::test]
async fn two_framings_are_one_request_and_the_end_of_the_connection() {
    let rig = Rig::new(told).await;
    let (length, chunked) = (("content-length", "5"), ("transfer-encoding", "chunked"));
    for framings in [[length, chunked], [chunked, length]] {
        let mut line = rig.line().await;
        line.send(request("POST", "/a", &framings, "")).await;
        line.send(format!("0\r\n\r\n{}", request("GET", "/smuggled", &[], "")))
            .await;
        let before = rig.origin.count();
        let answer = line.answer("POST").await;
        assert!(answer.text().starts_with("POST /a "), "{answer:?}");
        assert!(line.is_over().await);
        assert!(rig.origin.count() <= before + 1);
        assert_eq!(rig.origin.last().body, "");
    }
    assert!(rig.origin.saw().iter().all(|saw| saw.uri.path() == "/a"));
    rig.is_well().await;
}
