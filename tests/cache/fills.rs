//! Fills: one leader for each key, bodies that stream while they are copied, and
//! work that goes on when its client has gone.

use crate::held::{
    App, Call, Failure, Shop, body, chunk, eventually, fed, fresh, fresh_with, plain, read, settle,
    sized_spring, spawn, spring, whole,
};
use crate::support::request;
use futures_util::{FutureExt, poll};
use http::{HeaderMap, HeaderValue, Request};
use http_body_util::BodyExt;
use std::time::Duration;
use tower::ServiceExt;
use tower_coherence::test_util::Clock;
use tower_coherence::{Cache, Invalidate, Policy};

/// A shop whose clock the test sets, with a fill timeout of 30 s.
fn clocked() -> (Clock, Shop) {
    let clock = Clock::new();
    let cache = Cache::builder().clock(clock.clone()).build().unwrap();
    (clock, Shop::of(cache, Policy::from_headers()))
}

fn with_max_body(bytes: usize) -> Shop {
    let cache = Cache::builder().max_body_bytes(bytes).build().unwrap();
    Shop::of(cache, Policy::from_headers())
}

fn with_cookie(uri: &str) -> Request<axum::body::Body> {
    let mut request = request("GET", uri);
    let cookie = HeaderValue::from_static("session=1");
    request.headers_mut().insert("cookie", cookie);
    request
}

mod coalescing {
    use super::*;

    #[tokio::test]
    async fn many_requests_for_one_key_run_the_handler_once_and_get_the_same() {
        let mut shop = Shop::new();
        let asked: Vec<_> = (0..50).map(|_| shop.get("/a")).collect();
        let call = shop.origin.next().await;
        assert_eq!(shop.origin.waiting().await, 0);
        call.answer(fresh("one"));
        for asked in asked {
            assert_eq!(body(asked).await, "one");
        }
        let stats = shop.cache.stats();
        assert_eq!((stats.fills, stats.waiters, stats.stored), (1, 49, 1));
    }

    #[tokio::test]
    async fn keys_that_differ_in_anything_do_not_wait_for_each_other() {
        let mut shop = Shop::new();
        let uris = ["/a", "/a?", "/a?b", "/a/", "/%61", "/b"];
        let asked = uris.map(|uri| shop.get(uri));
        let elsewhere = Request::get("/a").header("host", "other.example");
        let elsewhere = shop.ask(elsewhere.body(axum::body::Body::empty()).unwrap());
        assert_eq!(shop.origin.waiting().await, 7);
        for _ in 0..7 {
            shop.origin.next().await.answer(fresh("x"));
        }
        body(elsewhere).await;
        for asked in asked {
            body(asked).await;
        }
        assert_eq!(shop.cache.stats().waiters, 0);
    }

    #[tokio::test]
    async fn a_leader_that_fails_has_its_error_and_the_waiters_lead_one_by_one() {
        let mut shop = Shop::new();
        let leader = shop.get("/a");
        let call = shop.origin.next().await;
        let waiters = [shop.get("/a"), shop.get("/a"), shop.get("/a")];
        settle().await;
        call.fail();
        assert_eq!(leader.await.unwrap().unwrap_err(), Failure);
        // One of them leads now, and fails; then the next one, and panics.
        let second = shop.origin.next().await;
        assert_eq!(shop.origin.waiting().await, 0);
        second.fail();
        let third = shop.origin.next().await;
        assert_eq!(shop.origin.waiting().await, 0);
        third.panic();
        shop.origin.next().await.answer(fresh("last"));
        let [second, third, fourth] = waiters;
        assert_eq!(second.await.unwrap().unwrap_err(), Failure);
        assert!(third.await.unwrap_err().is_panic());
        assert_eq!(body(fourth).await, "last");
        assert_eq!(shop.see("/a", "new").await, "last");
    }

