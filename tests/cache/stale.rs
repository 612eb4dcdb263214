//! What is served although it is not fresh: while it is fetched anew, or where that fails
//! (RFC 5861). P1 holds for it.

use crate::held::{
    Asked, Failure, OriginBody, Shop, body, eventually, fresh, read, settle, spawn, whole,
    with_status,
};
use crate::origin::Lines;
use crate::support::request_with;
use axum::body::Body;
use http::{HeaderMap, Request, Response};
use std::time::Duration;
use tower_coherence::policy::StatusHeader;
use tower_coherence::test_util::Clock;
use tower_coherence::{Cache, Invalidate, Policy};

const MINUTE: Duration = Duration::from_secs(60);
const SECOND: Duration = Duration::from_secs(1);
const WHILE: &str = "max-age=60, stale-while-revalidate=30";
const IF_ERROR: &str = "max-age=60, stale-if-error=30";

fn says(lines: Lines<'_>, text: &'static str) -> Response<OriginBody> {
    let mut response = Response::new(whole(text));
    for (name, value) in lines {
        let name: http::HeaderName = name.parse().unwrap();
        response.headers_mut().append(name, value.parse().unwrap());
    }
    response
}

fn for_a_while(text: &'static str) -> Response<OriginBody> {
    says(&[("cache-control", WHILE)], text)
}

fn shop(policy: Policy) -> (Shop, Clock) {
    let clock = Clock::new();
    let cache = Cache::builder().clock(clock.clone()).build().unwrap();
    (Shop::of(cache, policy), clock)
}

/// A shop in which `/a` has just expired.
async fn expired(line: &'static str) -> (Shop, Clock) {
    let (mut shop, clock) = shop(Policy::from_headers());
    fill(&mut shop, says(&[("cache-control", line)], "old")).await;
    clock.advance(MINUTE);
    (shop, clock)
}

async fn fill(shop: &mut Shop, response: Response<OriginBody>) {
    let asked = shop.get("/a");
    shop.origin.next().await.answer(response);
    body(asked).await;
}

fn stale(shop: &Shop, reason: &str) -> u64 {
    shop.cache.stats().stale.get(reason).copied().unwrap_or(0)
}

/// What a client gets without the handler, with the fields.
async fn head(shop: &Shop, request: Request<Body>) -> (HeaderMap, String) {
    let asked = shop.head(request);
    eventually(|| asked.is_finished()).await;
    let response = asked.await.unwrap().unwrap();
    let fields = response.headers().clone();
    (fields, read(response).await.unwrap().text)
}

async fn failed(asked: Asked) -> Failure {
    eventually(|| asked.is_finished()).await;
    asked.await.unwrap().unwrap_err()
}

mod while_it_is_fetched {
    use super::*;

    #[tokio::test]
    async fn it_is_served_at_once_and_fetched_once() {
        let (mut shop, clock) = expired(WHILE).await;
        for _ in 0..3 {
            let (fields, text) = head(&shop, request_with("GET", "/a", &[])).await;
            assert_eq!(
                (text.as_str(), &fields["age"]),
                ("old", &"60".parse().unwrap())
            );
        }
        let refresh = shop.origin.next().await;
        clock.advance(SECOND);
        assert_eq!(body(shop.get("/a")).await, "old");
        assert_eq!(shop.origin.waiting().await, 0);
        refresh.answer(for_a_while("new"));
        settle().await;
        let (fields, text) = head(&shop, request_with("GET", "/a", &[])).await;
        assert_eq!(
            (text.as_str(), &fields["age"]),
            ("new", &"1".parse().unwrap())
        );
        let stats = shop.cache.stats();
        assert_eq!((stats.hits, stats.refreshes, stats.fills), (5, 1, 2));
        assert_eq!(stale(&shop, "while-revalidate"), 4);
    }

    #[tokio::test]
    async fn past_its_window_it_is_fetched_first() {
        let (mut shop, clock) = expired(WHILE).await;
        clock.advance(Duration::from_secs(30));
        let asked = shop.get("/a");
        shop.origin.next().await.answer(for_a_while("new"));
        assert_eq!(body(asked).await, "new");
        assert_eq!(stale(&shop, "while-revalidate"), 0);
    }

