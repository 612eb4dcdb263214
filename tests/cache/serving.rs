//! What is stored, what is served, and to whom.
#![allow(
    clippy::disallowed_methods,
    reason = "a handler's `Date` is that of the real clock, where the test's clock begins"
)]

use crate::origin::{Lines, Origin, borrowed, field, owned, response, with};
use crate::support::{Answer, read, request, send};
use axum::body::Body;
use axum::http::{HeaderMap, Request, Version, header};
use std::time::{Duration, SystemTime};
use tower::ServiceExt;
use tower_coherence::test_util::Clock;
use tower_coherence::{Cache, CacheContext, Policy};

const MINUTE: Duration = Duration::from_secs(60);
const FRESH: (&str, &str) = ("cache-control", "max-age=60");
const PUBLIC: (&str, &str) = ("cache-control", "public, max-age=60");

/// The wall clock: these tests write dates as an application does.
#[allow(
    clippy::disallowed_methods,
    reason = "an application reads the wall clock"
)]
fn now() -> SystemTime {
    SystemTime::now()
}

fn minutely(cache: &Cache) -> tower_coherence::CacheLayer {
    with(cache, Policy::lifetime(MINUTE).jitter(0.0))
}

fn with_clock() -> (Cache, Clock) {
    let clock = Clock::new();
    let cache = Cache::builder().clock(clock.clone()).build().unwrap();
    (cache, clock)
}

fn age(answer: &Answer) -> u64 {
    field(answer, "age").unwrap().parse().unwrap()
}

/// How many of `count` equal requests reached the handler.
async fn runs_of(origin: &Origin, uri: &str, lines: Lines<'_>, count: u64) -> u64 {
    let before = origin.runs();
    for _ in 0..count {
        origin.ask("GET", uri, lines).await;
    }
    origin.runs() - before
}

mod freshness {
    use super::*;

    #[tokio::test]
    async fn nothing_is_stored_that_does_not_say_how_long() {
        let cache = Cache::local();
        for lines in [
            &[][..],
            &[("cache-control", "public")],
            &[("cache-control", "must-revalidate")],
            &[("cache-control", "max-age=0")],
            &[("cache-control", "max-age='60'")],
            &[("expires", "0")],
            &[("etag", "\"a\"")],
            &[("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT")],
        ] {
            let origin = Origin::says(cache.layer(), lines);
            assert_eq!(runs_of(&origin, "/a", &[], 3).await, 3, "{lines:?}");
        }
        assert_eq!(cache.stats().stored, 0);
        assert!(cache.stats().refusals["no-lifetime"] >= 5);
    }

    #[tokio::test]
    async fn a_response_is_served_for_as_long_as_it_says_and_no_longer() {
        for (lines, seconds) in [
            (&[("cache-control", "max-age=10")][..], 10),
            (&[("cache-control", "max-age=10, s-maxage=20")], 20),
            (&[("cache-control", "max-age=10"), ("age", "4")], 6),
            (&[("cache-control", "max-age=9, max-age=30")], 9),
        ] {
            let (cache, clock) = with_clock();
            let origin = Origin::says(cache.layer(), lines);
            assert_eq!(origin.get("/a").await.body, "run 1");
            clock.advance(Duration::from_secs(seconds) - Duration::from_millis(1));
            assert_eq!(origin.get("/a").await.body, "run 1", "{lines:?}");
            clock.advance(Duration::from_millis(1));
            assert_eq!(origin.get("/a").await.body, "run 2", "{lines:?}");
            assert_eq!(cache.stats().misses["expired"], 1);
            assert_eq!(origin.get("/a").await.body, "run 2", "{lines:?}");
        }
    }

    #[tokio::test]
    async fn expires_counts_from_date() {
        let (cache, clock) = with_clock();
        let at = |seconds| httpdate::fmt_http_date(now() + Duration::from_secs(seconds));
        let (date, expires) = (at(3), at(33));
        let origin = Origin::says(cache.layer(), &[("date", &date), ("expires", &expires)]);
        origin.get("/a").await;
        clock.advance(Duration::from_secs(29));
        assert_eq!(origin.get("/a").await.body, "run 1");
        clock.advance(Duration::from_secs(5));
        assert_eq!(origin.get("/a").await.body, "run 2");
    }