    #[tokio::test]
    async fn a_panic_of_the_handler_is_the_leaders_own_with_its_payload() {
        let mut shop = Shop::new();
        let leader = shop.get("/a");
        shop.origin.next().await.panic();
        let panic = leader.await.unwrap_err().into_panic();
        assert_eq!(panic.downcast_ref(), Some(&"the handler panics"));
        assert_eq!(shop.see("/a", "new").await, "new");
    }

    #[tokio::test]
    async fn an_uncacheable_response_lets_its_waiters_and_successors_run_side_by_side() {
        let mut shop = Shop::new();
        let first = shop.get("/a");
        let call = shop.origin.next().await;
        let waiters = [shop.get("/a"), shop.get("/a"), shop.get("/a")];
        assert_eq!(shop.origin.waiting().await, 0);
        call.answer(plain("no"));
        assert_eq!(body(first).await, "no");
        assert_eq!(shop.origin.waiting().await, 3);
        let more = [shop.get("/a"), shop.get("/a")];
        assert_eq!(shop.origin.waiting().await, 5);
        for _ in 0..5 {
            shop.origin.next().await.answer(plain("no"));
        }
        for asked in waiters.into_iter().chain(more) {
            assert_eq!(body(asked).await, "no");
        }
    }

    #[tokio::test]
    async fn waiters_go_on_when_the_head_says_uncacheable_and_not_at_the_end_of_the_body() {
        let mut shop = Shop::new();
        let first = shop.head(request("GET", "/a"));
        let call = shop.origin.next().await;
        let waiter = shop.get("/a");
        settle().await;
        let (_feed, streamed) = fed();
        call.answer(http::Response::new(streamed));
        first.await.unwrap().unwrap();
        shop.origin.next().await.answer(plain("mine"));
        assert_eq!(body(waiter).await, "mine");
    }

    #[tokio::test]
    async fn a_key_that_was_uncacheable_is_stored_as_soon_as_it_is_cacheable() {
        let mut shop = Shop::new();
        assert_eq!(get_with(&mut shop, plain("no")).await, "no");
        assert_eq!(get_with(&mut shop, fresh("yes")).await, "yes");
        assert_eq!(shop.see("/a", "new").await, "yes");
    }

    async fn get_with(
        shop: &mut Shop,
        response: http::Response<crate::held::OriginBody>,
    ) -> String {
        let asked = shop.get("/a");
        shop.origin.next().await.answer(response);
        body(asked).await
    }

    #[tokio::test]
    async fn uncacheable_keys_are_coalesced_again_after_a_while() {
        let (clock, mut shop) = clocked();
        get_with(&mut shop, plain("no")).await;
        clock.advance(Duration::from_secs(11));
        let asked = [shop.get("/a"), shop.get("/a")];
        assert_eq!(shop.origin.waiting().await, 1);
        shop.origin.next().await.answer(fresh("yes"));
        for asked in asked {
            assert_eq!(body(asked).await, "yes");
        }
    }

    #[tokio::test]
    async fn requests_with_cookies_do_not_disturb_those_without() {
        let mut shop = Shop::new();
        let with = shop.ask(with_cookie("/a"));
        let private = shop.origin.next().await;
        let without = [shop.get("/a"), shop.get("/a")];
        // Not behind the one with the cookie, and one fill for both.
        assert_eq!(shop.origin.waiting().await, 1);
        private.answer(fresh("yours"));
        assert_eq!(body(with).await, "yours");
        let again = shop.get("/a");
        assert_eq!(shop.origin.waiting().await, 1);
        shop.origin.next().await.answer(fresh("for all"));
        for asked in without.into_iter().chain([again]) {
            assert_eq!(body(asked).await, "for all");
        }
        // And the stored response is not for those with a cookie.
        let with = [shop.ask(with_cookie("/a")), shop.ask(with_cookie("/a"))];
        assert_eq!(shop.origin.waiting().await, 2);
        for _ in 0..2 {
            shop.origin.next().await.answer(fresh("yours"));
        }
        for asked in with {
            assert_eq!(body(asked).await, "yours");
        }
        assert_eq!(shop.see("/a", "new").await, "for all");
    }

