//! What a policy chooses, what is counted, what is told, what is impossible.

use crate::origin::{Origin, response, with};
use crate::support::{request, send};
use axum::http::request::Parts;
use std::time::Duration;
use tower_coherence::bus::Local;
use tower_coherence::policy::{Eviction, WhileDeaf};
use tower_coherence::test_util::Clock;
use tower_coherence::{
    Cache, CacheBuilder, CacheContext, ErrorKind, Event, Invalidate, Policy, Scope, Tag, Tags,
    WriteConcern,
};

const MINUTE: Duration = Duration::from_secs(60);
const FRESH: (&str, &str) = ("cache-control", "max-age=60");

fn tenant(parts: &Parts) -> Option<Scope> {
    let tenant = parts.headers.get("x-tenant")?.to_str().ok()?;
    Some(Scope::new(tenant))
}

mod tags {
    use super::*;

    /// Whether the invalidation takes the stored `/products/7` away.
    async fn reaches(origin: &Origin, cache: &Cache, what: impl Into<Invalidate>) -> bool {
        origin.get("/products/7").await;
        let before = origin.runs();
        cache.invalidate(what).await;
        origin.get("/products/7").await;
        origin.runs() > before
    }

    #[tokio::test]
    async fn tags_of_the_policy_its_closure_and_the_handler_add_up() {
        let cache = Cache::local();
        let policy = Policy::lifetime(MINUTE)
            .tags(["products", "shop"])
            .tag_with(|request, response| {
                assert_eq!(response.status, 200);
                let id = request.uri.path().rsplit('/').next().unwrap();
                Tags::from(Tag::of("product", id))
            });
        let origin = Origin::new(with(&cache, policy), |request| {
            let context = CacheContext::from_extensions(request.extensions()).unwrap();
            context.tag("noted");
            let mut response = response(200, &[], "");
            Tags::from(["attached", "also"]).add_to(response.extensions_mut());
            response
        });
        for tag in ["products", "shop", "product:7", "noted", "attached", "also"] {
            assert!(reaches(&origin, &cache, Tag::new(tag)).await, "{tag}");
        }
        for tag in ["product:8", "product", "Products", "product:7 ", ""] {
            assert!(!reaches(&origin, &cache, Tag::new(tag)).await, "{tag}");
        }
    }

    #[tokio::test]
    async fn a_closure_that_panics_keeps_the_response_from_being_stored_and_nothing_else() {
        let cache = Cache::local();
        let policy = Policy::lifetime(MINUTE).tag_with(|_, _| panic!("no tags today"));
        let origin = Origin::says(with(&cache, policy), &[]);
        assert_eq!(origin.get("/a").await.body, "run 1");
        assert_eq!(origin.get("/a").await.body, "run 2");
        assert_eq!(cache.stats().refusals["policy-panicked"], 2);
        assert_eq!(cache.stats().stored, 0);
    }

    #[tokio::test]
    async fn a_response_with_too_many_tags_or_an_impossible_one_is_not_stored() {
        let cache = Cache::local();
        let many = |count: usize| (0..count).map(|n| n.to_string()).collect::<Tags>();
        for (tags, stored) in [
            (many(128), true),
            (many(129), false),
            (Tags::from("x".repeat(256)), true),
            (Tags::from("x".repeat(257)), false),
            (Tags::from(""), false),
            (Tags::from("\u{e9}\0\r\n"), true),
        ] {
            let origin = Origin::says(with(&cache, Policy::lifetime(MINUTE).tags(tags)), &[]);
            let uri = format!("/{}", cache.stats().fills);
            for _ in 0..2 {
                origin.get(&uri).await;
            }
            assert_eq!(origin.runs(), if stored { 1 } else { 2 });
        }
        assert_eq!(cache.stats().refusals["tags-over-the-limit"], 4);
        assert_eq!(cache.stats().refusals["template"], 2);
    }
}

mod scopes {
    use super::*;

    async fn ask(origin: &Origin, method: &str, tenant: &str) -> String {
        let answer = origin.ask(method, "/a", &[("x-tenant", tenant)]).await;
        answer.body
    }