    #[tokio::test]
    async fn a_lifetime_policy_stores_what_declares_nothing_and_the_shorter_counts() {
        for (lines, seconds) in [
            (&[][..], 60),
            (&[("cache-control", "max-age=10")], 10),
            (&[("cache-control", "max-age=100")], 60),
            (&[("cache-control", "public")], 60),
        ] {
            let (cache, clock) = with_clock();
            let origin = Origin::says(minutely(&cache), lines);
            origin.get("/a").await;
            clock.advance(Duration::from_secs(seconds - 1));
            assert_eq!(origin.get("/a").await.body, "run 1", "{lines:?}");
            clock.advance(Duration::from_secs(1));
            assert_eq!(origin.get("/a").await.body, "run 2", "{lines:?}");
        }
    }

    #[tokio::test]
    async fn the_default_policy_of_the_cache_is_that_of_its_layers() {
        let policy = Policy::lifetime(MINUTE);
        let cache = Cache::builder().default_policy(policy).build().unwrap();
        let origin = Origin::says(cache.layer(), &[]);
        assert_eq!(runs_of(&origin, "/a", &[], 3).await, 1);
        let other = Origin::says(with(&cache, Policy::from_headers()), &[]);
        assert_eq!(runs_of(&other, "/b", &[], 3).await, 3);
    }

    #[tokio::test]
    async fn a_hit_says_its_age_and_when_it_was_made() {
        let (cache, clock) = with_clock();
        let origin = Origin::says(cache.layer(), &[FRESH, ("age", "5")]);
        let filled = origin.get("/a").await;
        let made = field(&filled, "date").unwrap();
        assert_eq!(field(&filled, "age"), Some("5"));
        clock.advance(Duration::from_millis(7900));
        let hit = origin.get("/a").await;
        assert_eq!((age(&hit), hit.body.as_str()), (12, "run 1"));
        assert_eq!(field(&hit, "date"), Some(made));
    }

    #[tokio::test]
    async fn a_date_of_the_handler_is_kept_and_counts_as_age() {
        let (cache, _clock) = with_clock();
        let made = httpdate::fmt_http_date(now() - Duration::from_secs(20));
        let origin = Origin::says(cache.layer(), &[FRESH, ("date", &made)]);
        assert_eq!(field(&origin.get("/a").await, "date"), Some(made.as_str()));
        let hit = origin.get("/a").await;
        assert_eq!(field(&hit, "date"), Some(made.as_str()));
        // The date has whole seconds, and the clock of the cache began a little later.
        assert!((20..=21).contains(&age(&hit)));
    }
}

mod refusals {
    use super::*;

    #[tokio::test]
    async fn what_forbids_it_is_never_stored_whatever_the_policy() {
        for (lines, reason) in [
            (&[("cache-control", "no-store, max-age=60")][..], "no-store"),
            (&[("cache-control", "private")], "private"),
            (&[("cache-control", "max-age=60, private=\"x\"")], "private"),
            (&[("cache-control", "no-cache")], "no-cache"),
            (&[FRESH, ("cache-control", "NO-STORE")], "no-store"),
            (&[FRESH, ("set-cookie", "a=b")], "set-cookie"),
            (&[FRESH, ("vary", "accept, *")], "vary-any"),
            (&[FRESH, ("vary", "a b")], "vary"),
            (
                &[FRESH, ("content-type", "text/event-stream")],
                "event-stream",
            ),
            (
                &[("cache-control", "x=\"open, no-store")],
                "unreadable-cache-control",
            ),
        ] {
            let cache = Cache::local();
            let origin = Origin::says(minutely(&cache), lines);
            assert_eq!(runs_of(&origin, "/a", &[], 2).await, 2, "{lines:?}");
            assert_eq!(cache.stats().refusals[reason], 2, "{lines:?}");
            assert_eq!((cache.stats().stored, cache.stats().hits), (0, 0));
        }
    }