    #[tokio::test]
    async fn waiters_for_another_variant_fill_their_own() {
        let mut shop = Shop::new();
        let speaking = |language: &'static str| {
            let mut request = request("GET", "/a");
            let language = HeaderValue::from_static(language);
            request.headers_mut().insert("accept-language", language);
            request
        };
        let vary = |text| {
            let mut response = fresh(text);
            let field = HeaderValue::from_static("accept-language");
            response.headers_mut().insert("vary", field);
            response
        };
        let english = [shop.ask(speaking("en")), shop.ask(speaking("en"))];
        let german = [shop.ask(speaking("de")), shop.ask(speaking("de"))];
        let call = shop.origin.next().await;
        assert_eq!(shop.origin.waiting().await, 0);
        call.answer(vary("english"));
        for asked in english {
            assert_eq!(body(asked).await, "english");
        }
        assert_eq!(shop.origin.waiting().await, 1);
        shop.origin.next().await.answer(vary("deutsch"));
        for asked in german {
            assert_eq!(body(asked).await, "deutsch");
        }
    }
}

mod hanging_up {
    use super::*;

    #[tokio::test]
    async fn a_fill_goes_on_for_its_waiters_and_the_store_when_the_leaders_client_has_gone() {
        let mut shop = Shop::new();
        let leader = shop.get("/a");
        let mut call = shop.origin.next().await;
        let waiter = shop.get("/a");
        settle().await;
        leader.abort();
        assert!(leader.await.unwrap_err().is_cancelled());
        settle().await;
        assert!(poll!(std::pin::pin!(call.dropped())).is_pending());
        call.answer(fresh("one"));
        assert_eq!(body(waiter).await, "one");
        assert_eq!(shop.see("/a", "new").await, "one");
    }

    #[tokio::test]
    async fn a_fill_that_nobody_waits_for_any_more_is_stored() {
        let mut shop = Shop::new();
        let leader = shop.get("/a");
        let call = shop.origin.next().await;
        leader.abort();
        settle().await;
        call.answer(fresh("one"));
        eventually(|| shop.cache.stats().stored == 1).await;
        assert_eq!(shop.see("/a", "new").await, "one");
    }

    #[tokio::test]
    async fn a_waiter_that_hangs_up_takes_nothing_from_the_others() {
        let mut shop = Shop::new();
        let leader = shop.get("/a");
        let call = shop.origin.next().await;
        let waiters = [shop.get("/a"), shop.get("/a"), shop.get("/a")];
        settle().await;
        waiters[0].abort();
        settle().await;
        call.fail();
        leader.await.unwrap().unwrap_err();
        // The next one leads; it hangs up too, and its fill goes on.
        let call = shop.origin.next().await;
        waiters[1].abort();
        settle().await;
        call.answer(fresh("one"));
        let [_, _, last] = waiters;
        assert_eq!(body(last).await, "one");
    }

    #[tokio::test]
    async fn a_body_that_its_client_drops_half_read_is_stored() {
        let mut shop = Shop::new();
        let asked = shop.head(request("GET", "/a"));
        let (feed, streamed) = fed();
        shop.origin.next().await.answer(fresh_with(streamed));
        let mut response = asked.await.unwrap().unwrap();
        feed.data("on");
        assert_eq!(chunk(&mut response).await.unwrap(), "on");
        drop(response);
        settle().await;
        feed.data("e");
        drop(feed);
        eventually(|| shop.cache.stats().stored == 1).await;
        assert_eq!(shop.see("/a", "new").await, "one");
    }
}