    fn origin(cache: &Cache) -> Origin {
        let policy = Policy::lifetime(MINUTE).scope(tenant).tags("t");
        Origin::says(with(cache, policy), &[])
    }

    #[tokio::test]
    async fn a_scope_is_a_partition_of_keys() {
        let origin = origin(&Cache::local());
        for _ in 0..2 {
            assert_eq!(ask(&origin, "GET", "one").await, "run 1");
            assert_eq!(ask(&origin, "GET", "two").await, "run 2");
            assert_eq!(ask(&origin, "HEAD", "one").await, "");
        }
    }

    #[tokio::test]
    async fn a_write_and_a_purge_stay_in_their_scope() {
        let cache = Cache::local();
        let origin = origin(&cache);
        let served = async || {
            let before = origin.runs();
            ask(&origin, "GET", "one").await;
            let one = origin.runs() == before;
            let before = origin.runs();
            ask(&origin, "GET", "two").await;
            (one, origin.runs() == before)
        };
        served().await;
        assert_eq!(served().await, (true, true));
        ask(&origin, "PUT", "one").await;
        assert_eq!(served().await, (false, true));
        let one = cache.scope("one");
        for what in [
            Invalidate::tag("t"),
            Invalidate::path("/a"),
            Invalidate::prefix("/"),
            Invalidate::everything(),
        ] {
            one.invalidate(what).await;
            assert_eq!(served().await, (false, true));
        }
        // Without a scope a tag is that of nobody here, and everything is everything.
        cache.invalidate(Tag::new("t")).await;
        assert_eq!(served().await, (true, true));
        cache.invalidate(Invalidate::everything()).await;
        assert_eq!(served().await, (false, false));
    }

    #[tokio::test]
    async fn what_a_handler_notes_stays_in_the_scope_of_its_request() {
        let cache = Cache::local();
        let policy = Policy::lifetime(MINUTE).scope(tenant).tags("t");
        let origin = Origin::new(with(&cache, policy), |request| {
            let context = CacheContext::from_extensions(request.extensions()).unwrap();
            if request.uri().path() == "/purge" {
                context.invalidate(Invalidate::tag("t"));
            }
            response(200, &[], "")
        });
        for name in ["one", "two"] {
            ask(&origin, "GET", name).await;
        }
        origin.ask("GET", "/purge", &[("x-tenant", "one")]).await;
        let before = origin.runs();
        ask(&origin, "GET", "two").await;
        assert_eq!(origin.runs(), before);
        ask(&origin, "GET", "one").await;
        assert_eq!(origin.runs(), before + 1);
    }

    #[tokio::test]
    async fn a_request_without_a_scope_is_passed_on() {
        let cache = Cache::local();
        let origin = origin(&cache);
        assert_eq!(origin.get("/a").await.body, "run 1");
        assert_eq!(origin.get("/a").await.body, "run 2");
        assert_eq!(cache.stats().bypasses["no-scope"], 2);
        assert_eq!(cache.stats().fills, 0);
    }
}

mod stores {
    use super::*;

    fn page(cache: &Cache, policy: Policy) -> Origin {
        Origin::new(with(cache, policy), |_| {
            response(200, &[FRESH], "x".repeat(10_000))
        })
    }

    async fn fill(origin: &Origin, count: u32) {
        for number in 0..count {
            origin.get(&format!("/{number}")).await;
        }
    }

    #[tokio::test]
    async fn filling_one_store_does_not_evict_from_another() {
        let cache = Cache::builder().max_bytes(100_000).build().unwrap();
        let small = page(
            &cache,
            Policy::from_headers().own_store(100_000, Eviction::Lru),
        );
        let shared = page(&cache, Policy::from_headers());
        small.get("/kept").await;
        fill(&shared, 100).await;
        assert!(cache.stats().evicted >= 80, "{}", cache.stats().evicted);
        small.get("/kept").await;
        assert_eq!(small.runs(), 1);
        shared.get("/kept").await;
        fill(&small, 100).await;
        shared.get("/kept").await;
        assert_eq!(shared.runs(), 101);
        let bytes = cache.stats().bytes;
        assert!((150_000..=200_000).contains(&bytes), "{bytes}");
    }