    #[tokio::test]
    async fn a_lifetime_policy_is_for_success_only_and_an_error_may_say_its_own() {
        for (status, lines, stored) in [
            (200, &[][..], true),
            (203, &[], true),
            (204, &[], true),
            (301, &[], true),
            (308, &[], true),
            (302, &[], false),
            (400, &[], false),
            (404, &[], false),
            (410, &[], false),
            (500, &[], false),
            (503, &[], false),
            (404, &[FRESH], true),
            (500, &[FRESH], true),
            (206, &[FRESH], false),
            (304, &[FRESH], false),
        ] {
            let cache = Cache::local();
            let lines = owned(lines);
            let origin = Origin::new(minutely(&cache), move |_| {
                response(status, &borrowed(&lines), "")
            });
            let runs = runs_of(&origin, "/a", &[], 2).await;
            assert_eq!(runs, if stored { 1 } else { 2 }, "{status}");
        }
    }

    #[tokio::test]
    async fn a_body_that_disagrees_with_its_length_is_not_stored() {
        let cache = Cache::local();
        let origin = Origin::says(cache.layer(), &[FRESH, ("content-length", "500")]);
        assert_eq!(runs_of(&origin, "/a", &[], 2).await, 2);
        assert_eq!(cache.stats().refusals["wrong-content-length"], 2);
    }

    #[tokio::test]
    async fn a_handler_forbids_storing_or_shortens_the_lifetime() {
        let (cache, clock) = with_clock();
        let origin = Origin::new(cache.layer(), move |request| {
            let context = CacheContext::from_extensions(request.extensions()).unwrap();
            match request.uri().path() {
                "/never" => context.do_not_store(),
                "/zero" => context.at_most(Duration::ZERO),
                "/short" => {
                    context.at_most(Duration::from_secs(5));
                    context.at_most(Duration::from_secs(50));
                }
                _ => context.at_most(Duration::from_secs(500)),
            }
            response(200, &[FRESH], "")
        });
        assert_eq!(runs_of(&origin, "/never", &[], 2).await, 2);
        assert_eq!(runs_of(&origin, "/zero", &[], 2).await, 2);
        assert_eq!(cache.stats().refusals["forbidden-by-handler"], 4);
        for (uri, seconds) in [("/short", 5), ("/long", 60)] {
            assert_eq!(runs_of(&origin, uri, &[], 2).await, 1, "{uri}");
            clock.advance(Duration::from_secs(seconds) - Duration::from_millis(1));
            assert_eq!(runs_of(&origin, uri, &[], 1).await, 0, "{uri}");
            clock.advance(Duration::from_millis(1));
            assert_eq!(runs_of(&origin, uri, &[], 1).await, 1, "{uri}");
        }
    }

    #[tokio::test]
    async fn a_response_older_than_the_handler_allows_is_not_stored() {
        let cache = Cache::local();
        let origin = Origin::new(cache.layer(), |request| {
            let context = CacheContext::from_extensions(request.extensions()).unwrap();
            context.at_most(Duration::from_secs(5));
            response(200, &[FRESH, ("age", "10")], "")
        });
        assert_eq!(runs_of(&origin, "/a", &[], 2).await, 2);
        assert_eq!(cache.stats().stored, 0);
        assert_eq!(cache.stats().refusals["stale"], 2);
    }

    #[tokio::test]
    async fn fields_of_the_connection_are_not_stored_and_unknown_ones_are() {
        let cache = Cache::local();
        let origin = Origin::says(
            cache.layer(),
            &[
                FRESH,
                ("connection", "x-hop"),
                ("x-hop", "1"),
                ("keep-alive", "timeout=5"),
                ("proxy-authenticate", "Basic"),
                ("x-unknown", "1"),
                ("x-unknown", "2"),
                ("trailer", "x-sum"),
            ],
        );
        let filled = origin.get("/a").await;
        assert_eq!(field(&filled, "x-hop"), Some("1"));
        let hit = origin.get("/a").await;
        assert_eq!(hit.body, "run 1");
        for name in ["connection", "x-hop", "keep-alive", "proxy-authenticate"] {
            assert_eq!(field(&hit, name), None, "{name}");
        }
        let unknown: Vec<_> = hit.headers.get_all("x-unknown").iter().collect();
        assert_eq!(unknown, ["1", "2"]);
        assert_eq!(field(&hit, "trailer"), Some("x-sum"));
    }
}