    #[tokio::test]
    async fn what_forbids_it_wins_over_a_window() {
        for more in ["must-revalidate", "proxy-revalidate", "s-maxage=60"] {
            let line = format!("{WHILE}, {more}");
            let (mut shop, _) = expired(line.leak()).await;
            let asked = shop.get("/a");
            shop.origin.next().await.answer(fresh("new"));
            assert_eq!(body(asked).await, "new", "{more}");
        }
    }

    #[tokio::test]
    async fn a_route_opens_the_window_where_the_response_says_nothing() {
        let route = Policy::from_headers().stale_while_revalidate(Duration::from_secs(30));
        let (mut shop, clock) = shop(route);
        fill(&mut shop, fresh("old")).await;
        clock.advance(MINUTE);
        assert_eq!(body(shop.get("/a")).await, "old");
        let closed = [("cache-control", "max-age=60, stale-while-revalidate=0")];
        shop.origin.next().await.answer(says(&closed, "new"));
        settle().await;
        clock.advance(MINUTE);
        assert_eq!(shop.see("/a", "newer").await, "newer");
    }

    #[tokio::test]
    async fn the_request_in_the_background_is_nobodys() {
        let (mut shop, clock) = shop(Policy::from_headers());
        let public = [
            (
                "cache-control",
                "public, max-age=60, stale-while-revalidate=30",
            ),
            ("vary", "accept-language"),
            ("etag", "\"a\""),
        ];
        let asked = shop.ask(request_with("GET", "/a", &[("accept-language", "en")]));
        shop.origin.next().await.answer(says(&public, "old"));
        body(asked).await;
        clock.advance(MINUTE);
        let lines = [
            ("accept-language", "en"),
            ("cookie", "session=1"),
            ("authorization", "Basic x"),
            ("cache-control", "no-store"),
            ("range", "bytes=0-1"),
            ("if-none-match", "\"b\""),
        ];
        let (fields, text) = head(&shop, request_with("HEAD", "/a", &lines)).await;
        assert_eq!(
            (text.as_str(), &fields["content-length"]),
            ("", &"3".parse().unwrap())
        );
        let refresh = shop.origin.next().await;
        assert_eq!(refresh.request.method(), "GET");
        let seen = refresh.request.headers();
        let mut names: Vec<_> = seen.keys().map(http::HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["accept-language", "host", "if-none-match"]);
        assert_eq!(seen["if-none-match"], "\"a\"");
        // It answers for the variant that was asked for.
        refresh.answer(says(&public, "new"));
        settle().await;
        let asked = shop.ask(request_with("GET", "/a", &[("accept-language", "en")]));
        assert_eq!(body(asked).await, "new");
    }

    #[tokio::test]
    async fn what_differs_by_who_asks_is_fetched_by_the_one_who_asks() {
        let (mut shop, clock) = shop(Policy::from_headers());
        let public = [
            (
                "cache-control",
                "public, max-age=60, stale-while-revalidate=30",
            ),
            ("vary", "cookie"),
        ];
        let own: Lines<'_> = &[("cookie", "a=1")];
        let asked = shop.ask(request_with("GET", "/a", own));
        shop.origin.next().await.answer(says(&public, "old"));
        body(asked).await;
        clock.advance(MINUTE);
        let asked = shop.ask(request_with("GET", "/a", own));
        let call = shop.origin.next().await;
        assert_eq!(call.request.headers()["cookie"], "a=1");
        call.answer(says(&public, "new"));
        assert_eq!(body(asked).await, "new");
    }

    #[tokio::test]
    async fn a_refresh_that_fails_leaves_what_is_stored() {
        let (mut shop, _) = expired(WHILE).await;
        for status in [500, 503, 429, 401] {
            assert_eq!(body(shop.get("/a")).await, "old");
            shop.origin.next().await.answer(with_status(status));
            settle().await;
        }
        assert_eq!(body(shop.get("/a")).await, "old");
        shop.origin.next().await.fail();
        settle().await;
        assert_eq!(body(shop.get("/a")).await, "old");
        shop.origin.next().await.answer(for_a_while("new"));
        settle().await;
        assert_eq!(body(shop.get("/a")).await, "new");
    }

    #[tokio::test]
    async fn a_refresh_that_brings_what_is_not_stored_takes_the_old_away() {
        let (mut shop, _) = expired(WHILE).await;
        assert_eq!(body(shop.get("/a")).await, "old");
        shop.origin.next().await.answer(with_status(404));
        settle().await;
        assert_eq!(shop.see("/a", "new").await, "new");
    }