mod timeouts {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn waiters_of_a_slow_handler_go_on_alone_and_its_client_is_served_but_not_stored() {
        let (clock, mut shop) = clocked();
        let leader = shop.get("/a");
        let slow = shop.origin.next().await;
        let waiters = [shop.get("/a"), shop.get("/a")];
        clock.advance(TIMEOUT - Duration::from_secs(1));
        assert_eq!(shop.origin.waiting().await, 0);
        clock.advance(Duration::from_secs(1));
        assert_eq!(shop.origin.waiting().await, 2);
        let calls = [shop.origin.next().await, shop.origin.next().await];
        calls
            .into_iter()
            .for_each(|call| call.answer(plain("mine")));
        for waiter in waiters {
            assert_eq!(body(waiter).await, "mine");
        }
        slow.answer(fresh("late"));
        assert_eq!(body(leader).await, "late");
        assert_eq!(shop.see("/a", "new").await, "new");
        assert_eq!(shop.refused("too-slow"), 1);
    }

    #[tokio::test]
    async fn a_handler_whose_client_has_gone_is_given_the_fill_timeout_and_its_marks_count() {
        let (clock, mut shop) = clocked();
        shop.fill("/b", "old").await;
        let leader = shop.get("/a");
        let mut call = shop.origin.next().await;
        call.context().invalidate(Invalidate::path("/b"));
        leader.abort();
        settle().await;
        clock.advance(TIMEOUT - Duration::from_secs(1));
        settle().await;
        assert!(poll!(std::pin::pin!(call.dropped())).is_pending());
        clock.advance(Duration::from_secs(1));
        call.dropped().await;
        assert_eq!(shop.see("/a", "new").await, "new");
        assert_eq!(shop.see("/b", "new").await, "new");
    }

    #[tokio::test]
    async fn a_body_slower_than_the_timeout_streams_on_and_is_not_stored() {
        let (clock, mut shop) = clocked();
        let asked = shop.head(request("GET", "/a"));
        let call = shop.origin.next().await;
        let waiter = shop.get("/a");
        let (feed, streamed) = fed();
        call.answer(fresh_with(streamed));
        let mut response = asked.await.unwrap().unwrap();
        feed.data("slow");
        assert_eq!(chunk(&mut response).await.unwrap(), "slow");
        assert_eq!(shop.origin.waiting().await, 0);
        clock.advance(TIMEOUT);
        shop.origin.next().await.answer(plain("mine"));
        assert_eq!(body(waiter).await, "mine");
        feed.data("er");
        assert_eq!(chunk(&mut response).await.unwrap(), "er");
        drop(feed);
        assert_eq!(chunk(&mut response).await, None);
        assert_eq!(shop.see("/a", "new").await, "new");
    }

    #[tokio::test]
    async fn a_body_that_stands_still_is_dropped_with_its_client() {
        let (clock, mut shop) = clocked();
        let asked = shop.head(request("GET", "/a"));
        let (feed, streamed) = fed();
        shop.origin.next().await.answer(fresh_with(streamed));
        drop(asked.await.unwrap().unwrap());
        settle().await;
        assert!(!feed.is_dropped());
        clock.advance(TIMEOUT);
        eventually(|| feed.is_dropped()).await;
    }

    #[tokio::test]
    async fn a_body_of_endless_nothing_does_not_hold_the_runtime() {
        let (clock, mut shop) = clocked();
        let asked = shop.head(request("GET", "/a"));
        let (flow, nothing) = spring(0);
        shop.origin.next().await.answer(fresh_with(nothing));
        drop(asked.await.unwrap().unwrap());
        settle().await;
        assert!(!flow.is_dropped());
        clock.advance(TIMEOUT);
        eventually(|| flow.is_dropped()).await;
    }
}

mod limits {
    use super::*;

    fn with_max_fills(fills: usize) -> Shop {
        let cache = Cache::builder().max_fills(fills).build().unwrap();
        Shop::of(cache, Policy::from_headers())
    }