mod credentials {
    use super::*;

    const CREDENTIALS: [(&str, &str); 2] = [("authorization", "Bearer x"), ("cookie", "id=1")];

    #[tokio::test]
    async fn what_a_request_with_credentials_gets_is_not_for_others() {
        for (credential, reason) in CREDENTIALS.into_iter().zip(["authorization", "cookie"]) {
            let cache = Cache::local();
            let origin = Origin::says(minutely(&cache), &[FRESH]);
            assert_eq!(runs_of(&origin, "/a", &[credential], 2).await, 2);
            assert_eq!(cache.stats().refusals[reason], 2);
            assert_eq!(origin.get("/a").await.body, "run 3");
            assert_eq!(origin.get("/a").await.body, "run 3");
            // And what others get is not for it.
            assert_eq!(origin.ask("GET", "/a", &[credential]).await.body, "run 4");
            assert_eq!(origin.get("/a").await.body, "run 3");
        }
    }

    #[tokio::test]
    async fn what_says_that_it_is_for_all_is_shared() {
        let [authorization, cookie] = CREDENTIALS;
        for (credential, value, shared) in [
            (authorization, "public, max-age=60", true),
            (authorization, "s-maxage=60", true),
            (authorization, "max-age=60, must-revalidate", true),
            (authorization, "max-age=60, proxy-revalidate", false),
            (cookie, "public, max-age=60", true),
            (cookie, "s-maxage=60", true),
            (cookie, "max-age=60, must-revalidate", false),
        ] {
            let cache = Cache::local();
            let origin = Origin::says(cache.layer(), &[("cache-control", value)]);
            let runs = runs_of(&origin, "/a", &[credential], 2).await;
            assert_eq!(runs, if shared { 1 } else { 2 }, "{credential:?} {value}");
            assert_eq!(runs_of(&origin, "/a", &[], 1).await, u64::from(!shared));
        }
    }

    #[tokio::test]
    async fn varying_by_cookie_does_not_lift_the_rule() {
        let cache = Cache::local();
        let origin = Origin::says(cache.layer(), &[FRESH, ("vary", "cookie")]);
        assert_eq!(runs_of(&origin, "/a", &[("cookie", "a=1")], 2).await, 2);
        let origin = Origin::says(cache.layer(), &[PUBLIC, ("vary", "cookie")]);
        assert_eq!(runs_of(&origin, "/b", &[("cookie", "a=1")], 2).await, 1);
        assert_eq!(runs_of(&origin, "/b", &[("cookie", "a=2")], 2).await, 1);
    }
}

mod variants {
    use super::*;

    /// Echoes what it varies by.
    fn varying(cache: &Cache, vary: &'static str) -> Origin {
        Origin::new(cache.layer(), move |request| {
            let asked = |name| request.headers().get(name).cloned();
            let text = format!("{:?} {:?}", asked("x-a"), asked("x-b"));
            response(200, &[FRESH, ("vary", vary)], text)
        })
    }

    #[tokio::test]
    async fn each_request_gets_its_own_variant() {
        let cache = Cache::local();
        let origin = varying(&cache, "X-A, x-b");
        let requests: [Lines<'_>; 6] = [
            &[],
            &[("x-a", "")],
            &[("x-a", "1")],
            &[("x-b", "1")],
            &[("x-a", "1"), ("x-b", "2")],
            &[("x-a", "1"), ("x-a", "2")],
        ];
        let mut answers = Vec::new();
        for lines in requests {
            answers.push(origin.ask("GET", "/a", lines).await.body);
        }
        for (lines, answer) in requests.iter().zip(&answers).rev() {
            assert_eq!(origin.ask("GET", "/a", lines).await.body, *answer);
        }
        assert_eq!(origin.runs(), 6);
        // Other fields choose nothing.
        assert_eq!(runs_of(&origin, "/a", &[("x-c", "1")], 1).await, 0);
    }

