//! What those behind the cache are told, where a route chooses it.

use crate::held::{Shop, fresh};
use crate::origin::{Lines, Origin, field, response, with};
use crate::support::{Answer, request};
use std::time::{Duration, UNIX_EPOCH};
use tower_coherence::policy::{Downstream, WhileDeaf};
use tower_coherence::test_util::Clock;
use tower_coherence::{Cache, Policy};

const MINUTE: Duration = Duration::from_secs(60);
/// What a handler says that lets others keep its response.
const SAYS: &[(&str, &str)] = &[
    ("cache-control", "public, max-age=60, no-transform"),
    ("expires", "Sat, 06 Nov 2094 08:49:37 GMT"),
    ("cdn-cache-control", "max-age=600"),
    ("etag", "\"a\""),
];
/// Methods and fields of requests, and the statuses they get once `/a` is stored.
const WAYS: [(&str, Lines<'_>, u16); 6] = [
    ("GET", &[], 200),
    ("HEAD", &[], 200),
    ("GET", &[("if-none-match", "\"a\"")], 304),
    ("GET", &[("range", "bytes=0-1")], 206),
    // Passed on to the handler.
    ("GET", &[("if-match", "\"a\"")], 200),
    ("GET", &[("cache-control", "no-store")], 200),
];

fn says(cache: &Cache, policy: Policy, lines: Lines<'_>) -> Origin {
    Origin::says(with(cache, policy), lines)
}

/// The seconds since 1970 that a field says.
fn seconds(answer: &Answer, name: &str) -> Option<u64> {
    let date = httpdate::parse_http_date(field(answer, name)?).unwrap();
    Some(date.duration_since(UNIX_EPOCH).unwrap().as_secs())
}

#[allow(clippy::disallowed_methods, reason = "the handler dates its response")]
fn seconds_ago(seconds: u64) -> String {
    let now = std::time::SystemTime::now();
    httpdate::fmt_http_date(now - Duration::from_secs(seconds))
}

mod stricter {
    use super::*;

    const CHOICES: [(Downstream, &str); 2] = [
        (Downstream::Revalidate, "no-cache, no-transform"),
        (Downstream::NoStore, "no-store, no-transform"),
    ];

    #[tokio::test]
    async fn every_read_leaves_with_the_stricter_fields() {
        for (choice, expected) in CHOICES {
            let policy = Policy::from_headers().downstream(choice);
            let origin = says(&Cache::local(), policy, SAYS);
            let leader = origin.get("/a").await;
            let mut answers = vec![(leader, 200)];
            for (method, lines, status) in WAYS {
                answers.push((origin.ask(method, "/a", lines).await, status));
            }
            for (answer, status) in answers {
                assert_eq!(answer.status, status);
                assert_eq!(field(&answer, "cache-control"), Some(expected));
                assert_eq!(field(&answer, "expires"), None, "{status}");
                assert_eq!(field(&answer, "cdn-cache-control"), Some("max-age=600"));
                assert_eq!(field(&answer, "etag"), Some("\"a\""), "{status}");
            }
            assert_eq!(origin.runs(), 2);
        }
    }

    #[tokio::test]
    async fn nothing_changes_unless_it_is_chosen() {
        let origin = says(&Cache::local(), Policy::from_headers(), SAYS);
        for (method, lines, _) in [&[("GET", SAYS, 0)][..], &WAYS[1..]].concat() {
            let lines = if lines == SAYS { &[] } else { lines };
            let answer = origin.ask(method, "/a", lines).await;
            for (name, value) in SAYS {
                assert_eq!(field(&answer, name), Some(*value), "{method} {name}");
            }
        }
    }

    #[tokio::test]
    async fn those_who_wait_and_their_leader_have_them() {
        let policy = Policy::from_headers().downstream(Downstream::Revalidate);
        let mut shop = Shop::of(Cache::local(), policy);
        let heads = [(); 2].map(|()| shop.head(request("GET", "/a")));
        shop.origin.next().await.answer(fresh("text"));
        for head in heads {
            let head = head.await.unwrap().unwrap();
            assert_eq!(head.headers()["cache-control"], "no-cache");
        }
        assert_eq!(shop.cache.stats().waiters, 1);
    }

    #[tokio::test]
    async fn a_hit_says_its_age_and_who_asks_again_gets_a_304_from_memory() {
        let clock = Clock::new();
        let cache = Cache::builder().clock(clock.clone()).build().unwrap();
        let policy = Policy::lifetime(MINUTE).downstream(Downstream::Revalidate);
        let origin = says(&cache, policy, &[]);
        let leader = origin.get("/a").await;
        assert_eq!(field(&leader, "cache-control"), Some("no-cache"));
        clock.advance(MINUTE / 2);
        let hit = origin.get("/a").await;
        assert_eq!(field(&hit, "age"), Some("30"));
        let tag = field(&hit, "etag").unwrap();
        let again = origin.ask("GET", "/a", &[("if-none-match", tag)]).await;
        assert_eq!((again.status, origin.runs()), (304, 1));
        assert_eq!(field(&again, "cache-control"), Some("no-cache"));
    }

    #[tokio::test]
    async fn what_is_for_one_client_or_nobody_stays_as_the_handler_says() {
        for value in ["private, max-age=60", "no-store", "max-age=60, ext=\"open"] {
            for (choice, _) in CHOICES {
                let policy = Policy::from_headers().downstream(choice);
                let origin = says(&Cache::local(), policy, &[("cache-control", value)]);
                for (method, lines, _) in WAYS {
                    let answer = origin.ask(method, "/a", lines).await;
                    assert_eq!(field(&answer, "cache-control"), Some(value), "{method}");
                }
            }
        }
    }

    #[tokio::test]
    async fn what_is_stored_by_a_field_for_this_cache_stays_private_for_others() {
        let policy = Policy::from_headers().downstream(Downstream::Revalidate);
        let lines = [
            ("coherence-cache-control", "max-age=60"),
            ("cache-control", "private, max-age=60"),
        ];
        let origin = says(&Cache::local(), policy, &lines);
        for _ in 0..2 {
            let answer = origin.get("/a").await;
            assert_eq!(field(&answer, "cache-control"), Some("no-cache, private"));
        }
        assert_eq!(origin.runs(), 1);
    }

    #[tokio::test]
    async fn writes_and_other_methods_keep_their_fields() {
        let policy = Policy::from_headers().downstream(Downstream::NoStore);
        let origin = says(&Cache::local(), policy, SAYS);
        for method in ["POST", "OPTIONS"] {
            let answer = origin.ask(method, "/a", &[]).await;
            assert_eq!(field(&answer, "cache-control"), Some(SAYS[0].1));
        }
    }

    #[tokio::test]
    async fn what_is_told_others_does_not_change_what_is_kept_here() {
        let clock = Clock::new();
        let cache = Cache::builder().clock(clock.clone()).build().unwrap();
        let policy = Policy::from_headers().downstream(Downstream::NoStore);
        let origin = says(&cache, policy, SAYS);
        for (past, runs) in [(0, 1), (59, 1), (1, 2)] {
            clock.advance(Duration::from_secs(past));
            origin.get("/a").await;
            assert_eq!(origin.runs(), runs);
        }
    }
}

mod regenerated {
    use super::*;

    const HALF: Duration = Duration::from_secs(30);
    const FOR_THIS: (&str, &str) = ("coherence-cache-control", "max-age=600");

    /// A cache and the clock that it goes by.
    fn clocked() -> (Cache, Clock) {
        let clock = Clock::new();
        let cache = Cache::builder().clock(clock.clone()).build().unwrap();
        (cache, clock)
    }

    fn regenerating() -> Policy {
        Policy::from_headers().downstream(Downstream::Regenerate)
    }

    #[tokio::test]
    async fn a_hit_is_as_if_the_handler_had_answered_now() {
        let route = Policy::lifetime(10 * MINUTE).downstream(Downstream::Regenerate);
        for (policy, line) in [(route, ("x-a", "1")), (regenerating(), FOR_THIS)] {
            let (cache, clock) = clocked();
            let origin = says(&cache, policy, &[line, ("etag", "\"a\""), SAYS[1]]);
            let leader = origin.get("/a").await;
            assert_eq!(field(&leader, "age"), None);
            clock.advance(HALF);
            for (method, lines, status) in &WAYS[..4] {
                let hit = origin.ask(method, "/a", lines).await;
                assert_eq!((hit.status, field(&hit, "age")), (*status, None));
                for name in ["date", "expires"] {
                    let later = seconds(&leader, name).unwrap() + 30;
                    assert_eq!(seconds(&hit, name), Some(later), "{status} {name}");
                }
            }
            assert_eq!(origin.runs(), 1);
        }
    }

    #[tokio::test]
    async fn what_declares_its_lifetime_to_all_says_its_age() {
        // Of two lifetimes the shorter counts: that of `Cache-Control`.
        let route = Policy::lifetime(10 * MINUTE).downstream(Downstream::Regenerate);
        for policy in [regenerating(), route] {
            let (cache, clock) = clocked();
            let origin = says(&cache, policy, &[("cache-control", "max-age=60"), SAYS[1]]);
            let leader = origin.get("/a").await;
            clock.advance(HALF);
            let hit = origin.get("/a").await;
            assert_eq!(field(&hit, "age"), Some("30"));
            for name in ["date", "expires"] {
                assert_eq!(field(&hit, name), field(&leader, name), "{name}");
            }
        }
    }

    #[tokio::test]
    async fn an_age_and_a_date_of_the_handler_are_not_made_younger() {
        let (cache, clock) = clocked();
        let date = seconds_ago(20);
        let origin = says(
            &cache,
            regenerating(),
            &[FOR_THIS, ("age", "7"), ("date", &date)],
        );
        let leader = origin.get("/a").await;
        clock.advance(HALF);
        let hit = origin.get("/a").await;
        assert_eq!(field(&hit, "age"), Some("7"));
        let later = seconds(&leader, "date").unwrap() + 30;
        assert_eq!(seconds(&hit, "date"), Some(later));
    }

    #[tokio::test]
    async fn while_deaf_a_hit_says_its_age() {
        let (cache, clock) = clocked();
        let policy = regenerating().while_deaf(WhileDeaf::ServeUntilExpiry);
        let origin = says(&cache, policy, &[FOR_THIS]);
        origin.get("/a").await;
        cache.idle().await.unwrap();
        clock.advance(HALF);
        assert_eq!(field(&origin.get("/a").await, "age"), Some("30"));
        cache.idle().await.unwrap();
        assert_eq!(field(&origin.get("/a").await, "age"), None);
        assert_eq!(origin.runs(), 1);
    }

    /// A fill is news enough by itself for one bound, and hears of nothing.
    #[tokio::test]
    async fn what_only_proves_itself_says_its_age() {
        let clock = Clock::new();
        let bound = Duration::from_secs(100);
        let cache = Cache::builder().clock(clock.clone());
        let cache = cache.staleness_bound(bound).heartbeat(bound / 2);
        let cache = cache.build().unwrap();
        let origin = says(&cache, regenerating(), &[FOR_THIS]);
        cache.idle().await.unwrap();
        clock.advance(Duration::from_secs(10));
        origin.get("/a").await;
        clock.advance(Duration::from_secs(85));
        assert_eq!(field(&origin.get("/a").await, "age"), None);
        clock.advance(Duration::from_secs(10));
        assert_eq!(field(&origin.get("/a").await, "age"), Some("95"));
        assert_eq!(origin.runs(), 1);
    }

    /// A client takes the `Date` of a hit for `If-Modified-Since`. What was written
    /// within that second would count as unmodified.
    #[tokio::test]
    async fn a_date_that_was_moved_says_nothing_about_modification() {
        let (cache, clock) = clocked();
        let date = seconds_ago(0);
        let origin = Origin::new(with(&cache, regenerating()), move |request| {
            let modified = ("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT");
            let lines = [FOR_THIS, ("date", date.as_str()), modified];
            let known = usize::from(request.uri().path() == "/known");
            response(200, &lines[..2 + known], "")
        });
        for (uri, status) in [("/a", 200), ("/known", 304)] {
            origin.get(uri).await;
            clock.advance(HALF);
            let hit = origin.get(uri).await;
            let since = [("if-modified-since", field(&hit, "date").unwrap())];
            assert_eq!(origin.ask("GET", uri, &since).await.status, status, "{uri}");
        }
        assert_eq!(origin.runs(), 2);
    }
}
