//! Requests by which a client asks whether it has the response already, answered from
//! memory (RFC 9110 §13, RFC 9111 §4.3.2), and what the handler sees of them.
#![allow(
    clippy::disallowed_methods,
    reason = "a handler's `Date` is that of the real clock, where the test's clock begins"
)]

use crate::held::{Shop, body, chunk, eventually, fed, fresh_with, settle, spring, whole};
use crate::origin::{Lines, Origin, borrowed, field, owned, response, with};
use crate::support::{get, request_with};
use axum::body::Body;
use axum::http::{HeaderMap, Request};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};
use tower_coherence::{Cache, Invalidate, Policy};

const MINUTE: Duration = Duration::from_secs(60);
const FRESH: (&str, &str) = ("cache-control", "max-age=60");
const TAGGED: Lines<'_> = &[FRESH, ("etag", "\"a\"")];

fn asks(uri: &str, lines: Lines<'_>) -> Request<Body> {
    request_with("GET", uri, lines)
}

fn tagged(tag: &str, body: crate::held::OriginBody) -> http::Response<crate::held::OriginBody> {
    let mut response = fresh_with(body);
    response.headers_mut().insert("etag", tag.parse().unwrap());
    response
}

fn seconds_from_now(seconds: i64) -> String {
    let by = Duration::from_secs(seconds.unsigned_abs());
    let now = SystemTime::now();
    httpdate::fmt_http_date(if seconds < 0 { now - by } else { now + by })
}

/// The status and the number of runs after this request.
async fn asked(origin: &Origin, lines: Lines<'_>) -> (u16, u64) {
    (origin.ask("GET", "/a", lines).await.status, origin.runs())
}

mod from_memory {
    use super::*;

    #[tokio::test]
    async fn a_304_has_the_fields_of_its_200_and_no_content() {
        let cache = Cache::local();
        let expires = seconds_from_now(60);
        let lines = [
            FRESH,
            ("etag", "\"a\""),
            ("content-location", "/b"),
            ("expires", &expires),
            ("vary", "accept"),
            ("content-type", "text/x"),
            ("content-length", "5"),
            ("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT"),
        ];
        let origin = Origin::says(cache.layer(), &lines);
        let filled = origin.get("/a").await;
        let same = [("if-none-match", "\"a\"")];
        let answer = origin.ask("GET", "/a", &same).await;
        assert_eq!((answer.status, answer.body.as_str()), (304, ""));
        for name in [
            "cache-control",
            "content-location",
            "date",
            "etag",
            "expires",
            "vary",
        ] {
            assert!(field(&answer, name).is_some(), "{name}");
            assert_eq!(field(&answer, name), field(&filled, name), "{name}");
        }
        assert_eq!(field(&answer, "age"), Some("0"));
        for name in ["content-type", "content-length", "last-modified"] {
            assert_eq!(field(&answer, name), None, "{name}");
        }
        assert_eq!((origin.runs(), cache.stats().hits), (1, 1));
    }

    #[tokio::test]
    async fn if_none_match_is_compared_weakly_in_lists_and_with_a_star() {
        let origin = Origin::says(Cache::local().layer(), TAGGED);
        origin.get("/a").await;
        for (value, status) in [
            ("\"a\"", 304),
            ("W/\"a\"", 304),
            ("\"b\", \"a\"", 304),
            ("*", 304),
            ("\"b\"", 200),
            ("a", 200),
        ] {
            let lines = [("if-none-match", value)];
            assert_eq!(asked(&origin, &lines).await, (status, 1), "{value}");
        }
    }

    #[tokio::test]
    async fn if_modified_since_is_compared_with_last_modified_or_the_handlers_date() {
        let (before, then, after) = (
            seconds_from_now(-30),
            seconds_from_now(-20),
            seconds_from_now(-10),
        );
        for name in ["last-modified", "date"] {
            let origin = Origin::says(Cache::local().layer(), &[FRESH, (name, &then)]);
            origin.get("/a").await;
            for (since, status) in [(&before, 200), (&then, 304), (&after, 304)] {
                let lines = [("if-modified-since", since.as_str())];
                assert_eq!(asked(&origin, &lines).await, (status, 1), "{name}");
            }
        }
    }