    #[tokio::test]
    async fn above_max_fills_requests_run_inline_uncoalesced_and_unstored() {
        let mut shop = with_max_fills(1);
        let held = shop.get("/held");
        let holder = shop.origin.next().await;
        let over = [shop.get("/a"), shop.get("/a")];
        assert_eq!(shop.origin.waiting().await, 2);
        for _ in 0..2 {
            shop.origin.next().await.answer(fresh("over"));
        }
        for over in over {
            assert_eq!(body(over).await, "over");
        }
        assert_eq!(shop.refused("fills-over-the-limit"), 2);
        holder.answer(fresh("held"));
        assert_eq!(body(held).await, "held");
        // The permit is back.
        shop.fill("/a", "stored").await;
        assert_eq!(shop.see("/a", "new").await, "stored");
    }

    #[tokio::test]
    async fn above_max_fills_errors_panics_marks_and_hang_ups_are_as_without_the_cache() {
        let mut shop = with_max_fills(1);
        shop.fill("/b", "old").await;
        let _held = shop.get("/held");
        let _holder = shop.origin.next().await;
        let failing = shop.get("/a");
        shop.origin.next().await.fail();
        assert_eq!(failing.await.unwrap().unwrap_err(), Failure);
        let panicking = shop.get("/a");
        shop.origin.next().await.panic();
        assert!(panicking.await.unwrap_err().is_panic());
        let gone = shop.get("/a");
        let mut call = shop.origin.next().await;
        call.context().invalidate(Invalidate::path("/b"));
        gone.abort();
        call.dropped().await;
        assert_eq!(shop.see("/b", "new").await, "new");
    }

    #[tokio::test]
    async fn a_permit_comes_back_however_its_fill_ends() {
        let mut shop = with_max_fills(1);
        for end in [Call::fail, Call::panic, |call: Call| {
            call.answer(plain("no"));
        }] {
            let asked = shop.get("/a");
            end(shop.origin.next().await);
            let _ = asked.await;
        }
        let gone = shop.get("/b");
        let call = shop.origin.next().await;
        gone.abort();
        call.answer(fresh("b"));
        eventually(|| shop.cache.stats().stored == 1).await;
        shop.fill("/c", "c").await;
        assert_eq!(shop.refused("fills-over-the-limit"), 0);
    }

    #[test]
    fn without_a_runtime_requests_run_inline() {
        let (mut shop, answer) = (Shop::new(), fresh("inline"));
        let mut asked = Box::pin(shop.app.clone().oneshot(request("GET", "/a")));
        assert!((&mut asked).now_or_never().is_none());
        shop.origin.next().now_or_never().unwrap().answer(answer);
        let response = asked.now_or_never().unwrap().unwrap();
        let heard = read(response).now_or_never().unwrap();
        assert_eq!(heard.unwrap().text, "inline");
    }
}

mod bodies {
    use super::*;

    #[tokio::test]
    async fn the_first_chunk_arrives_before_the_last_is_made() {
        let mut shop = Shop::new();
        let asked = shop.head(request("GET", "/a"));
        let (feed, streamed) = fed();
        shop.origin.next().await.answer(fresh_with(streamed));
        let mut response = asked.await.unwrap().unwrap();
        for data in ["one ", "two ", "three"] {
            feed.data(data);
            assert_eq!(chunk(&mut response).await.unwrap(), data);
        }
        assert_eq!(shop.cache.stats().stored, 0);
        drop(feed);
        assert_eq!(chunk(&mut response).await, None);
        assert_eq!(shop.see("/a", "new").await, "one two three");
    }

    #[tokio::test]
    async fn when_the_client_has_the_end_of_the_body_the_next_request_is_a_hit() {
        let mut shop = Shop::new();
        for (uri, chunks) in [("/none", 0), ("/one", 1), ("/ten", 10)] {
            let asked = shop.get(uri);
            let (feed, streamed) = fed();
            shop.origin.next().await.answer(fresh_with(streamed));
            (0..chunks).for_each(|_| feed.data("x"));
            drop(feed);
            body(asked).await;
            assert_eq!(shop.see(uri, "new").await, "x".repeat(chunks));
        }
    }

