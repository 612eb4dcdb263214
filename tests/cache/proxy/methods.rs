//! Each method, and what a proxy changes of a message.

use super::rig::{Rig, request, told};
use crate::origin::response;

const FRESH: (&str, &str) = ("cache-control", "max-age=60");

#[tokio::test]
async fn every_method_arrives_as_it_is_and_only_reads_come_from_memory() {
    let rig = Rig::new(told).await;
    let with_content = ["POST", "PUT", "PATCH", "QUERY", "PURGE"];
    let without = ["GET", "HEAD", "DELETE", "OPTIONS", "TRACE"];
    for method in with_content.into_iter().chain(without) {
        let content = if with_content.contains(&method) {
            "x=1"
        } else {
            ""
        };
        let (path, before) = (format!("/{method}?a=%41"), rig.origin.count());
        let mut line = rig.line().await;
        for number in 1..=2 {
            line.send(request(method, &path, &[("x-own", "1")], content))
                .await;
            let answer = line.answer(method).await;
            assert_eq!(answer.status, 200, "{method}");
            let number = if method == "GET" { 1 } else { number };
            let expected = format!("{method} {path} {number}\n{content}");
            let expected = if method == "HEAD" { "" } else { &expected };
            assert_eq!(answer.text(), expected);
        }
        let saw = rig.origin.last();
        assert_eq!((saw.method.as_str(), saw.uri.to_string()), (method, path));
        assert_eq!(saw.field("x-own"), Some("1"));
        assert_eq!(saw.body, content);
        let asked = rig.origin.count() - before;
        assert_eq!(asked, if method == "GET" { 1 } else { 2 }, "{method}");
    }
}

#[tokio::test]
async fn head_is_answered_from_a_stored_get() {
    let rig = Rig::new(told).await;
    let get = rig.get("/a").await;
    let head = rig.ask("HEAD", "/a", &[]).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(
        head.headers["content-length"],
        get.headers["content-length"]
    );
    assert_eq!(rig.origin.count(), 1);
}

#[tokio::test]
async fn a_write_by_any_method_is_seen_by_the_next_read() {
    let rig = Rig::new(told).await;
    for (number, method) in ["POST", "PUT", "PATCH", "DELETE", "PURGE"]
        .iter()
        .enumerate()
    {
        let expected = format!("GET /a {}\n", number + 1);
        for _ in 0..2 {
            assert_eq!(rig.get("/a").await.text(), expected, "before {method}");
        }
        rig.ask(method, "/a", &[]).await;
    }
    for method in ["OPTIONS", "TRACE", "QUERY"] {
        rig.get("/b").await;
        rig.ask(method, "/b", &[]).await;
        assert!(rig.get("/b").await.is_from_memory(), "{method}");
    }
}

#[tokio::test]
async fn a_tunnel_is_refused() {
    let rig = Rig::new(told).await;
    let mut line = rig.line().await;
    line.send("CONNECT far.example:443 HTTP/1.1\r\nhost: far.example:443\r\n\r\n")
        .await;
    assert_eq!(line.answer("CONNECT").await.status, 501);
    assert_eq!(rig.origin.count(), 0);
    rig.is_well().await;
}

#[tokio::test]
async fn what_is_for_one_hop_goes_no_further_either_way() {
    let rig = Rig::new(|saw| {
        let hop = [
            ("connection", "x-secret, x-other"),
            ("x-secret", "1"),
            ("keep-alive", "timeout=5"),
            ("proxy-connection", "close"),
        ];
        response(
            200,
            &[&hop[..], &[FRESH, ("x-end", "1")]].concat(),
            saw.uri.path().to_owned(),
        )
    })
    .await;
    let lines = [
        ("connection", "X-Mine , keep-alive, content-length, host"),
        ("connection", "upgrade"),
        ("x-mine", "1"),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "keep-alive"),
        ("proxy-authorization", "Basic eA=="),
        ("upgrade", "websocket"),
        ("te", "gzip"),
        ("x-end", "1"),
    ];
    for _ in 0..2 {
        let answer = rig.ask("GET", "/a", &lines).await;
        assert_eq!((answer.status, answer.text()), (200, "/a"));
        for gone in ["x-secret", "keep-alive", "proxy-connection", "connection"] {
            assert_eq!(answer.headers.get(gone), None, "{gone}");
        }
        assert_eq!(answer.headers["x-end"], "1");
    }
    let saw = rig.origin.last();
    assert_eq!((rig.origin.count(), saw.field("x-end")), (1, Some("1")));
    for (gone, _) in &lines[..lines.len() - 1] {
        assert_eq!(saw.field(gone), None, "{gone}");
    }
    assert_eq!(saw.field("host"), Some("shop.example"));
}