    #[tokio::test]
    async fn without_a_permit_it_is_served_and_not_fetched() {
        let clock = Clock::new();
        let builder = Cache::builder().clock(clock.clone()).max_fills(1);
        let mut shop = Shop::of(builder.build().unwrap(), Policy::from_headers());
        fill(&mut shop, for_a_while("old")).await;
        clock.advance(MINUTE);
        let other = shop.get("/b");
        let held = shop.origin.next().await;
        assert_eq!(body(shop.get("/a")).await, "old");
        assert_eq!(shop.origin.waiting().await, 0);
        assert_eq!(shop.refused("fills-over-the-limit"), 1);
        held.answer(fresh("b"));
        body(other).await;
        assert_eq!(body(shop.get("/a")).await, "old");
        shop.origin.next().await;
    }

    #[tokio::test]
    async fn cache_status_says_that_it_is_stale() {
        let policy = Policy::from_headers().cache_status(StatusHeader::On);
        let (mut shop, clock) = shop(policy);
        fill(&mut shop, for_a_while("old")).await;
        clock.advance(MINUTE + 5 * SECOND);
        let (fields, _) = head(&shop, request_with("GET", "/a", &[])).await;
        assert_eq!(fields["cache-status"], "tower-coherence; hit; ttl=-5");
    }
}

mod ahead {
    use super::*;

    #[tokio::test]
    async fn what_is_asked_for_late_in_its_lifetime_is_fetched_before_it_expires() {
        let (mut shop, clock) = shop(Policy::from_headers().refresh_ahead(0.9));
        fill(&mut shop, fresh("old")).await;
        clock.advance(53 * SECOND);
        assert_eq!(body(shop.get("/a")).await, "old");
        assert_eq!(shop.origin.waiting().await, 0);
        clock.advance(SECOND);
        for _ in 0..3 {
            assert_eq!(body(shop.get("/a")).await, "old");
        }
        shop.origin.next().await.answer(fresh("new"));
        settle().await;
        assert_eq!(body(shop.get("/a")).await, "new");
        clock.advance(53 * SECOND);
        assert_eq!(body(shop.get("/a")).await, "new");
        let stats = shop.cache.stats();
        assert_eq!((stats.refreshes, stats.fills, stats.hits), (1, 2, 6));
        assert!(stats.stale.is_empty());
        assert_eq!(shop.origin.waiting().await, 0);
    }

    #[tokio::test]
    async fn if_that_fails_it_is_served_until_it_expires() {
        let (mut shop, clock) = shop(Policy::from_headers().refresh_ahead(0.5));
        fill(&mut shop, fresh("old")).await;
        clock.advance(30 * SECOND);
        assert_eq!(body(shop.get("/a")).await, "old");
        shop.origin.next().await.fail();
        settle().await;
        clock.advance(29 * SECOND);
        assert_eq!(body(shop.get("/a")).await, "old");
        shop.origin.next().await.answer(with_status(503));
        settle().await;
        clock.advance(SECOND);
        assert_eq!(shop.see("/a", "new").await, "new");
    }

    /// P1 for it.
    #[tokio::test]
    async fn what_is_invalidated_meanwhile_is_not_stored() {
        let (mut shop, _) = shop(Policy::from_headers().refresh_ahead(0.0));
        fill(&mut shop, fresh("old")).await;
        assert_eq!(body(shop.get("/a")).await, "old");
        let refresh = shop.origin.next().await;
        shop.cache.invalidate_now(Invalidate::path("/a"));
        refresh.answer(fresh("between"));
        settle().await;
        assert_eq!(shop.see("/a", "new").await, "new");
    }
}

mod what_was_invalidated {
    use super::*;

    #[tokio::test]
    async fn is_not_served_stale() {
        for line in [WHILE, IF_ERROR] {
            let (mut shop, _) = expired(line).await;
            shop.cache.invalidate_now(Invalidate::path("/a"));
            let asked = shop.get("/a");
            shop.origin.next().await.fail();
            failed(asked).await;
        }
    }

    /// P1 for the request in the background.
    #[tokio::test]
    async fn while_it_was_fetched_in_the_background_is_not_stored() {
        let (mut shop, _) = expired(WHILE).await;
        assert_eq!(body(shop.get("/a")).await, "old");
        let refresh = shop.origin.next().await;
        shop.cache.invalidate_now(Invalidate::path("/a"));
        let later = shop.get("/a");
        settle().await;
        refresh.answer(for_a_while("between"));
        shop.origin.next().await.answer(for_a_while("new"));
        assert_eq!(body(later).await, "new");
        assert_eq!(body(shop.get("/a")).await, "new");
        assert_eq!(shop.refused("invalidated-meanwhile"), 1);
    }