    #[tokio::test]
    async fn a_slow_client_does_not_hold_the_fill_back() {
        let mut shop = Shop::new();
        let slow = shop.head(request("GET", "/a"));
        let (feed, streamed) = fed();
        shop.origin.next().await.answer(fresh_with(streamed));
        let slow = slow.await.unwrap().unwrap();
        feed.data("a");
        feed.data("b");
        drop(feed);
        eventually(|| shop.cache.stats().stored == 1).await;
        assert_eq!(shop.see("/a", "new").await, "ab");
        assert_eq!(read(slow).await.unwrap().text, "ab");
    }

    #[tokio::test]
    async fn a_body_above_the_limit_is_read_on_demand_and_not_stored() {
        const LIMIT: usize = 1000;
        let mut shop = with_max_body(LIMIT);
        let asked = shop.head(request("GET", "/a"));
        let (flow, endless) = spring(100);
        shop.origin.next().await.answer(fresh_with(endless));
        let mut response = asked.await.unwrap().unwrap();
        settle().await;
        // One frame more than fits; then it waits for the client.
        assert_eq!(flow.made(), LIMIT + 100);
        let mut had = 0;
        while had < 2 * LIMIT {
            had += chunk(&mut response).await.unwrap().len();
            settle().await;
        }
        assert_eq!((had, flow.made()), (2 * LIMIT, 2 * LIMIT));
        drop(response);
        assert!(flow.is_dropped());
        assert_eq!(shop.refused("body-too-long"), 1);
        assert_eq!(shop.see("/a", "new").await, "new");
    }

    #[tokio::test]
    async fn a_body_that_says_it_is_above_the_limit_is_not_read_ahead() {
        let mut shop = with_max_body(4);
        let asked = shop.head(request("GET", "/a"));
        let call = shop.origin.next().await;
        let waiter = shop.get("/a");
        settle().await;
        let (flow, long) = sized_spring(1, 5);
        call.answer(fresh_with(long));
        let mut response = asked.await.unwrap().unwrap();
        // The waiter need not wait until it is read.
        shop.origin.next().await.answer(fresh("678"));
        assert_eq!(body(waiter).await, "678");
        assert_eq!(flow.made(), 0);
        assert_eq!(chunk(&mut response).await.unwrap(), "x");
        assert_eq!((flow.made(), shop.refused("body-too-long")), (1, 1));
        assert_eq!(shop.see("/a", "new").await, "678");
    }

    #[tokio::test]
    async fn a_body_of_exactly_the_limit_is_stored() {
        let mut shop = with_max_body(5);
        shop.fill("/a", "12345").await;
        assert_eq!(shop.see("/a", "new").await, "12345");
        let asked = shop.get("/b");
        shop.origin.next().await.answer(fresh("123456"));
        assert_eq!(body(asked).await, "123456");
        assert_eq!(shop.see("/b", "new").await, "new");
    }

    #[tokio::test]
    async fn waiters_of_a_body_above_the_limit_run_side_by_side() {
        let mut shop = with_max_body(10);
        let leader = shop.head(request("GET", "/a"));
        let call = shop.origin.next().await;
        let waiters = [shop.get("/a"), shop.get("/a")];
        settle().await;
        call.answer(fresh_with(spring(4).1));
        let _held = leader.await.unwrap().unwrap();
        assert_eq!(shop.origin.waiting().await, 2);
        for _ in 0..2 {
            shop.origin.next().await.answer(plain("mine"));
        }
        for waiter in waiters {
            assert_eq!(body(waiter).await, "mine");
        }
    }

    #[tokio::test]
    async fn an_endless_body_is_dropped_when_its_client_has_gone() {
        let mut shop = with_max_body(1000);
        let asked = shop.head(request("GET", "/a"));
        let (flow, endless) = spring(100);
        let call = shop.origin.next().await;
        asked.abort();
        settle().await;
        call.answer(fresh_with(endless));
        eventually(|| flow.is_dropped()).await;
        assert!(flow.made() <= 1100);
    }