    /// What a write changed within one second, or what an instance with a clock that
    /// is behind has filled, would count as unmodified.
    #[tokio::test]
    async fn a_date_that_the_cache_has_set_says_nothing_about_modification() {
        let origin = Origin::says(Cache::local().layer(), &[FRESH]);
        let old = origin.get("/a").await;
        origin.ask("PUT", "/a", &[]).await;
        let new = origin.get("/a").await;
        let made = field(&old, "date").unwrap();
        let later = seconds_from_now(100);
        for since in [made, field(&new, "date").unwrap(), &later] {
            let answer = origin
                .ask("GET", "/a", &[("if-modified-since", since)])
                .await;
            assert_eq!((answer.status, answer.body.as_str()), (200, "run 3"));
        }
    }

    #[tokio::test]
    async fn beside_if_none_match_the_date_is_not_looked_at() {
        let then = seconds_from_now(-20);
        let lines = [FRESH, ("etag", "\"a\""), ("last-modified", &then)];
        let origin = Origin::says(Cache::local().layer(), &lines);
        origin.get("/a").await;
        for (tag, status) in [("\"a\"", 304), ("\"b\"", 200)] {
            let lines = [("if-none-match", tag), ("if-modified-since", &then)];
            assert_eq!(asked(&origin, &lines).await, (status, 1), "{tag}");
        }
    }

    #[tokio::test]
    async fn only_a_stored_200_is_compared() {
        for status in [200, 203, 301, 404] {
            let origin = Origin::new(Cache::local().layer(), move |_| {
                response(status, TAGGED, "x")
            });
            origin.get("/a").await;
            let expected = if status == 200 { 304 } else { status };
            for value in ["\"a\"", "*"] {
                let lines = [("if-none-match", value)];
                assert_eq!(asked(&origin, &lines).await, (expected, 1));
            }
        }
    }

    #[tokio::test]
    async fn head_is_compared_as_get_is() {
        let origin = Origin::says(Cache::local().layer(), TAGGED);
        origin.get("/a").await;
        for (tag, status) in [("\"a\"", 304), ("\"b\"", 200)] {
            let answer = origin.ask("HEAD", "/a", &[("if-none-match", tag)]).await;
            assert_eq!((answer.status, answer.body.as_str()), (status, ""));
        }
        assert_eq!(origin.runs(), 1);
    }

    #[tokio::test]
    async fn what_a_write_made_stale_is_compared_with_nothing() {
        let origin = Origin::says(Cache::local().layer(), TAGGED);
        origin.get("/a").await;
        let same = [("if-none-match", "\"b\"")];
        assert_eq!(asked(&origin, &same).await, (200, 1));
        origin.ask("PUT", "/a", &[]).await;
        let answer = origin.ask("GET", "/a", &same).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "run 3"));
    }

    #[tokio::test]
    async fn what_expired_is_compared_with_what_the_handler_says_now() {
        let clock = tower_coherence::test_util::Clock::new();
        let cache = Cache::builder().clock(clock.clone()).build().unwrap();
        let runs = crate::support::Runs::default();
        let origin = Origin::new(cache.layer(), move |_| {
            let tag = format!("\"{}\"", runs.next());
            response(200, &[FRESH, ("etag", &tag)], "x")
        });
        origin.get("/a").await;
        assert_eq!(
            asked(&origin, &[("if-none-match", "\"1\"")]).await,
            (304, 1)
        );
        clock.advance(MINUTE);
        assert_eq!(
            asked(&origin, &[("if-none-match", "\"1\"")]).await,
            (200, 2)
        );
        assert_eq!(
            asked(&origin, &[("if-none-match", "\"2\"")]).await,
            (304, 2)
        );
    }
}

mod what_the_handler_sees {
    use super::*;