    #[tokio::test]
    async fn one_field_in_several_lines_is_one_list() {
        let cache = Cache::local();
        let origin = varying(&cache, "x-a");
        origin.ask("GET", "/a", &[("x-a", "1, 2")]).await;
        let lines = [("x-a", "1"), ("x-a", " 2")];
        assert_eq!(runs_of(&origin, "/a", &lines, 1).await, 0);
    }

    #[tokio::test]
    async fn accept_encoding_has_no_order_and_no_case() {
        let cache = Cache::local();
        let origin = varying(&cache, "accept-encoding");
        for value in ["gzip, br", "br,GZIP", "br , gzip"] {
            origin.ask("GET", "/a", &[("accept-encoding", value)]).await;
        }
        assert_eq!(origin.runs(), 1);
        for value in ["gzip", "gzip, br;q=0"] {
            origin.ask("GET", "/a", &[("accept-encoding", value)]).await;
        }
        origin.get("/a").await;
        assert_eq!(origin.runs(), 4);
    }

    #[tokio::test]
    async fn responses_that_vary_by_different_fields_are_told_apart_by_all() {
        let cache = Cache::local();
        let origin = Origin::new(cache.layer(), |request| {
            let asked = |name| request.headers().get(name).cloned();
            let vary = match asked("x-a") {
                Some(_) => "x-a",
                None => "x-b",
            };
            let text = format!("{:?} {:?}", asked("x-a"), asked("x-b"));
            response(200, &[FRESH, ("vary", vary)], text)
        });
        let requests: [Lines<'_>; 4] = [
            &[("x-a", "1")],
            &[("x-b", "1")],
            &[("x-a", "2"), ("x-b", "1")],
            &[("x-a", "2"), ("x-b", "2")],
        ];
        for _ in 0..3 {
            for lines in requests {
                let answer = origin.ask("GET", "/a", lines).await;
                let asked = |name: &str| {
                    let found = lines.iter().find(|(asked, _)| *asked == name);
                    found.map(|(_, value)| header::HeaderValue::from_str(value).unwrap())
                };
                assert_eq!(
                    answer.body,
                    format!("{:?} {:?}", asked("x-a"), asked("x-b"))
                );
            }
        }
        // The first was stored before the second field was known.
        assert_eq!(origin.runs(), 5);
    }

    #[tokio::test]
    async fn a_response_without_vary_does_not_hide_those_with() {
        let cache = Cache::local();
        let origin = Origin::new(cache.layer(), |request| {
            match request.headers().get("x-a") {
                Some(value) => response(200, &[FRESH, ("vary", "x-a")], value.as_bytes().to_vec()),
                None => response(200, &[FRESH], "plain"),
            }
        });
        assert_eq!(origin.get("/a").await.body, "plain");
        // What was stored does not vary: it answers all.
        assert_eq!(origin.ask("GET", "/a", &[("x-a", "1")]).await.body, "plain");
        cache.invalidate_now(tower_coherence::Invalidate::path("/a"));
        assert_eq!(origin.ask("GET", "/a", &[("x-a", "1")]).await.body, "1");
        assert_eq!(origin.get("/a").await.body, "plain");
        assert_eq!(origin.ask("GET", "/a", &[("x-a", "1")]).await.body, "1");
        assert_eq!(origin.ask("GET", "/a", &[("x-a", "2")]).await.body, "2");
        assert_eq!(origin.get("/a").await.body, "plain");
        assert_eq!(origin.runs(), 4);
    }

