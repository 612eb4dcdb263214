//! What a route says about storing, beyond a lifetime.

use crate::held::{Shop, eventually, fresh};
use crate::origin::{Lines, Origin, borrowed, field, owned, response, with};
use crate::support::{Answer, request};
use std::time::Duration;
use tower_coherence::policy::{SetCookie, StatusHeader};
use tower_coherence::test_util::Clock;
use tower_coherence::{Cache, Policy};

const MINUTE: Duration = Duration::from_secs(60);
const PAST: (&str, &str) = ("expires", "Sun, 06 Nov 1994 08:49:37 GMT");
const OWN: &str = "coherence-cache-control";

const fn cc(value: &'static str) -> (&'static str, &'static str) {
    ("cache-control", value)
}

fn minutely() -> Policy {
    Policy::lifetime(MINUTE).jitter(0.0)
}

fn with_clock() -> (Cache, Clock) {
    let clock = Clock::new();
    let cache = Cache::builder().clock(clock.clone()).build().unwrap();
    (cache, clock)
}

/// For how many seconds such a response is fresh, or why it is not stored.
async fn stored(policy: Policy, status: u16, lines: Lines<'_>) -> Result<u64, String> {
    let (cache, _clock) = with_clock();
    let policy = policy.cache_status(StatusHeader::On).jitter(0.0);
    let lines = owned(lines);
    let origin = Origin::new(with(&cache, policy), move |_| {
        response(status, &borrowed(&lines), "")
    });
    origin.get("/a").await;
    let answer = origin.get("/a").await;
    let said = field(&answer, "cache-status").unwrap();
    match said.strip_prefix("tower-coherence; hit; ttl=") {
        Some(ttl) => Ok(ttl.parse().unwrap()),
        None => Err((*cache.stats().refusals.keys().next().unwrap()).to_owned()),
    }
}

fn refused<T>(reason: &str) -> Result<T, String> {
    Err(reason.to_owned())
}

mod overriding {
    use super::*;

    #[tokio::test]
    async fn an_overriding_lifetime_takes_the_place_of_what_the_fields_say_about_time() {
        // Beside each, for how long it is fresh without that word.
        for (lines, without) in [
            (&[][..], Some(60)),
            (&[cc("max-age=10")], Some(10)),
            (&[cc("max-age=600")], Some(60)),
            (&[cc("s-maxage=600, max-age=1")], Some(60)),
            (&[cc("s-maxage=2, max-age=100")], Some(2)),
            (&[cc("max-age=0, must-revalidate")], None),
            (&[cc("no-cache")], None),
            (&[cc("no-cache=\"x\", max-age=5")], None),
            (&[PAST], None),
            (&[("expires", "0"), cc("max-age='5'")], None),
            (&[(OWN, "max-age=5")], Some(5)),
            (&[(OWN, "no-cache"), cc("max-age=5")], None),
        ] {
            let shorter = stored(minutely(), 200, lines).await;
            assert_eq!(shorter.ok(), without, "{lines:?}");
            let overriding = minutely().override_headers();
            assert_eq!(stored(overriding, 200, lines).await, Ok(60), "{lines:?}");
        }
    }

    #[tokio::test]
    async fn it_ends_when_it_is_over_and_counts_the_age_that_a_response_has() {
        let (cache, clock) = with_clock();
        let policy = minutely().override_headers();
        let origin = Origin::says(with(&cache, policy), &[cc("no-cache"), ("age", "20")]);
        origin.get("/a").await;
        clock.advance(Duration::from_millis(39_999));
        assert_eq!(origin.get("/a").await.body, "run 1");
        clock.advance(Duration::from_millis(1));
        assert_eq!(origin.get("/a").await.body, "run 2");
        let old = [cc("max-age=600"), ("age", "60")];
        let overriding = minutely().override_headers();
        assert_eq!(stored(overriding, 200, &old).await, refused("stale"));
    }

    #[tokio::test]
    async fn what_forbids_storing_wins_over_it() {
        for (lines, reason) in [
            (&[cc("no-store")][..], "no-store"),
            (&[cc("private")], "private"),
            (&[cc("private=\"x\"")], "private"),
            (&[(OWN, "no-store")], "no-store"),
            (&[("set-cookie", "a=b")], "set-cookie"),
            (&[("vary", "*")], "vary-any"),
            (&[cc("x=\"open, no-store")], "unreadable-cache-control"),
        ] {
            let policy = minutely().override_headers();
            let found = stored(policy, 200, lines).await;
            assert_eq!(found, refused(reason), "{lines:?}");
        }
    }