    const ALL: Lines<'_> = &[
        ("if-none-match", "\"x\""),
        ("if-modified-since", "Sun, 06 Nov 1994 08:49:37 GMT"),
        ("range", "bytes=0-1"),
        ("if-range", "\"x\""),
    ];

    /// An origin that says this, and the fields of its last request.
    fn watched(cache: &Cache, policy: Policy, says: Lines<'_>) -> (Origin, Arc<Mutex<HeaderMap>>) {
        let seen = Arc::new(Mutex::new(HeaderMap::new()));
        let (see, says) = (seen.clone(), owned(says));
        let origin = Origin::new(with(cache, policy), move |request| {
            see.lock().unwrap().clone_from(request.headers());
            response(200, &borrowed(&says), "text")
        });
        (origin, seen)
    }

    fn sees(seen: &Mutex<HeaderMap>) -> usize {
        let seen = seen.lock().unwrap();
        ALL.iter()
            .filter(|(name, _)| seen.contains_key(*name))
            .count()
    }

    #[tokio::test]
    async fn any_first_request_fills_the_cache_with_the_full_response() {
        for line in ALL {
            let cache = Cache::local();
            let (origin, seen) = watched(&cache, Policy::from_headers(), &[FRESH]);
            let lines = [*line, ("accept", "x")];
            origin.ask("GET", "/a", &lines).await;
            assert_eq!(sees(&seen), 0, "{line:?}");
            assert!(seen.lock().unwrap().contains_key("accept"));
            assert_eq!((cache.stats().fills, cache.stats().stored), (1, 1));
            let whole = origin.get("/a").await;
            assert_eq!((whole.status, whole.body.as_str()), (200, "text"));
            assert_eq!(origin.runs(), 1);
        }
    }

    #[tokio::test]
    async fn a_request_that_is_passed_on_keeps_its_own_fields() {
        let cases = [
            (Policy::bypass(), "GET", &[][..]),
            (Policy::from_headers().scope(|_| None), "GET", &[]),
            (Policy::from_headers(), "HEAD", &[]),
            (
                Policy::from_headers(),
                "GET",
                &[("cache-control", "no-store")],
            ),
        ];
        for (policy, method, more) in cases {
            let (origin, seen) = watched(&Cache::local(), policy, &[FRESH]);
            let lines = [ALL, more].concat();
            let answer = origin.ask(method, "/a", &lines).await;
            assert_eq!((answer.status, sees(&seen)), (200, 4), "{method} {more:?}");
        }
    }

    #[tokio::test]
    async fn preconditions_of_the_origin_are_the_handlers_with_all_others() {
        let cache = Cache::local();
        let (origin, seen) = watched(&cache, Policy::from_headers(), TAGGED);
        origin.get("/a").await;
        for line in [("if-match", "\"b\""), ("if-unmodified-since", "x")] {
            let lines = [ALL, &[line, ("if-none-match", "\"a\"")]].concat();
            let answer = origin.ask("GET", "/a", &lines).await;
            assert_eq!((answer.status, sees(&seen)), (200, 4), "{line:?}");
        }
        assert_eq!(cache.stats().bypasses["precondition"], 2);
    }

    #[tokio::test]
    async fn what_cannot_be_stored_is_whole_for_the_first_and_the_handlers_for_the_next() {
        let cache = Cache::local();
        let (origin, seen) = watched(&cache, Policy::from_headers(), &[("etag", "\"a\"")]);
        for line in [("if-none-match", "\"a\""), ("range", "bytes=0-1")] {
            let uri = format!("/{}", line.0);
            let first = origin.ask("GET", &uri, &[line]).await;
            assert_eq!((first.status, first.body.as_str()), (200, "text"));
            assert_eq!(sees(&seen), 0);
            // The key is known to be uncacheable now.
            origin.ask("GET", &uri, &[line]).await;
            assert_eq!(sees(&seen), 1, "{line:?}");
        }
        assert_eq!(cache.stats().bypasses["conditional"], 2);
        assert_eq!(cache.stats().stored, 0);
    }

    #[tokio::test]
    async fn without_a_permit_to_fill_the_handler_sees_the_clients_fields() {
        let cache = Cache::builder().max_fills(1).build().unwrap();
        let mut shop = Shop::of(cache, Policy::from_headers());
        let first = shop.get("/a");
        let call = shop.origin.next().await;
        let second = shop.ask(asks("/b", ALL));
        let passed = shop.origin.next().await;
        assert!(
            ALL.iter()
                .all(|(name, _)| passed.request.headers().contains_key(*name))
        );
        passed.answer(tagged("\"x\"", whole("b")));
        call.answer(tagged("\"x\"", whole("a")));
        assert_eq!(
            (body(first).await, body(second).await),
            ("a".into(), "b".into())
        );
    }
}