    #[tokio::test]
    async fn two_layers_with_stores_of_their_own_share_no_entry() {
        let cache = Cache::local();
        let policy = Policy::from_headers().own_store(100_000, Eviction::Lru);
        let layer = with(&cache, policy.clone());
        let (one, clone) = (
            Origin::says(layer.clone(), &[FRESH]),
            Origin::says(layer, &[FRESH]),
        );
        let other = Origin::says(with(&cache, policy), &[FRESH]);
        one.get("/a").await;
        clone.get("/a").await;
        other.get("/a").await;
        assert_eq!((one.runs(), clone.runs(), other.runs()), (1, 0, 1));
        // An invalidation reaches all stores.
        cache.invalidate(Invalidate::path("/a")).await;
        other.get("/a").await;
        clone.get("/a").await;
        assert_eq!((clone.runs(), other.runs()), (1, 2));
    }

    /// Once the store is full, one entry is hot, then many are asked for once.
    async fn hot_survives(eviction: Eviction) -> bool {
        let cache = Cache::builder()
            .max_bytes(100_000)
            .eviction(eviction)
            .build()
            .unwrap();
        let origin = page(&cache, Policy::from_headers());
        // Each time the store does its bookkeeping, so that nothing is left to chance.
        let ask = async |uri: &str| {
            origin.get(uri).await;
            assert!(cache.stats().bytes <= 100_000);
        };
        for number in 0..8 {
            ask(&format!("/first/{number}")).await;
        }
        for _ in 0..20 {
            ask("/hot").await;
        }
        for number in 0..100 {
            ask(&format!("/{number}")).await;
        }
        let before = origin.runs();
        origin.get("/hot").await;
        origin.runs() == before
    }

    #[tokio::test]
    async fn a_scan_pushes_what_is_hot_out_of_an_lru_store_and_not_out_of_a_tiny_lfu_one() {
        assert!(!hot_survives(Eviction::Lru).await);
        assert!(hot_survives(Eviction::TinyLfu).await);
    }

    #[tokio::test]
    async fn a_store_of_no_bytes_keeps_nothing() {
        let cache = Cache::local();
        let origin = page(
            &cache,
            Policy::from_headers().own_store(0, Eviction::TinyLfu),
        );
        for _ in 0..3 {
            assert_eq!(origin.get("/a").await.body.len(), 10_000);
            assert_eq!(cache.stats().bytes, 0);
        }
        assert_eq!(origin.runs(), 3);
    }
}

mod bypasses {
    use super::*;

    #[tokio::test]
    async fn a_bypass_policy_stores_nothing_answers_nothing_and_still_invalidates() {
        let cache = Cache::local();
        let cached = Origin::says(cache.layer(), &[FRESH]);
        let bypassed = Origin::says(with(&cache, Policy::bypass()), &[FRESH]);
        cached.get("/a").await;
        for _ in 0..2 {
            bypassed.get("/a").await;
            bypassed.ask("HEAD", "/a", &[]).await;
        }
        assert_eq!((bypassed.runs(), cache.stats().bypasses["policy"]), (4, 4));
        assert_eq!(cache.stats().fills, 1);
        assert_eq!(cached.get("/a").await.body, "run 1");
        bypassed.ask("PUT", "/a", &[]).await;
        assert_eq!(cached.get("/a").await.body, "run 2");
    }
}

mod stats {
    use super::*;

