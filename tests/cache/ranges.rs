//! Ranges of stored responses (RFC 9110 §14).

use crate::held::{self, Shop, eventually, fresh_with};
use crate::origin::{Lines, Origin, field, response, with};
use crate::support::request;
use axum::body::Body;
use axum::http::{HeaderMap, Request};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use std::convert::Infallible;
use std::time::Duration;
use tower::{Layer, ServiceExt, service_fn};
use tower_coherence::{Cache, Policy};

const FRESH: (&str, &str) = ("cache-control", "max-age=60");
const DIGITS: &str = "0123456789";

/// Ten digits are stored under `/a`, with these fields beside.
async fn digits(lines: Lines<'_>) -> Origin {
    let lines = crate::origin::owned(&[&[FRESH], lines].concat());
    let origin = Origin::new(Cache::local().layer(), move |_| {
        response(200, &crate::origin::borrowed(&lines), DIGITS)
    });
    assert_eq!(origin.get("/a").await.status, 200);
    origin
}

/// Status, text and `Content-Range`, from memory.
async fn part(origin: &Origin, lines: Lines<'_>) -> (u16, String, Option<String>) {
    let answer = origin.ask("GET", "/a", lines).await;
    assert_eq!(origin.runs(), 1);
    let length = answer.body.len().to_string();
    assert_eq!(field(&answer, "content-length"), Some(length.as_str()));
    let range = field(&answer, "content-range").map(str::to_owned);
    (answer.status, answer.body, range)
}

fn is(status: u16, text: &str, range: &str) -> (u16, String, Option<String>) {
    (status, text.to_owned(), Some(range.to_owned()))
}

fn all() -> (u16, String, Option<String>) {
    (200, DIGITS.to_owned(), None)
}

#[tokio::test]
async fn one_range_of_a_stored_200_is_a_206_from_memory() {
    let origin = digits(&[]).await;
    for (range, text, content_range) in [
        ("bytes=0-0", "0", "bytes 0-0/10"),
        ("bytes=2-4", "234", "bytes 2-4/10"),
        ("bytes=8-99", "89", "bytes 8-9/10"),
        ("bytes=7-", "789", "bytes 7-9/10"),
        ("bytes=-3", "789", "bytes 7-9/10"),
        ("bytes=0-", DIGITS, "bytes 0-9/10"),
        ("Bytes=-99", DIGITS, "bytes 0-9/10"),
    ] {
        let found = part(&origin, &[("range", range)]).await;
        assert_eq!(found, is(206, text, content_range), "{range}");
    }
    assert_eq!(part(&origin, &[]).await, all());
}

#[tokio::test]
async fn a_range_past_the_end_is_a_416_that_nobody_may_store() {
    let origin = digits(&[("etag", "\"a\"")]).await;
    for range in ["bytes=10-", "bytes=99-100", "bytes=-0"] {
        let lines = [("range", range)];
        assert_eq!(
            part(&origin, &lines).await,
            is(416, "", "bytes */10"),
            "{range}"
        );
        let answer = origin.ask("GET", "/a", &lines).await;
        assert_eq!(field(&answer, "cache-control"), None);
        assert_eq!(field(&answer, "etag"), None);
    }
}

#[tokio::test]
async fn several_ranges_other_units_and_what_cannot_be_read_get_all_of_it() {
    let origin = digits(&[]).await;
    for range in ["bytes=0-1,3-4", "items=0-1", "bytes=4-2", "bytes=", "0-1"] {
        assert_eq!(part(&origin, &[("range", range)]).await, all(), "{range}");
    }
    let twice = [("range", "bytes=0-1"), ("range", "bytes=0-1")];
    assert_eq!(part(&origin, &twice).await, all());
}

#[tokio::test]
async fn if_range_has_to_name_the_same_bytes() {
    const THEN: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const LATER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";
    for (fields, condition, holds) in [
        (&[("etag", "\"a\"")][..], "\"a\"", true),
        (&[("etag", "\"a\"")], "\"b\"", false),
        (&[("etag", "\"a\"")], "W/\"a\"", false),
        (&[("etag", "W/\"a\"")], "W/\"a\"", false),
        (&[], "\"a\"", false),
        (&[("last-modified", THEN)], THEN, true),
        (&[("last-modified", THEN)], LATER, false),
        (&[("last-modified", LATER)], THEN, false),
        (&[("last-modified", THEN)], "x", false),
    ] {
        let origin = digits(fields).await;
        let lines = [("range", "bytes=2-4"), ("if-range", condition)];
        let expected = if holds {
            is(206, "234", "bytes 2-4/10")
        } else {
            all()
        };
        assert_eq!(
            part(&origin, &lines).await,
            expected,
            "{fields:?} {condition}"
        );
    }
    let origin = digits(&[("etag", "\"a\"")]).await;
    assert_eq!(part(&origin, &[("if-range", "\"a\"")]).await, all());
}

#[tokio::test]
async fn preconditions_come_before_ranges() {
    let origin = digits(&[("etag", "\"a\"")]).await;
    for range in ["bytes=2-4", "bytes=10-"] {
        let lines = [("range", range), ("if-none-match", "\"a\"")];
        assert_eq!(origin.ask("GET", "/a", &lines).await.status, 304, "{range}");
    }
    let lines = [("range", "bytes=2-4"), ("if-none-match", "\"b\"")];
    assert_eq!(part(&origin, &lines).await, is(206, "234", "bytes 2-4/10"));
}