mod fills {
    use super::*;

    const WAITERS: [(&str, &str, u16, &str); 5] = [
        ("accept", "x", 200, "0123456789"),
        ("if-none-match", "\"b\", \"a\"", 304, ""),
        ("if-none-match", "\"b\"", 200, "0123456789"),
        ("range", "bytes=2-4", 206, "234"),
        ("range", "bytes=10-", 416, ""),
    ];

    #[tokio::test]
    async fn the_leader_and_each_that_waits_are_answered_by_their_own_fields() {
        // Each of them leads once.
        for leader in 0..WAITERS.len() {
            let mut shop = Shop::new();
            let mut order = WAITERS;
            order.swap(0, leader);
            let asked = order.map(|(name, value, ..)| shop.ask(asks("/a", &[(name, value)])));
            let call = shop.origin.next().await;
            assert_eq!(shop.origin.waiting().await, 0);
            call.answer(tagged("\"a\"", whole("0123456789")));
            for (asked, expected) in asked.into_iter().zip(order) {
                eventually(|| asked.is_finished()).await;
                let heard = asked.await.unwrap().unwrap();
                let found = (heard.status, heard.text.as_str());
                assert_eq!(found, (expected.2, expected.3), "{expected:?} {leader}");
            }
            let stats = shop.cache.stats();
            assert_eq!((stats.fills, stats.waiters, stats.stored), (1, 4, 1));
        }
    }

    #[tokio::test]
    async fn a_leader_that_has_it_is_told_at_the_head_and_the_fill_goes_on() {
        let mut shop = Shop::new();
        let leader = shop.ask(asks("/a", &[("if-none-match", "\"a\"")]));
        let (feed, fed) = fed();
        shop.origin.next().await.answer(tagged("\"a\"", fed));
        eventually(|| leader.is_finished()).await;
        assert_eq!(leader.await.unwrap().unwrap().status, 304);
        let waiter = shop.get("/a");
        feed.data("text");
        settle().await;
        assert!(!waiter.is_finished());
        drop(feed);
        assert_eq!(body(waiter).await, "text");
        assert_eq!(shop.see("/a", "new").await, "text");
    }

    #[tokio::test]
    async fn a_leader_whose_tag_differs_streams() {
        let mut shop = Shop::new();
        let head = shop.head(asks("/a", &[("if-none-match", "\"b\"")]));
        let (feed, fed) = fed();
        shop.origin.next().await.answer(tagged("\"a\"", fed));
        settle().await;
        assert!(head.is_finished());
        let mut response = head.await.unwrap().unwrap();
        feed.data("te");
        assert_eq!(chunk(&mut response).await.as_deref(), Some("te"));
    }

    #[tokio::test]
    async fn who_comes_after_an_invalidation_is_not_told_that_the_old_one_is_unmodified() {
        let mut shop = Shop::new();
        let leader = shop.get("/a");
        let old = shop.origin.next().await;
        let receipt = shop.cache.invalidate(Invalidate::path("/a")).await;
        drop(receipt);
        let late = shop.ask(asks("/a", &[("if-none-match", "\"old\"")]));
        settle().await;
        old.answer(tagged("\"old\"", whole("old")));
        assert_eq!(body(leader).await, "old");
        shop.origin
            .next()
            .await
            .answer(tagged("\"new\"", whole("new")));
        eventually(|| late.is_finished()).await;
        let heard = late.await.unwrap().unwrap();
        assert_eq!((heard.status, heard.text.as_str()), (200, "new"));
    }