    /// P1 for what stands in.
    #[tokio::test]
    async fn after_the_handler_was_asked_does_not_stand_in_for_its_error() {
        let (mut shop, _) = expired(IF_ERROR).await;
        let asked = shop.get("/a");
        let call = shop.origin.next().await;
        shop.cache.invalidate_now(Invalidate::path("/a"));
        call.fail();
        failed(asked).await;
        // The handler may have noted it itself, before it failed.
        for panics in [false, true] {
            let (mut shop, _) = expired(IF_ERROR).await;
            let asked = shop.get("/a");
            let call = shop.origin.next().await;
            call.context().invalidate(Invalidate::path("/a"));
            if panics {
                call.panic();
            } else {
                call.fail();
            }
            eventually(|| asked.is_finished()).await;
            assert!(!matches!(asked.await, Ok(Ok(_))));
        }
    }

    /// P1 for a negative response.
    #[tokio::test]
    async fn is_gone_also_where_it_was_a_404() {
        let (mut shop, _) = shop(Policy::from_headers());
        let absent = || {
            let mut response = fresh("absent");
            *response.status_mut() = http::StatusCode::NOT_FOUND;
            response
        };
        fill(&mut shop, absent()).await;
        assert_eq!(body(shop.get("/a")).await, "absent");
        shop.cache.invalidate_now(Invalidate::path("/a"));
        let asked = shop.get("/a");
        let call = shop.origin.next().await;
        shop.cache.invalidate_now(Invalidate::path("/a"));
        call.answer(absent());
        body(asked).await;
        assert_eq!(shop.see("/a", "there").await, "there");
    }
}

mod what_was_softly_invalidated {
    use super::*;

    #[tokio::test]
    async fn is_stale_at_once_and_served_while_it_is_fetched() {
        let (mut shop, _) = shop(Policy::from_headers());
        fill(&mut shop, for_a_while("old")).await;
        shop.cache.invalidate_now(Invalidate::path("/a").soft());
        assert_eq!(body(shop.get("/a")).await, "old");
        shop.origin.next().await.answer(for_a_while("new"));
        settle().await;
        assert_eq!(body(shop.get("/a")).await, "new");
        assert_eq!(stale(&shop, "while-revalidate"), 1);
    }

    #[tokio::test]
    async fn is_served_for_its_window_from_then_on() {
        let (mut shop, clock) = shop(Policy::from_headers());
        fill(&mut shop, for_a_while("old")).await;
        shop.cache.invalidate_now(Invalidate::path("/a").soft());
        assert_eq!(body(shop.get("/a")).await, "old");
        shop.origin.next().await.fail();
        settle().await;
        clock.advance(29 * SECOND);
        assert_eq!(body(shop.get("/a")).await, "old");
        shop.origin.next().await.fail();
        settle().await;
        clock.advance(SECOND);
        assert_eq!(shop.see("/a", "new").await, "new");
    }

    #[tokio::test]
    async fn is_not_served_where_there_is_no_window() {
        let (mut shop, _) = shop(Policy::from_headers());
        fill(&mut shop, fresh("old")).await;
        shop.cache.invalidate_now(Invalidate::path("/a").soft());
        assert_eq!(shop.see("/a", "new").await, "new");
        let stats = shop.cache.stats();
        assert_eq!(stats.misses.get("softly-invalidated"), Some(&1));
    }

    #[tokio::test]
    async fn is_gone_for_good_after_a_hard_one() {
        let (mut shop, _) = shop(Policy::from_headers());
        fill(&mut shop, for_a_while("old")).await;
        shop.cache.invalidate_now(Invalidate::path("/a"));
        shop.cache.invalidate_now(Invalidate::path("/a").soft());
        assert_eq!(shop.see("/a", "new").await, "new");
    }