/// Otherwise whoever names a field of the key in `Connection` has the origin's answer
/// to a request without it stored for all who send it.
#[tokio::test]
async fn a_field_that_goes_no_further_chooses_no_variant() {
    let rig = Rig::new(|saw| {
        let language = saw.field("accept-language").unwrap_or("none").to_owned();
        response(200, &[FRESH, ("vary", "accept-language")], language)
    })
    .await;
    let french = ("accept-language", "fr");
    let named = [("connection", "accept-language"), french];
    assert_eq!(rig.ask("GET", "/a", &named).await.text(), "none");
    assert_eq!(rig.ask("GET", "/a", &[french]).await.text(), "fr");
    assert_eq!(rig.get("/a").await.text(), "none");
    assert_eq!(rig.origin.count(), 2);
}

#[tokio::test]
async fn the_origin_hears_who_asked_and_for_which_host_and_nobody_can_lie_about_it() {
    let rig = Rig::new(told).await;
    let lies = [
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "https"),
        ("forwarded", "host=evil.example"),
        ("via", "1.0 first"),
    ];
    let answer = rig.ask("GET", "/a", &lies).await;
    let saw = rig.origin.last();
    assert_eq!(saw.field("host"), Some("shop.example"));
    assert_eq!(saw.field("x-forwarded-host"), Some("shop.example"));
    assert_eq!(saw.field("x-forwarded-proto"), Some("http"));
    assert_eq!(saw.field("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(saw.field("forwarded"), None);
    let via: Vec<_> = saw.headers.get_all("via").iter().collect();
    assert_eq!(via, ["1.0 first", "1.1 caching-proxy"]);
    assert_eq!(answer.headers["via"], "1.1 caching-proxy");
}

#[tokio::test]
async fn each_host_has_entries_of_its_own_and_the_target_counts_before_the_field() {
    let rig = Rig::new(|saw| response(200, &[FRESH], saw.field("host").unwrap().to_owned())).await;
    let (one, other) = (
        "GET /a HTTP/1.1\r\nhost: one\r\n\r\n",
        "GET /a HTTP/1.1\r\nhost: other\r\n\r\n",
    );
    let whole = "GET http://one/a HTTP/1.1\r\nhost: other\r\n\r\n";
    let mut line = rig.line().await;
    for (text, host) in [
        (one, "one"),
        (other, "other"),
        (whole, "one"),
        (other, "other"),
    ] {
        line.send(text).await;
        assert_eq!(line.answer("GET").await.text(), host);
    }
    assert_eq!(rig.origin.count(), 2);
}

#[tokio::test]
async fn max_forwards_is_counted_down_and_ends_here_at_zero() {
    let rig = Rig::new(told).await;
    rig.ask("OPTIONS", "/a", &[("max-forwards", "2")]).await;
    assert_eq!(rig.origin.last().field("max-forwards"), Some("1"));
    let last = ("max-forwards", "0");
    assert_eq!(rig.ask("OPTIONS", "/a", &[last]).await.text(), "");
    assert_eq!(rig.ask("TRACE", "/a", &[last]).await.status, 501);
    assert_eq!(rig.origin.count(), 1);
    // Only for those two (RFC 9110 §7.6.2).
    assert_eq!(rig.ask("GET", "/a", &[last]).await.text(), "GET /a 1\n");
    let mut line = rig.line().await;
    line.send("OPTIONS * HTTP/1.1\r\nhost: shop.example\r\n\r\n")
        .await;
    assert_eq!(line.answer("OPTIONS").await.text(), "OPTIONS * 1\n");
}
