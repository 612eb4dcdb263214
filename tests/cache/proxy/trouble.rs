//! An origin that is gone, slow, or not itself.

use super::line::Line;
use super::rig::{ByHand, Rig, ask, request, told};
use std::time::Duration;

#[tokio::test]
async fn without_its_origin_it_says_so_and_serves_what_it_has() {
    let Rig { origin, proxy } = Rig::new(told).await;
    assert_eq!(ask(&proxy, "GET", "/a", &[]).await.text(), "GET /a 1\n");
    drop(origin);
    for method in ["GET", "HEAD", "PUT", "OPTIONS"] {
        assert_eq!(ask(&proxy, method, "/b", &[]).await.status, 502, "{method}");
    }
    assert_eq!(ask(&proxy, "GET", "/a", &[]).await.text(), "GET /a 1\n");
    // Whether this write arrived, nobody knows: what it is about is not served again.
    assert_eq!(ask(&proxy, "PUT", "/a", &[]).await.status, 502);
    assert_eq!(ask(&proxy, "GET", "/a", &[]).await.status, 502);
}

#[tokio::test]
async fn an_origin_that_does_not_speak_http_is_a_bad_gateway_and_nothing_is_stored() {
    let by_hand = ByHand::new(&[]).await;
    for text in [
        "",
        "garbage\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncache-control: max-age=60\r\n",
    ] {
        let answer = by_hand.get("/a", text).await.unwrap();
        assert_eq!(answer.status, 502, "{text:?}");
    }
    let well = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
    assert_eq!(by_hand.get("/a", well).await.unwrap().text(), "ok");
}

#[tokio::test]
async fn a_body_that_is_cut_short_is_nobodys_answer() {
    let by_hand = ByHand::new(&[]).await;
    let fresh = "HTTP/1.1 200 OK\r\ncache-control: max-age=60\r\n";
    for framing in [
        "content-length: 9\r\n\r\nabc",
        "transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ] {
        for _ in 0..2 {
            let answer = by_hand.get("/a", &format!("{fresh}{framing}")).await;
            let is_whole = answer.is_some_and(|answer| answer.status == 200);
            assert!(!is_whole, "{framing:?}");
        }
    }
    // What ends with its connection cannot be known to be whole, and is so (RFC 9112 §8).
    let answer = by_hand
        .get("/a", "HTTP/1.1 200 OK\r\n\r\nabc")
        .await
        .unwrap();
    assert_eq!(answer.text(), "abc");
}

#[tokio::test]
async fn an_origin_that_takes_too_long_is_a_timeout_for_each_method() {
    let by_hand = ByHand::new(&["--timeout", "1"]).await;
    let mut clients = Vec::new();
    let mut held = Vec::new();
    for method in ["GET", "POST", "OPTIONS"] {
        let mut line = Line::to(by_hand.proxy.address()).await;
        line.send(request(method, "/a", &[], "")).await;
        held.push(by_hand.asked().await);
        clients.push((method, line));
    }
    // The origin would take more of this one, and the client has none.
    let mut line = Line::to(by_hand.proxy.address()).await;
    let length = [("content-length", "6")];
    line.send(request("PUT", "/b", &length, "") + "ab").await;
    held.push(by_hand.asked().await);
    clients.push(("PUT", line));
    for (method, mut line) in clients {
        assert_eq!(line.answer(method).await.status, 504, "{method}");
    }
}

/// The pauses are the client's own. Each is shorter than the limit, all are longer.
#[tokio::test]
async fn a_request_that_comes_slowly_is_no_timeout() {
    let by_hand = ByHand::new(&["--timeout", "3"]).await;
    let mut client = Line::to(by_hand.proxy.address()).await;
    let length = [("content-length", "6")];
    client.send(request("PUT", "/a", &length, "")).await;
    let (mut origin, _) = by_hand.asked().await;
    for part in ["ab", "cd", "ef"] {
        tokio::time::sleep(Duration::from_millis(1_200)).await;
        client.send(part).await;
        assert_eq!(origin.take(2).await.unwrap(), part.as_bytes());
    }
    origin
        .send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        .await;
    assert_eq!(client.answer("PUT").await.status, 200);
}

#[tokio::test]
async fn early_news_of_the_origin_are_skipped() {
    let by_hand = ByHand::new(&[]).await;
    let early = "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n";
    let text = format!("{early}HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    let answer = by_hand.get("/a", &text).await.unwrap();
    assert_eq!((answer.status, answer.text()), (200, "ok"));
}