    /// P4: whoever wants to see a write is not content with what is stale by it.
    #[tokio::test]
    async fn is_not_for_a_request_with_a_token() {
        let name = http::HeaderName::from_static("x-wrote");
        let cache = Cache::builder().token_header(name).build().unwrap();
        let mut shop = Shop::of(cache, Policy::from_headers());
        fill(&mut shop, for_a_while("old")).await;
        let receipt = shop.cache.invalidate(Invalidate::path("/a").soft()).await;
        let token = receipt.token().unwrap().to_string();
        let asked = shop.ask(request_with("GET", "/a", &[("x-wrote", &token)]));
        shop.origin.next().await.answer(for_a_while("new"));
        assert_eq!(body(asked).await, "new");
    }
}

mod where_the_handler_fails {
    use super::*;

    #[tokio::test]
    async fn its_errors_are_answered_with_what_is_stale() {
        let (mut shop, _) = expired(IF_ERROR).await;
        for status in [500, 502, 503, 504] {
            let asked = shop.get("/a");
            shop.origin.next().await.answer(with_status(status));
            assert_eq!(body(asked).await, "old", "{status}");
        }
        let asked = shop.get("/a");
        shop.origin.next().await.fail();
        assert_eq!(body(asked).await, "old");
        let asked = shop.get("/a");
        shop.origin.next().await.panic();
        assert_eq!(body(asked).await, "old");
        assert_eq!(stale(&shop, "if-error"), 6);
        let asked = shop.get("/a");
        shop.origin.next().await.answer(fresh("new"));
        assert_eq!(body(asked).await, "new");
    }

    #[tokio::test]
    async fn other_statuses_are_answers() {
        for status in [404, 501, 429] {
            let (mut shop, _) = expired(IF_ERROR).await;
            let asked = shop.get("/a");
            shop.origin.next().await.answer(with_status(status));
            eventually(|| asked.is_finished()).await;
            assert_eq!(asked.await.unwrap().unwrap().status, status);
        }
    }

    #[tokio::test]
    async fn past_its_window_the_error_is_the_clients() {
        let (mut shop, clock) = expired(IF_ERROR).await;
        clock.advance(Duration::from_secs(30));
        let asked = shop.get("/a");
        shop.origin.next().await.fail();
        failed(asked).await;
    }

    #[tokio::test]
    async fn what_forbids_it_wins_over_an_error_too() {
        for more in ["must-revalidate", "s-maxage=60"] {
            let line = format!("{IF_ERROR}, {more}");
            let (mut shop, _) = expired(line.leak()).await;
            let asked = shop.get("/a");
            shop.origin.next().await.fail();
            failed(asked).await;
        }
        let no_cache = [
            ("cache-control", "no-cache, stale-if-error=30"),
            ("etag", "\"a\""),
        ];
        let (mut shop, _) = shop(Policy::from_headers());
        fill(&mut shop, says(&no_cache, "old")).await;
        let asked = shop.get("/a");
        shop.origin.next().await.fail();
        failed(asked).await;
    }

    #[tokio::test]
    async fn a_route_opens_the_window_for_errors_too() {
        let route = Policy::from_headers().stale_if_error(Duration::from_secs(30));
        let (mut shop, clock) = shop(route);
        fill(&mut shop, fresh("old")).await;
        clock.advance(MINUTE);
        let asked = shop.get("/a");
        shop.origin.next().await.fail();
        assert_eq!(body(asked).await, "old");
    }

    #[tokio::test]
    async fn those_who_wait_are_answered_with_it_too() {
        let (mut shop, _) = expired(IF_ERROR).await;
        let asked = [shop.get("/a"), shop.get("/a"), shop.get("/a")];
        let call = shop.origin.next().await;
        assert_eq!(shop.origin.waiting().await, 0);
        call.fail();
        for asked in asked {
            assert_eq!(body(asked).await, "old");
        }
        assert_eq!(shop.origin.waiting().await, 0);
        assert_eq!(stale(&shop, "if-error"), 3);
    }

    #[tokio::test]
    async fn who_came_after_an_invalidation_does_not_get_it_by_waiting() {
        let (mut shop, _) = expired(IF_ERROR).await;
        let before = shop.get("/a");
        let call = shop.origin.next().await;
        let waits = shop.get("/a");
        settle().await;
        shop.cache.invalidate_now(Invalidate::path("/a"));
        let after = shop.get("/a");
        settle().await;
        call.fail();
        failed(before).await;
        shop.origin.next().await.answer(fresh("new"));
        assert_eq!(body(waits).await, "new");
        assert_eq!(body(after).await, "new");
    }