    #[tokio::test]
    async fn for_whom_a_response_is_stays_what_it_says() {
        let credentials = [("authorization", "Bearer x"), ("cookie", "id=1")];
        for policy in [
            minutely().override_headers(),
            minutely().override_headers().ignore_no_store(),
        ] {
            for (value, shared) in [("max-age=0", false), ("s-maxage=1", true)] {
                let cache = Cache::local();
                let origin = Origin::says(with(&cache, policy.clone()), &[cc(value)]);
                for credential in credentials {
                    for _ in 0..2 {
                        origin.ask("GET", "/a", &[credential]).await;
                    }
                }
                assert_eq!(origin.runs(), if shared { 1 } else { 4 }, "{value}");
            }
        }
    }

    #[tokio::test]
    async fn it_is_for_the_statuses_that_have_a_lifetime_by_the_route() {
        let policy = || minutely().override_headers().ignore_no_store();
        assert_eq!(stored(policy(), 301, &[cc("no-cache")]).await, Ok(60));
        assert_eq!(stored(policy(), 404, &[cc("max-age=10")]).await, Ok(10));
        for status in [302, 404, 500] {
            let said = &[cc("no-store")];
            assert_eq!(stored(policy(), status, said).await, refused("no-store"));
        }
        let none = Policy::from_headers().override_headers().ignore_no_store();
        let found = stored(none.clone(), 200, &[cc("no-store, max-age=9")]).await;
        assert_eq!(found, refused("no-store"));
        assert_eq!(stored(none, 200, &[cc("max-age=9")]).await, Ok(9));
    }

    #[tokio::test]
    async fn what_leaves_has_the_fields_of_the_handler() {
        let cache = Cache::local();
        let policy = minutely().override_headers();
        let origin = Origin::says(with(&cache, policy), &[cc("no-cache, max-age=0"), PAST]);
        for _ in 0..2 {
            let answer = origin.get("/a").await;
            assert_eq!(answer.body, "run 1");
            assert_eq!(field(&answer, "cache-control"), Some("no-cache, max-age=0"));
            assert_eq!(field(&answer, "expires"), Some(PAST.1));
        }
        origin.ask("PUT", "/a", &[]).await;
        assert_eq!(origin.get("/a").await.body, "run 3");
    }

    #[tokio::test]
    async fn a_second_word_takes_no_notice_of_no_store_and_private() {
        for value in [
            "no-store",
            "private",
            "private=\"x\", no-cache",
            "no-store, max-age=600",
        ] {
            let both = minutely().override_headers().ignore_no_store();
            assert_eq!(stored(both, 200, &[cc(value)]).await, Ok(60), "{value}");
            let alone = minutely().ignore_no_store();
            assert!(stored(alone, 200, &[cc(value)]).await.is_err(), "{value}");
        }
        let cookie = [cc("no-store"), ("set-cookie", "a=b")];
        let both = minutely().override_headers().ignore_no_store();
        assert_eq!(stored(both, 200, &cookie).await, refused("set-cookie"));
    }
}

mod cookies {
    use super::*;

    const TAG: (&str, &str) = ("etag", "\"a\"");

    fn setting(cache: &Cache, policy: Policy) -> Origin {
        let lines = [
            cc("max-age=60"),
            ("set-cookie", "a=1"),
            ("set-cookie", "b=2"),
        ];
        Origin::says(with(cache, policy), &lines)
    }

    fn cookies(answer: &Answer) -> Vec<&str> {
        let lines = answer.headers.get_all("set-cookie").iter();
        lines.map(|line| line.to_str().unwrap()).collect()
    }

    #[tokio::test]
    async fn a_response_with_set_cookie_is_refused_stripped_or_stored() {
        for (policy, hit, runs) in [
            (Policy::from_headers(), None, 2),
            (
                Policy::from_headers().set_cookie(SetCookie::Refuse),
                None,
                2,
            ),
            (
                Policy::from_headers().set_cookie(SetCookie::Strip),
                Some(&[][..]),
                1,
            ),
            (
                Policy::from_headers().set_cookie(SetCookie::Store),
                Some(&["a=1", "b=2"]),
                1,
            ),
        ] {
            let origin = setting(&Cache::local(), policy);
            assert_eq!(cookies(&origin.get("/a").await), ["a=1", "b=2"]);
            let second = origin.get("/a").await;
            assert_eq!(cookies(&second), hit.unwrap_or(&["a=1", "b=2"]));
            assert_eq!(origin.runs(), runs);
        }
    }