    #[tokio::test]
    async fn a_part_of_what_was_invalidated_meanwhile_goes_to_its_leader_and_to_nobody_later() {
        let mut shop = Shop::new();
        let leader = shop.ask(asks("/a", &[("range", "bytes=0-1")]));
        let (feed, old) = fed();
        shop.origin.next().await.answer(tagged("\"a\"", old));
        feed.data("old");
        settle().await;
        drop(shop.cache.invalidate(Invalidate::path("/a")).await);
        let late = shop.ask(asks("/a", &[("range", "bytes=0-1")]));
        settle().await;
        drop(feed);
        assert_eq!(body(leader).await, "ol");
        shop.origin
            .next()
            .await
            .answer(tagged("\"a\"", whole("new")));
        assert_eq!(body(late).await, "ne");
        assert_eq!(shop.see("/a", "newer").await, "new");
    }

    #[tokio::test]
    async fn a_waiting_leader_that_hangs_up_leaves_the_fill_to_the_others() {
        let mut shop = Shop::new();
        let leader = shop.ask(asks("/a", &[("range", "bytes=0-0")]));
        let (feed, fed) = fed();
        shop.origin.next().await.answer(tagged("\"a\"", fed));
        settle().await;
        leader.abort();
        feed.data("text");
        drop(feed);
        assert_eq!(shop.see("/a", "new").await, "text");
    }

    #[tokio::test]
    async fn a_body_that_fails_or_is_too_long_goes_to_the_waiting_leader_as_a_200() {
        let cache = Cache::builder().max_body_bytes(100).build().unwrap();
        let mut shop = Shop::of(cache, Policy::from_headers());
        let part = || asks("/a", &[("range", "bytes=0-1")]);
        let (feed, fed) = fed();
        let head = shop.head(part());
        shop.origin.next().await.answer(tagged("\"a\"", fed));
        feed.data("text");
        settle().await;
        assert!(!head.is_finished());
        feed.fail();
        let mut failed = head.await.unwrap().unwrap();
        assert_eq!(failed.status(), 200);
        assert_eq!(chunk(&mut failed).await.as_deref(), Some("text"));
        let next = http_body_util::BodyExt::frame(failed.body_mut()).await;
        assert!(next.unwrap().is_err());

        let head = shop.head(part());
        let (_flow, endless) = spring(60);
        shop.origin.next().await.answer(tagged("\"a\"", endless));
        let mut long = head.await.unwrap().unwrap();
        assert_eq!(
            (long.status().as_u16(), long.headers().get("content-range")),
            (200, None)
        );
        assert_eq!(chunk(&mut long).await.unwrap().len(), 120);
        assert_eq!(chunk(&mut long).await.unwrap().len(), 60);
        assert_eq!(shop.cache.stats().stored, 0);
    }

    #[tokio::test]
    async fn a_slow_body_goes_to_the_waiting_leader_after_the_fill_timeout() {
        let clock = tower_coherence::test_util::Clock::new();
        let cache = Cache::builder().clock(clock.clone()).build().unwrap();
        let mut shop = Shop::of(cache, Policy::from_headers());
        let head = shop.head(asks("/a", &[("range", "bytes=0-1")]));
        let (feed, fed) = fed();
        shop.origin.next().await.answer(tagged("\"a\"", fed));
        feed.data("te");
        settle().await;
        assert!(!head.is_finished());
        clock.advance(Duration::from_secs(30));
        let mut slow = head.await.unwrap().unwrap();
        feed.data("xt");
        assert_eq!(slow.status(), 200);
        assert_eq!(chunk(&mut slow).await.as_deref(), Some("te"));
        assert_eq!(chunk(&mut slow).await.as_deref(), Some("xt"));
    }
}

#[tokio::test]
async fn a_vary_on_a_condition_divides_as_any_other() {
    let lines = [FRESH, ("etag", "\"a\""), ("vary", "if-none-match")];
    let origin = Origin::says(Cache::local().layer(), &lines);
    assert_eq!(get(&origin.app, "/a").await.body, "run 1");
    assert_eq!(
        asked(&origin, &[("if-none-match", "\"a\"")]).await,
        (304, 2)
    );
    assert_eq!(
        asked(&origin, &[("if-none-match", "\"a\"")]).await,
        (304, 2)
    );
    assert_eq!(get(&origin.app, "/a").await.body, "run 1");
}