    /// P4, where it stands in for an error.
    #[tokio::test]
    async fn who_bears_a_token_does_not_get_what_is_softly_invalidated_by_waiting() {
        let name = http::HeaderName::from_static("x-wrote");
        let cache = Cache::builder().token_header(name).build().unwrap();
        let mut shop = Shop::of(cache, Policy::from_headers());
        fill(&mut shop, says(&[("cache-control", IF_ERROR)], "old")).await;
        let receipt = shop.cache.invalidate(Invalidate::path("/a").soft()).await;
        let token = receipt.token().unwrap().to_string();
        let before = shop.get("/a");
        let call = shop.origin.next().await;
        let bearer = shop.ask(request_with("GET", "/a", &[("x-wrote", &token)]));
        assert_eq!(shop.origin.waiting().await, 0);
        call.fail();
        assert_eq!(body(before).await, "old");
        shop.origin.next().await.answer(fresh("new"));
        assert_eq!(body(bearer).await, "new");
    }

    #[tokio::test]
    async fn an_instance_that_has_ended_answers_with_nothing_stale() {
        let (mut shop, _) = expired(IF_ERROR).await;
        let asked = shop.get("/a");
        let call = shop.origin.next().await;
        shop.cache.clone().shutdown(Duration::ZERO).await;
        call.fail();
        failed(asked).await;
    }

    #[tokio::test]
    async fn no_answer_within_the_time_of_a_fill_is_a_failure() {
        let clock = Clock::new();
        let builder = Cache::builder().clock(clock.clone());
        let cache = builder.fill_timeout(10 * SECOND).build().unwrap();
        let mut slow = Shop::of(cache, Policy::from_headers());
        fill(&mut slow, says(&[("cache-control", IF_ERROR)], "old")).await;
        clock.advance(MINUTE);
        let asked = slow.get("/a");
        let mut call = slow.origin.next().await;
        settle().await;
        clock.advance(9 * SECOND);
        settle().await;
        assert!(!asked.is_finished());
        clock.advance(SECOND);
        assert_eq!(body(asked).await, "old");
        call.dropped().await;
    }

    #[tokio::test]
    async fn cache_status_says_what_failed() {
        let policy = Policy::from_headers().cache_status(StatusHeader::WithDetail);
        let (mut shop, clock) = shop(policy);
        fill(&mut shop, says(&[("cache-control", IF_ERROR)], "old")).await;
        clock.advance(MINUTE + SECOND);
        for (status, expected) in [
            (
                Some(503),
                "tower-coherence; fwd=stale; fwd-status=503; ttl=-1; detail=if-error",
            ),
            (None, "tower-coherence; fwd=stale; ttl=-1; detail=if-error"),
        ] {
            let asked = shop.head(request_with("GET", "/a", &[]));
            let call = shop.origin.next().await;
            match status {
                Some(status) => call.answer(with_status(status)),
                None => call.fail(),
            }
            eventually(|| asked.is_finished()).await;
            let response = asked.await.unwrap().unwrap();
            assert_eq!(response.headers()["cache-status"], expected);
        }
    }

    #[tokio::test]
    async fn what_a_handler_allows_at_most_bounds_the_windows_too() {
        let (mut shop, clock) = shop(Policy::from_headers());
        let asked = shop.get("/a");
        let call = shop.origin.next().await;
        call.context().at_most(65 * SECOND);
        call.answer(says(&[("cache-control", IF_ERROR)], "old"));
        body(asked).await;
        clock.advance(64 * SECOND);
        let asked = shop.get("/a");
        shop.origin.next().await.fail();
        assert_eq!(body(asked).await, "old");
        clock.advance(SECOND);
        let asked = shop.get("/a");
        shop.origin.next().await.fail();
        failed(asked).await;
    }
}

/// Kept apart: a client that is gone changes nothing for what is fetched.
#[tokio::test]
async fn a_client_that_hangs_up_leaves_the_refresh_alone() {
    let (mut shop, _) = expired(WHILE).await;
    let asked = shop.head(request_with("GET", "/a", &[]));
    eventually(|| asked.is_finished()).await;
    drop(asked.await);
    let refresh = shop.origin.next().await;
    refresh.answer(for_a_while("new"));
    settle().await;
    let again = spawn(shop.get("/a"));
    eventually(|| again.is_finished()).await;
    assert_eq!(again.await.unwrap().unwrap().unwrap().text, "new");
}