#[tokio::test]
async fn head_has_no_ranges() {
    let origin = digits(&[]).await;
    for range in ["bytes=2-4", "bytes=10-"] {
        let answer = origin.ask("HEAD", "/a", &[("range", range)]).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, ""));
        assert_eq!(field(&answer, "content-length"), Some("10"));
        assert_eq!(field(&answer, "content-range"), None);
    }
    assert_eq!(origin.runs(), 1);
}

#[tokio::test]
async fn a_206_has_the_fields_of_its_200_but_for_those_of_the_whole_content() {
    let kept = [
        ("etag", "\"a\""),
        ("content-location", "/b"),
        ("vary", "accept"),
        ("content-type", "text/x"),
        ("content-encoding", "x"),
        ("expires", "Fri, 31 Dec 9999 23:59:59 GMT"),
        ("repr-digest", "x"),
    ];
    let gone = [("content-digest", "x"), ("content-md5", "x")];
    let origin = digits(&[&kept[..], &gone].concat()).await;
    let answer = origin.ask("GET", "/a", &[("range", "bytes=2-4")]).await;
    assert_eq!(answer.status, 206);
    for (name, value) in kept {
        assert_eq!(field(&answer, name), Some(value), "{name}");
    }
    for (name, _) in gone {
        assert_eq!(field(&answer, name), None, "{name}");
    }
    assert!(field(&answer, "date").is_some());
    assert_eq!(field(&answer, "age"), Some("0"));
}

#[tokio::test]
async fn only_a_stored_200_has_ranges() {
    for status in [203, 404] {
        let origin = Origin::new(Cache::local().layer(), move |_| {
            response(status, &[FRESH], DIGITS)
        });
        origin.get("/a").await;
        for range in ["bytes=2-4", "bytes=10-"] {
            let answer = origin.ask("GET", "/a", &[("range", range)]).await;
            assert_eq!((answer.status, answer.body.as_str()), (status, DIGITS));
        }
        assert_eq!(origin.runs(), 1);
    }
}

#[tokio::test]
async fn of_an_empty_response_no_part_can_be_named() {
    let layer = with(&Cache::local(), Policy::lifetime(Duration::from_secs(60)));
    let origin = Origin::new(layer, |_| response(200, &[], ""));
    origin.get("/a").await;
    let range = |line| [("range", line)];
    assert_eq!(
        part(&origin, &range("bytes=0-")).await,
        is(416, "", "bytes */0")
    );
    assert_eq!(
        part(&origin, &range("bytes=-1")).await,
        (200, String::new(), None)
    );
}

#[tokio::test]
async fn trailers_are_of_the_whole_and_not_sent_with_a_part() {
    let mut shop = Shop::new();
    let (feed, fed) = held::fed();
    let asked = shop.get("/a");
    shop.origin.next().await.answer(fresh_with(fed));
    feed.data(DIGITS);
    feed.trailers(HeaderMap::from_iter([("x-sum", "1")].map(
        |(name, value)| {
            let name = http::HeaderName::from_static(name);
            (name, http::HeaderValue::from_static(value))
        },
    )));
    drop(feed);
    eventually(|| asked.is_finished()).await;
    assert!(asked.await.unwrap().unwrap().trailers.is_some());
    for (name, value) in [("range", "bytes=2-4"), ("if-none-match", "*")] {
        let mut request = request("GET", "/a");
        request.headers_mut().insert(name, value.parse().unwrap());
        let heard = shop.ask(request).await.unwrap().unwrap();
        assert!(matches!(heard.status, 206 | 304), "{name}");
        assert_eq!(heard.trailers, None, "{name}");
    }
}

/// The bytes of a response from memory, in one frame.
async fn bytes(
    app: &tower::util::BoxCloneService<Request<Body>, http::Response<Body>, Infallible>,
    range: Option<&str>,
) -> Bytes {
    let mut request = request("GET", "/a");
    if let Some(range) = range {
        request
            .headers_mut()
            .insert("range", range.parse().unwrap());
    }
    let mut response = app.clone().oneshot(request).await.unwrap();
    let frame = response.body_mut().frame().await.unwrap().unwrap();
    frame.into_data().unwrap()
}

#[tokio::test]
async fn a_part_is_not_copied_out_of_the_stored_bytes() {
    let service = Cache::local()
        .layer()
        .layer(service_fn(|_: Request<Body>| async {
            let response = http::Response::builder().header("cache-control", "max-age=60");
            Ok::<_, Infallible>(response.body(Full::<Bytes>::from(DIGITS)).unwrap())
        }));
    let app = service.map_response(|response| response.map(Body::new));
    let app = tower::util::BoxCloneService::new(app);
    bytes(&app, None).await;
    let (whole, part) = (
        bytes(&app, None).await,
        bytes(&app, Some("bytes=2-4")).await,
    );
    assert_eq!(part, "234");
    assert_eq!(part.as_ptr(), whole.slice(2..).as_ptr());
}