    #[tokio::test]
    async fn a_uri_keeps_32_variants_and_dead_ones_make_room() {
        let cache = Cache::local();
        let origin = varying(&cache, "x-a");
        let ask = async |number: u32| {
            let value = number.to_string();
            let answer = origin.ask("GET", "/a", &[("x-a", &value)]).await;
            assert!(answer.body.contains(&format!("{value:?}")));
        };
        for number in 0..40 {
            ask(number).await;
        }
        assert_eq!(cache.stats().refusals["variants-over-the-limit"], 8);
        assert_eq!(cache.stats().stored, 32);
        for number in 0..32 {
            ask(number).await;
        }
        assert_eq!((origin.runs(), cache.stats().hits), (40, 32));
        cache.invalidate_now(tower_coherence::Invalidate::path("/a"));
        ask(100).await;
        ask(100).await;
        assert_eq!(origin.runs(), 41);
        assert_eq!(cache.stats().refusals["variants-over-the-limit"], 8);
    }

    #[tokio::test]
    async fn a_write_reaches_every_variant() {
        let cache = Cache::local();
        let origin = varying(&cache, "x-a");
        let variants = [("x-a", "1"), ("x-a", "2")];
        for line in variants {
            assert_eq!(runs_of(&origin, "/a", &[line], 2).await, 1);
        }
        origin.ask("DELETE", "/a", &[]).await;
        for line in variants {
            assert_eq!(runs_of(&origin, "/a", &[line], 2).await, 1);
        }
    }
}

mod keys {
    use super::*;

    async fn from(origin: &Origin, host: Option<&str>, uri: &str) -> String {
        let mut request = Request::get(uri);
        if let Some(host) = host {
            request = request.header("host", host);
        }
        send(&origin.app, request.body(Body::empty()).unwrap())
            .await
            .body
    }

    #[tokio::test]
    async fn two_hosts_never_share_an_entry() {
        let origin = Origin::says(Cache::local().layer(), &[FRESH]);
        for _ in 0..2 {
            assert_eq!(from(&origin, Some("one.example"), "/a").await, "run 1");
            assert_eq!(from(&origin, Some("two.example"), "/a").await, "run 2");
            assert_eq!(from(&origin, Some("one.example:81"), "/a").await, "run 3");
        }
    }

    #[tokio::test]
    async fn both_versions_of_http_find_the_same_entry() {
        let origin = Origin::says(Cache::local().layer(), &[FRESH]);
        assert_eq!(from(&origin, Some("One.example"), "/a?b").await, "run 1");
        let second = Request::get("http://one.example:80/a?b")
            .version(Version::HTTP_2)
            .body(Body::empty())
            .unwrap();
        assert_eq!(send(&origin.app, second).await.body, "run 1");
    }

    #[tokio::test]
    async fn requests_without_a_host_share_entries_with_each_other_only() {
        let origin = Origin::says(Cache::local().layer(), &[FRESH]);
        for _ in 0..2 {
            assert_eq!(from(&origin, None, "/a").await, "run 1");
            assert_eq!(from(&origin, Some("one.example"), "/a").await, "run 2");
        }
        let write = Request::put("/a").body(Body::empty()).unwrap();
        send(&origin.app, write).await;
        assert_eq!(from(&origin, None, "/a").await, "run 4");
        assert_eq!(from(&origin, Some("one.example"), "/a").await, "run 5");
    }

    #[tokio::test]
    async fn a_request_with_two_hosts_or_a_broken_one_is_passed_on() {
        let cache = Cache::local();
        let origin = Origin::says(cache.layer(), &[FRESH]);
        for (uri, hosts, reason) in [
            ("http://one.example/a", &["two.example"][..], "two-hosts"),
            ("/a", &["one.example", "one.example"], "repeated-host"),
            ("/a", &["user@one.example"], "invalid-host"),
        ] {
            for _ in 0..2 {
                let mut request = Request::get(uri);
                for host in hosts {
                    request = request.header("host", *host);
                }
                send(&origin.app, request.body(Body::empty()).unwrap()).await;
            }
            assert_eq!(cache.stats().bypasses[reason], 2);
        }
        assert_eq!((origin.runs(), cache.stats().fills), (6, 0));
    }