    #[tokio::test]
    async fn every_request_is_counted_once_by_what_became_of_it() {
        let clock = Clock::new();
        let cache = Cache::builder().clock(clock.clone()).build().unwrap();
        let origin = Origin::says(cache.layer(), &[FRESH]);
        origin.get("/a").await; // absent
        origin.get("/a").await; // hit
        clock.advance(MINUTE);
        origin.get("/a").await; // expired
        origin.ask("PUT", "/a", &[]).await;
        origin.get("/a").await; // invalidated
        origin.ask("GET", "/a", &[("cookie", "a=b")]).await; // not for this
        let stats = cache.stats();
        for (reason, count) in [
            ("absent", 1),
            ("expired", 1),
            ("invalidated", 1),
            ("not-for-this-request", 1),
        ] {
            assert_eq!(stats.misses[reason], count, "{reason}");
        }
        assert_eq!(stats.misses.values().sum::<u64>(), stats.fills);
        assert_eq!((stats.hits, stats.fills, stats.stored), (1, 4, 3));
        assert_eq!(stats.refusals["cookie"], 1);
        // Beside what the start itself invalidates: everything.
        assert_eq!((stats.writes, stats.invalidations), (1, 2));
        assert!(stats.bytes > 0 && stats.entries >= 1 && stats.cells >= 2);
    }

    #[tokio::test]
    async fn a_key_that_is_not_stored_is_remembered_as_uncacheable_for_a_while() {
        let clock = Clock::new();
        let cache = Cache::builder().clock(clock.clone()).build().unwrap();
        let origin = Origin::says(cache.layer(), &[]);
        for _ in 0..3 {
            origin.get("/a").await;
        }
        assert_eq!(cache.stats().misses["absent"], 1);
        assert_eq!(cache.stats().misses["uncacheable"], 2);
        clock.advance(Duration::from_secs(10));
        origin.get("/a").await;
        assert_eq!(cache.stats().misses["absent"], 2);
    }

    #[tokio::test]
    async fn what_cannot_be_stored_for_want_of_cells_is_counted() {
        let cache = Cache::builder().max_cells(8).build().unwrap();
        let origin = Origin::says(cache.layer(), &[FRESH]);
        for number in 0..10 {
            let uri = format!("/{number}");
            assert_eq!(origin.get(&uri).await.body, format!("run {}", number + 1));
        }
        let stats = cache.stats();
        assert!(stats.cells <= 8, "{}", stats.cells);
        assert!(stats.refusals["cells-over-the-limit"] >= 6);
    }

    #[tokio::test]
    async fn a_body_over_the_limit_is_served_whole_and_counted() {
        let cache = Cache::builder().max_body_bytes(1000).build().unwrap();
        for (length, runs) in [(1000, 1), (1001, 2)] {
            let origin = Origin::new(cache.layer(), move |_| {
                response(200, &[FRESH], "x".repeat(length))
            });
            for _ in 0..2 {
                assert_eq!(origin.get(&format!("/{length}")).await.body.len(), length);
            }
            assert_eq!(origin.runs(), runs);
        }
        assert_eq!(cache.stats().refusals["body-too-long"], 2);
    }

    #[tokio::test]
    async fn an_invalidation_that_no_layer_reads_is_counted() {
        let cache = Cache::local();
        let wrapped = Origin::says(cache.layer(), &[]);
        let late = || async {
            let mut response = response(200, &[], "");
            Invalidate::tag("t").add_to(response.extensions_mut());
            response
        };
        let app = wrapped.app.route("/late", axum::routing::put(late));
        let before = cache.stats().invalidations_unread;
        send(&app, request("PUT", "/late")).await;
        assert!(cache.stats().invalidations_unread > before);
        assert_eq!(cache.stats().writes, 0);
    }

    #[tokio::test]
    async fn stats_are_readable_as_text() {
        let cache = Cache::local();
        let origin = Origin::says(cache.layer(), &[FRESH]);
        origin.get("/a").await;
        origin.get("/a").await;
        let text = cache.stats().to_string();
        assert!(
            text.starts_with("hits 1, misses 1, fills 1, waiters 0\n"),
            "{text}"
        );
    }
}

mod events {
    use super::*;