    #[tokio::test]
    async fn storing_a_cookie_does_not_lift_the_rules_for_requests_that_bear_one() {
        for choice in [SetCookie::Strip, SetCookie::Store] {
            let cache = Cache::local();
            let policy = Policy::lifetime(MINUTE).set_cookie(choice);
            let origin = setting(&cache, policy);
            let own = [("cookie", "id=1")];
            for run in 1..=2 {
                let answer = origin.ask("GET", "/a", &own).await;
                assert_eq!(answer.body, format!("run {run}"));
                assert_eq!(cookies(&answer), ["a=1", "b=2"]);
            }
            assert_eq!(cache.stats().refusals["cookie"], 2);
        }
    }

    /// The cookie that a leader and one who waits for it get.
    async fn leader_and_waiter(choice: SetCookie) -> [Option<String>; 2] {
        let policy = Policy::from_headers().set_cookie(choice);
        let mut shop = Shop::of(Cache::local(), policy);
        let leader = shop.head(request("GET", "/a"));
        let call = shop.origin.next().await;
        let waiter = shop.head(request("GET", "/a"));
        eventually(|| shop.cache.stats().waiters == 1).await;
        let mut response = fresh("text");
        let cookie = "id=1".parse().unwrap();
        response.headers_mut().insert("set-cookie", cookie);
        call.answer(response);
        let mut got = Vec::new();
        for client in [leader, waiter] {
            let head = client.await.unwrap().unwrap();
            let cookie = head.headers().get("set-cookie");
            got.push(cookie.map(|cookie| cookie.to_str().unwrap().to_owned()));
        }
        assert_eq!(shop.origin.waiting().await, 0);
        got.try_into().unwrap()
    }

    #[tokio::test]
    async fn those_who_wait_do_not_get_the_cookie_of_the_leader_where_it_is_stripped() {
        let cookie = || Some("id=1".to_owned());
        let stripped = leader_and_waiter(SetCookie::Strip).await;
        assert_eq!(stripped, [cookie(), None]);
        let stored = leader_and_waiter(SetCookie::Store).await;
        assert_eq!(stored, [cookie(), cookie()]);
    }

    #[tokio::test]
    async fn a_leader_that_wants_less_than_the_whole_gets_its_cookie_all_the_same() {
        for (asked, status) in [
            (("range", "bytes=0-2"), 206),
            (("range", "bytes=99-"), 416),
            (("if-none-match", TAG.1), 304),
            (("if-none-match", "\"b\""), 200),
        ] {
            for choice in [SetCookie::Strip, SetCookie::Store] {
                let cache = Cache::local();
                let policy = Policy::from_headers().set_cookie(choice);
                let lines = [
                    cc("max-age=60"),
                    TAG,
                    ("set-cookie", "a=1"),
                    ("set-cookie", "b=2"),
                ];
                let origin = Origin::says(with(&cache, policy), &lines);
                let first = origin.ask("GET", "/a", &[asked]).await;
                assert_eq!(first.status, status);
                assert_eq!(cookies(&first), ["a=1", "b=2"], "{asked:?}");
                let second = origin.ask("GET", "/a", &[asked]).await;
                assert_eq!((second.status, origin.runs()), (status, 1));
                let stays = choice == SetCookie::Store && status != 416;
                assert_eq!(
                    cookies(&second).len(),
                    if stays { 2 } else { 0 },
                    "{asked:?}"
                );
            }
        }
    }
}

mod how_long {
    use super::*;

    #[tokio::test]
    async fn a_guess_is_made_only_where_a_policy_asks_for_it() {
        let modified = [("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT")];
        let none = stored(Policy::from_headers(), 200, &modified).await;
        assert_eq!(none, refused("no-lifetime"));
        let guessing = Policy::from_headers().heuristics();
        assert_eq!(stored(guessing, 200, &modified).await, Ok(24 * 60 * 60));
    }

    #[tokio::test]
    async fn an_error_has_the_lifetime_that_the_policy_names_and_no_long_one_of_its_own() {
        let negative = || Policy::from_headers().statuses(404..=404, MINUTE / 6);
        assert_eq!(stored(negative(), 404, &[]).await, Ok(10));
        assert_eq!(stored(negative(), 410, &[]).await, refused("no-lifetime"));
        let below = Policy::from_headers().statuses(..405, MINUTE);
        assert_eq!(stored(below.clone(), 404, &[]).await, Ok(60));
        assert_eq!(stored(below, 405, &[]).await, refused("no-lifetime"));
        let long = [cc("max-age=3600")];
        for status in [404, 500] {
            assert_eq!(stored(Policy::from_headers(), status, &long).await, Ok(60));
            let more = Policy::from_headers().errors_at_most(MINUTE * 2);
            assert_eq!(stored(more, status, &long).await, Ok(120));
        }
        assert_eq!(stored(Policy::from_headers(), 200, &long).await, Ok(3600));
    }
}