    #[tokio::test]
    async fn queries_and_spellings_have_entries_of_their_own_and_a_write_reaches_all() {
        let origin = Origin::says(Cache::local().layer(), &[FRESH]);
        let uris = [
            "/p/7",
            "/p/7?",
            "/p/7?a=1&b=2",
            "/p/7?b=2&a=1",
            "/p/%37",
            "/p/7/",
        ];
        for (uri, run) in uris.iter().zip(1..) {
            for _ in 0..2 {
                assert_eq!(origin.get(uri).await.body, format!("run {run}"), "{uri}");
            }
        }
        origin.ask("PUT", "/p/7?c", &[]).await;
        for (uri, run) in uris[..5].iter().zip(8..) {
            assert_eq!(origin.get(uri).await.body, format!("run {run}"), "{uri}");
        }
        assert_eq!(origin.get("/p/7/").await.body, "run 6");
    }

    #[tokio::test]
    async fn long_and_deep_paths_are_passed_on() {
        let cache = Cache::local();
        let origin = Origin::says(cache.layer(), &[FRESH]);
        let (long, deep) = (format!("/?{}", "x".repeat(9000)), "/a".repeat(17));
        assert_eq!(runs_of(&origin, &long, &[], 2).await, 2);
        assert_eq!(runs_of(&origin, &deep, &[], 2).await, 2);
        assert_eq!(cache.stats().bypasses["long-key"], 2);
        assert_eq!(cache.stats().bypasses["deep-path"], 2);
    }
}

mod requests {
    use super::*;

    #[tokio::test]
    async fn no_unsafe_request_is_ever_answered_from_memory() {
        let cache = Cache::local();
        let origin = Origin::says(minutely(&cache), &[PUBLIC]);
        for method in ["POST", "PUT", "PATCH", "DELETE", "M-SEARCH", "PURGE"] {
            let before = origin.runs();
            origin.get("/a").await;
            for _ in 0..2 {
                origin.ask(method, "/a", &[]).await;
            }
            assert_eq!(origin.runs() - before, 3, "{method}");
        }
        assert_eq!((cache.stats().hits, cache.stats().writes), (0, 12));
        for method in ["OPTIONS", "TRACE", "QUERY"] {
            origin.get("/a").await;
            let before = origin.runs();
            for _ in 0..2 {
                origin.ask(method, "/a", &[]).await;
            }
            assert_eq!(origin.runs() - before, 2, "{method}");
        }
        // Safe ones invalidate nothing.
        assert_eq!(cache.stats().hits, 2);
    }

    #[tokio::test]
    async fn head_is_answered_from_a_stored_get() {
        let (cache, clock) = with_clock();
        let origin = Origin::says(cache.layer(), &[FRESH, ("etag", "\"a\""), ("x-a", "1")]);
        origin.get("/a").await;
        clock.advance(Duration::from_secs(3));
        let (get, head) = (origin.get("/a").await, origin.ask("HEAD", "/a", &[]).await);
        assert_eq!((origin.runs(), cache.stats().hits), (1, 2));
        assert_eq!((head.status, head.body.as_str()), (200, ""));
        assert_eq!(field(&head, "content-length"), Some("5"));
        let mut headers = head.headers.clone();
        if get.headers.get("content-length").is_none() {
            headers.remove("content-length");
        }
        assert_eq!(headers, get.headers);
        clock.advance(MINUTE);
        origin.ask("HEAD", "/a", &[]).await;
        assert_eq!(origin.runs(), 2);
    }

    #[tokio::test]
    async fn head_never_fills_and_leaves_what_is_stored() {
        let cache = Cache::local();
        let origin = Origin::says(cache.layer(), &[FRESH]);
        assert_eq!(origin.ask("HEAD", "/a", &[]).await.body, "");
        assert_eq!(origin.get("/a").await.body, "run 2");
        origin.ask("HEAD", "/a", &[]).await;
        assert_eq!(origin.get("/a").await.body, "run 2");
        assert_eq!(cache.stats().bypasses["head"], 1);
        assert_eq!(cache.stats().stored, 1);
    }