    #[tokio::test]
    async fn trailers_are_kept_and_replayed() {
        let mut shop = Shop::new();
        let mut trailers = HeaderMap::new();
        trailers.insert("checksum", HeaderValue::from_static("1234"));
        for data in ["body", ""] {
            let uri = format!("/{data}");
            let leader = shop.get(&uri);
            let (feed, streamed) = fed();
            let call = shop.origin.next().await;
            let waiter = shop.get(&uri);
            settle().await;
            call.answer(fresh_with(streamed));
            feed.data(data);
            feed.trailers(trailers.clone());
            drop(feed);
            for asked in [leader, waiter, shop.get(&uri)] {
                let heard = asked.await.unwrap().unwrap();
                assert_eq!(
                    (heard.text.as_str(), heard.trailers),
                    (data, Some(trailers.clone()))
                );
            }
            assert_eq!(shop.origin.waiting().await, 0);
        }
    }

    #[tokio::test]
    async fn a_body_that_fails_is_its_clients_error_and_is_not_stored() {
        let mut shop = Shop::new();
        let asked = shop.head(request("GET", "/a"));
        let call = shop.origin.next().await;
        let waiter = shop.get("/a");
        settle().await;
        let (feed, streamed) = fed();
        call.answer(fresh_with(streamed));
        feed.data("half");
        feed.fail();
        let mut response = asked.await.unwrap().unwrap();
        assert_eq!(chunk(&mut response).await.unwrap(), "half");
        let frame = response.body_mut().frame().await.unwrap();
        assert_eq!(frame.unwrap_err(), Failure);
        assert!(response.body_mut().frame().await.is_none());
        shop.origin.next().await.answer(fresh("whole"));
        assert_eq!(body(waiter).await, "whole");
        assert_eq!(shop.see("/a", "new").await, "whole");
        assert_eq!(shop.refused("body-failed"), 1);
    }

    #[tokio::test]
    async fn a_body_that_panics_does_so_where_its_client_reads_it() {
        let mut shop = Shop::new();
        let asked = shop.head(request("GET", "/a"));
        let (feed, streamed) = fed();
        shop.origin.next().await.answer(fresh_with(streamed));
        feed.data("half");
        feed.panic();
        let mut response = asked.await.unwrap().unwrap();
        settle().await;
        assert_eq!(chunk(&mut response).await.unwrap(), "half");
        let reading = spawn(async move { chunk(&mut response).await });
        let panic = reading.await.unwrap_err().into_panic();
        assert_eq!(panic.downcast_ref(), Some(&"the body panics"));
        assert_eq!(shop.see("/a", "new").await, "new");
    }

    #[tokio::test]
    async fn a_body_that_disagrees_with_its_content_length_is_not_stored() {
        for length in ["4", "6", "x", "-5", ""] {
            let mut shop = Shop::new();
            let asked = shop.get("/a");
            let mut response = fresh("12345");
            let declared = HeaderValue::from_static(length);
            response.headers_mut().insert("content-length", declared);
            shop.origin.next().await.answer(response);
            assert_eq!(body(asked).await, "12345");
            assert_eq!(shop.see("/a", "new").await, "new", "{length}");
            assert_eq!(shop.refused("wrong-content-length"), 1);
        }
    }

    #[tokio::test]
    async fn a_body_that_agrees_with_its_content_length_is_stored_with_it() {
        let mut shop = Shop::new();
        let asked = shop.get("/a");
        let mut response = fresh("12345");
        let declared = HeaderValue::from_static("5");
        response.headers_mut().insert("content-length", declared);
        shop.origin.next().await.answer(response);
        assert_eq!(body(asked).await, "12345");
        let hit = shop.head(request("GET", "/a")).await.unwrap().unwrap();
        assert_eq!(hit.headers()["content-length"], "5");
        let hit = shop.head(request("HEAD", "/a")).await.unwrap().unwrap();
        assert_eq!(hit.headers()["content-length"], "5");
        assert_eq!(read(hit).await.unwrap().text, "");
    }