    fn told(event: Option<Event>) -> Invalidate {
        match event {
            Some(Event::Invalidated(what)) => (*what).clone(),
            other => unreachable!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn events_are_told_in_order_to_every_listener() {
        let cache = Cache::local();
        cache.invalidate(Tag::new("before")).await;
        let (mut one, mut two) = (cache.events(), cache.events());
        let origin = Origin::says(cache.layer(), &[]);
        cache.invalidate(Tag::new("a")).await;
        origin.ask("PUT", "/b", &[]).await;
        cache.scope("s").invalidate(Invalidate::everything()).await;
        cache.invalidate_now(Invalidate::prefix("/c").and_tag("d").soft());
        for events in [&mut one, &mut two] {
            assert_eq!(told(events.next().await), Invalidate::tag("a"));
            assert_eq!(told(events.next().await), Invalidate::path("/b"));
            assert!(!told(events.next().await).is_everything());
            let soft = Invalidate::prefix("/c").and_tag("d").soft();
            assert_eq!(told(events.next().await), soft);
        }
    }

    #[tokio::test]
    async fn a_slow_listener_gets_everything_and_then_goes_on() {
        let cache = Cache::local();
        let mut events = cache.events();
        for number in 0..2000 {
            cache.invalidate_now(Tag::of("t", number));
        }
        assert!(told(events.next().await).is_everything());
        let mut last = told(events.next().await);
        assert!(last != Invalidate::tag("t:0"));
        while last != Invalidate::tag("t:1999") {
            last = told(events.next().await);
        }
        cache.invalidate_now(Tag::new("after"));
        assert_eq!(told(events.next().await), Invalidate::tag("after"));
    }

    #[tokio::test]
    async fn events_end_with_the_cache() {
        let cache = Cache::local();
        cache.coherent().await.unwrap();
        let mut events = cache.events();
        cache.invalidate(Tag::new("a")).await;
        drop(cache);
        assert_eq!(told(events.next().await), Invalidate::tag("a"));
        assert_eq!(events.next().await, None);
    }
}

mod settings {
    use super::*;

    fn refused(builder: CacheBuilder) -> String {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        error.to_string()
    }

    #[test]
    fn an_impossible_setting_is_an_error_that_names_it() {
        let zero = Duration::ZERO;
        let cases: [(CacheBuilder, &str); 9] = [
            (Cache::builder().staleness_bound(zero), "staleness_bound"),
            (Cache::builder().heartbeat(zero), "heartbeat"),
            (Cache::builder().fill_timeout(zero), "fill_timeout"),
            (Cache::builder().max_bytes(0), "max_bytes"),
            (Cache::builder().max_body_bytes(0), "max_body_bytes"),
            (Cache::builder().max_fills(0), "max_fills"),
            (Cache::builder().max_cells(0), "max_cells"),
            (
                Cache::builder().write_concern(WriteConcern::Published { timeout: zero }),
                "write_concern",
            ),
            (
                Cache::builder().staleness_bound(Duration::from_nanos(2)),
                "staleness_bound",
            ),
        ];
        for (builder, name) in cases {
            let message = refused(builder);
            assert!(message.starts_with(&format!("`{name}` ")), "{message}");
        }
    }

    #[test]
    fn a_heartbeat_is_at_most_half_of_the_bound() {
        let second = Duration::from_secs(1);
        let with = |heartbeat, bound| Cache::builder().heartbeat(heartbeat).staleness_bound(bound);
        let message = refused(with(second, 2 * second - Duration::from_nanos(1)));
        assert!(
            message.contains("1s") && message.contains("1.999999999s"),
            "{message}"
        );
        assert!(with(second, 2 * second).build().is_ok());
    }

    #[test]
    fn a_cache_is_built_and_invalidated_without_a_runtime() {
        let cache = Cache::builder()
            .bus(Local::new())
            .while_deaf(WhileDeaf::ServeFor(MINUTE))
            .max_body_bytes(usize::MAX)
            .max_fills(usize::MAX)
            .max_bytes(u64::MAX)
            .fill_timeout(Duration::MAX)
            .staleness_bound(Duration::MAX)
            .build()
            .unwrap();
        cache.invalidate_now(Tag::new("a"));
        // Beside what the start itself invalidates: everything.
        assert_eq!(cache.stats().invalidations, 2);
        assert!(cache.health().bus == "local");
    }
}