    #[tokio::test]
    async fn head_of_a_stored_204_has_no_content_length() {
        let cache = Cache::local();
        let layer = minutely(&cache);
        let inner = tower::service_fn(|_: Request<Body>| async {
            Ok::<_, std::convert::Infallible>(response(204, &[], ""))
        });
        let service = tower::Layer::layer(&layer, inner);
        for method in ["GET", "HEAD"] {
            let answer = service.clone().oneshot(request(method, "/a")).await;
            let answer = read(answer.unwrap().map(Body::new)).await;
            assert_eq!(
                (answer.status, field(&answer, "content-length")),
                (204, None)
            );
        }
        assert_eq!(cache.stats().hits, 1);
    }

    #[tokio::test]
    async fn preconditions_of_the_origin_and_gets_with_a_body_are_passed_on() {
        let cache = Cache::local();
        let origin = Origin::says(cache.layer(), &[FRESH]);
        origin.get("/a").await;
        for (line, reason) in [
            (("if-match", "*"), "precondition"),
            (("if-unmodified-since", "x"), "precondition"),
            (("content-length", "3"), "request-content"),
        ] {
            let before = cache.stats().bypasses.get(reason).copied().unwrap_or(0);
            assert_eq!(runs_of(&origin, "/a", &[line], 2).await, 2, "{line:?}");
            assert_eq!(cache.stats().bypasses[reason], before + 2);
        }
        let mut fat = request("GET", "/a");
        *fat.body_mut() = Body::from("text");
        assert_eq!(send(&origin.app, fat).await.body, "run 8");
        assert_eq!(origin.get("/a").await.body, "run 1");
    }

    #[tokio::test]
    async fn a_client_cannot_force_work() {
        let cache = Cache::local();
        let origin = Origin::says(cache.layer(), &[FRESH]);
        origin.get("/a").await;
        for value in [
            "no-cache",
            "max-age=0",
            "no-store",
            "only-if-cached",
            "\"open",
        ] {
            let runs = runs_of(&origin, "/a", &[("cache-control", value)], 2).await;
            assert_eq!(runs, 0, "{value}");
        }
        assert_eq!(
            runs_of(&origin, "/a", &[("pragma", "no-cache")], 2).await,
            0
        );
    }

    #[tokio::test]
    async fn what_a_request_forbids_to_store_is_not_stored_and_changes_nothing_for_others() {
        for value in ["no-store", "x=\"open"] {
            let cache = Cache::local();
            let origin = Origin::says(cache.layer(), &[FRESH]);
            assert_eq!(
                runs_of(&origin, "/a", &[("cache-control", value)], 2).await,
                2
            );
            assert_eq!(cache.stats().stored, 0);
            assert_eq!(cache.stats().bypasses["request-no-store"], 2, "{value}");
            // The key is not held to be uncacheable by that.
            assert_eq!(runs_of(&origin, "/a", &[], 2).await, 1);
            assert_eq!(cache.stats().misses.get("uncacheable"), None, "{value}");
        }
    }

    #[tokio::test]
    async fn a_hit_is_what_was_filled() {
        let cache = Cache::local();
        let origin = Origin::new(cache.layer(), |_| {
            let lines = [
                FRESH,
                ("content-type", "text/x"),
                ("x-b", "\u{e9}"),
                ("etag", "W/\"1\""),
            ];
            let mut response = response(404, &lines[..2], "caf\u{e9}");
            let bytes = header::HeaderValue::from_bytes(b"\xff\xe9").unwrap();
            response.headers_mut().insert("x-b", bytes);
            response
        });
        let filled = origin.get("/a").await;
        let hit = origin.get("/a").await;
        assert_eq!(origin.runs(), 1);
        let same = |headers: &HeaderMap| {
            let mut headers = headers.clone();
            headers.remove("age");
            headers.remove("content-length");
            headers
        };
        assert_eq!(same(&filled.headers), same(&hit.headers));
        assert_eq!((filled.status, &filled.body), (hit.status, &hit.body));
    }
}