    #[tokio::test]
    async fn an_event_stream_passes_through_while_it_goes_on() {
        let mut shop = Shop::new();
        let asked = shop.head(request("GET", "/a"));
        let (feed, streamed) = fed();
        let mut response = fresh_with(streamed);
        let events = HeaderValue::from_static("text/event-stream; charset=utf-8");
        response.headers_mut().insert("content-type", events);
        shop.origin.next().await.answer(response);
        let mut response = asked.await.unwrap().unwrap();
        for event in ["data: 1\n\n", "data: 2\n\n"] {
            feed.data(event);
            assert_eq!(chunk(&mut response).await.unwrap(), event);
        }
        drop(response);
        settle().await;
        assert!(feed.is_dropped());
        assert_eq!(shop.refused("event-stream"), 1);
    }

    #[tokio::test]
    async fn response_extensions_reach_the_client_of_a_fill() {
        #[derive(Clone, PartialEq, Debug)]
        struct Note(u8);
        let mut shop = Shop::new();
        for stored in [true, false] {
            let asked = shop.get("/a?stored");
            let mut response = if stored { fresh("x") } else { plain("x") };
            response.extensions_mut().insert(Note(7));
            let call = shop.origin.next().await;
            call.answer(response);
            let heard = asked.await.unwrap().unwrap();
            assert_eq!(heard.extensions.get(), Some(&Note(7)));
            shop.cache.invalidate_now(Invalidate::everything());
        }
    }

    #[tokio::test]
    async fn the_size_of_a_body_is_told_while_it_is_copied() {
        use http_body::Body as _;
        let mut shop = Shop::new();
        let asked = shop.head(request("GET", "/a"));
        shop.origin.next().await.answer(fresh_with(whole("12345")));
        let response = asked.await.unwrap().unwrap();
        assert_eq!(response.body().size_hint().exact(), Some(5));
        read(response).await.unwrap();
        let hit = shop.head(request("GET", "/a")).await.unwrap().unwrap();
        assert_eq!(hit.body().size_hint().exact(), Some(5));
    }

    #[tokio::test]
    async fn a_body_that_panics_when_it_is_asked_for_its_size_does_not_hang_its_client() {
        struct Sizeless;
        impl http_body::Body for Sizeless {
            type Data = bytes::Bytes;
            type Error = Failure;
            fn poll_frame(
                self: std::pin::Pin<&mut Self>,
                _: &mut std::task::Context<'_>,
            ) -> std::task::Poll<Option<Result<http_body::Frame<bytes::Bytes>, Failure>>>
            {
                std::task::Poll::Ready(None)
            }
            fn size_hint(&self) -> http_body::SizeHint {
                panic!("no size")
            }
        }
        let mut shop = Shop::new();
        let asked = shop.get("/a");
        let call = shop.origin.next().await;
        let waiter = shop.get("/a");
        settle().await;
        call.answer(fresh_with(Sizeless.boxed_unsync()));
        assert!(asked.await.unwrap_err().is_panic());
        shop.origin.next().await.answer(fresh("whole"));
        assert_eq!(body(waiter).await, "whole");
    }
}

/// The services of a stack are cloned for each request; so is ours.
#[tokio::test]
async fn a_clone_of_the_service_shares_store_and_flights() {
    let mut shop = Shop::new();
    let other: App = shop.app.clone();
    let leader = shop.get("/a");
    let call = shop.origin.next().await;
    let waiter = spawn(other.oneshot(request("GET", "/a")));
    assert_eq!(shop.origin.waiting().await, 0);
    call.answer(fresh("one"));
    assert_eq!(body(leader).await, "one");
    let response = waiter.await.unwrap().unwrap();
    assert_eq!(read(response).await.unwrap().text, "one");
}
