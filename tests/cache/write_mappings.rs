//! What a route says that its writes make stale, and after which outcomes.

use crate::held::{Shop, eventually, origin, plain};
use crate::origin::{Origin, response, with};
use crate::support::request;
use std::time::Duration;
use tower::Layer;
use tower_coherence::policy::{After, HangUp, OwnPath, WritePolicy};
use tower_coherence::{Cache, Event, Events, Invalidate, Policy, Scope};

/// Silent but for what the writes themselves say.
fn quiet() -> WritePolicy {
    WritePolicy::new().own_path(OwnPath::Off)
}

struct Written {
    cache: Cache,
    origin: Origin,
    events: Events,
}

impl Written {
    /// Behind a layer with this policy for writes, where `?status=` chooses the status.
    async fn by(writes: WritePolicy) -> Self {
        Self::within(Policy::from_headers(), writes).await
    }

    async fn within(policy: Policy, writes: WritePolicy) -> Self {
        let cache = Cache::local();
        let layer = with(&cache, policy).write_policy(writes);
        let origin = Origin::new(layer, |request| {
            let query = request.uri().query().unwrap_or_default();
            let status = query.strip_prefix("status=").map(|it| it.parse().unwrap());
            response(status.unwrap_or(200), &[("x-id", "007")], "done")
        });
        // What everybody makes stale when it starts is not of the write.
        cache.coherent().await.unwrap();
        let events = cache.events();
        Self {
            cache,
            origin,
            events,
        }
    }

    /// What is made stale by this write.
    async fn by_write(&mut self, uri: &str) -> Invalidate {
        self.origin.ask("POST", uri, &[]).await;
        // Something always comes, so that there is no need to wait for nothing.
        self.cache.invalidate(Invalidate::uri("http://end/")).await;
        let mut stale = Invalidate::nothing();
        loop {
            let Some(Event::Invalidated(what)) = self.events.next().await else {
                panic!("the cache is gone");
            };
            if *what == Invalidate::uri("http://end/") {
                return stale;
            }
            stale = stale.and((*what).clone());
        }
    }
}

async fn stale(writes: WritePolicy, uri: &str) -> Invalidate {
    Written::by(writes).await.by_write(uri).await
}

#[tokio::test]
async fn a_write_makes_stale_what_its_route_says_and_its_own_path() {
    let writes = || {
        WritePolicy::new()
            .tags(["products", "product:{query.id:int}"])
            .paths(["/products/{query.id:int}", "/of/{response.x-id:int}"])
            .prefixes(["/search"])
    };
    let rest = Invalidate::tags(["products", "product:7"])
        .and_path("/products/7")
        .and_path("/of/7")
        .and_prefix("/search");
    let own = Invalidate::path("/p").and(rest.clone());
    assert_eq!(stale(writes(), "/p?id=07").await, own);
    let off = writes().own_path(OwnPath::Off);
    assert_eq!(stale(off, "/p?id=07").await, rest);
}

#[tokio::test]
async fn where_a_hole_has_nothing_more_becomes_stale_and_that_is_counted() {
    for (writes, wider) in [
        (quiet().tags(["t:{query.id}"]), Invalidate::everything()),
        (quiet().tags(["t:{id}"]), Invalidate::everything()),
        (
            quiet().paths(["/a/b/{query.id}/c"]),
            Invalidate::prefix("/a/b"),
        ),
        (quiet().paths(["/a/b-{query.id}"]), Invalidate::prefix("/a")),
        (quiet().prefixes(["/{query.id}/x"]), Invalidate::prefix("/")),
    ] {
        let mut written = Written::by(writes).await;
        assert_eq!(written.by_write("/p").await, wider);
        assert_eq!(written.cache.stats().templates_widened, 1);
    }
    let left_out = quiet().tags(["t:{query.id?}"]).paths(["/a/{query.id?}"]);
    assert_eq!(stale(left_out, "/p").await, Invalidate::nothing());
}

#[tokio::test]
async fn what_a_client_sends_makes_no_targets_that_nothing_stored_can_have() {
    let long = format!("/p?id={}", "x".repeat(300));
    let tags = quiet().tags(["t:{query.id}"]);
    assert_eq!(stale(tags, &long).await, Invalidate::nothing());
    let sixteen = "/{query.id}".repeat(16);
    let long = format!("/p?id={}", "x".repeat(8_000));
    let paths = quiet().paths([sixteen]);
    assert_eq!(stale(paths, &long).await, Invalidate::nothing());
    let inside = quiet().paths(["/a/{query.id}/b"]);
    let encoded = Invalidate::path("/a/..%2F%3Fx/b");
    assert_eq!(stale(inside, "/p?id=../%3Fx").await, encoded);
}

#[tokio::test]
async fn the_own_uri_is_stale_as_the_route_says() {
    for (choice, own) in [
        (OwnPath::AllQueries, Invalidate::path("/p")),
        (
            OwnPath::ExactUri,
            Invalidate::uri("http://shop.example/p?a"),
        ),
        (OwnPath::Off, Invalidate::nothing()),
    ] {
        let writes = WritePolicy::new().own_path(choice);
        assert_eq!(stale(writes, "/p?a").await, own, "{choice:?}");
    }
}

#[tokio::test]
async fn outcomes_count_as_the_route_says() {
    for (choice, counting) in [
        (After::Success, &[200, 302][..]),
        (After::UnlessRefused, &[200, 302, 500]),
        (After::Always, &[200, 302, 404, 500]),
    ] {
        let writes = WritePolicy::new().tags(["t"]).after(choice);
        let mut written = Written::by(writes).await;
        for status in [200, 302, 404, 500] {
            let stale = written.by_write(&format!("/p?status={status}")).await;
            let counts = counting.contains(&status);
            assert_eq!(!stale.is_empty(), counts, "{choice:?} {status}");
        }
    }
}

#[tokio::test]
async fn a_closure_sees_the_request_and_the_response() {
    let writes = quiet().with(|request, response| {
        let status = response.map_or(0, |response| response.status.as_u16());
        Invalidate::tag(format!("{} {status}", request.uri.path()))
    });
    assert_eq!(
        stale(writes, "/p?status=503").await,
        Invalidate::tag("/p 503")
    );
}

#[tokio::test]
async fn a_closure_that_panics_makes_everything_stale_and_the_response_leaves() {
    let writes = quiet().with(|_, _| panic!("the closure panics"));
    let mut written = Written::by(writes).await;
    assert_eq!(written.by_write("/p").await, Invalidate::everything());
    assert_eq!(written.cache.stats().templates_widened, 1);
    let answer = written.origin.ask("PUT", "/p", &[]).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "done"));
}

#[tokio::test]
async fn a_safe_route_makes_nothing_stale_but_what_its_handler_marks() {
    let cache = Cache::local();
    let layer = with(&cache, Policy::lifetime(Duration::from_secs(60)));
    let layer = layer.write_policy(WritePolicy::safe().tags(["t"]));
    let origin = Origin::new(layer, |request| {
        let mut response = response(200, &[("location", "/a")], "done");
        if request.uri().query().is_some() {
            Invalidate::path("/a").add_to(response.extensions_mut());
        }
        response
    });
    for (uri, runs) in [("/a", 2), ("/a?marks", 4)] {
        origin.get("/a").await;
        origin.ask("POST", uri, &[]).await;
        origin.get("/a").await;
        assert_eq!(origin.runs(), runs, "{uri}");
    }
}

#[tokio::test]
async fn soft_is_what_the_route_says_and_hard_what_the_handler_marks() {
    let writes = WritePolicy::new().tags(["t"]).soft();
    let soft = Invalidate::path("/p").and_tag("t").soft();
    assert_eq!(stale(writes, "/p").await, soft);
}

#[tokio::test]
async fn a_write_is_in_the_scope_that_its_route_finds_else_in_that_of_its_reads() {
    let by_read = |_: &http::request::Parts| Some(Scope::new("read"));
    let policy = || Policy::lifetime(Duration::from_secs(60)).scope(by_read);
    let missing = || quiet().tags(["t:{query.none}"]);
    for (writes, runs) in [
        (missing(), 3),
        (missing().scope(|_| Some(Scope::new("read"))), 3),
        (missing().scope(|_| Some(Scope::new("other"))), 2),
    ] {
        let written = Written::within(policy(), writes).await;
        written.origin.get("/a").await;
        written.origin.ask("POST", "/p", &[]).await;
        written.origin.get("/a").await;
        assert_eq!(written.origin.runs(), runs);
    }
}

#[tokio::test]
async fn a_client_that_hangs_up_takes_its_write_along_only_where_the_route_says_so() {
    for (choice, runs_on) in [(HangUp::Finish, true), (HangUp::Drop, false)] {
        let cache = Cache::local();
        let (service, origin) = origin();
        let writes = WritePolicy::new().on_hang_up(choice).tags(["t"]);
        let app = cache.layer().write_policy(writes).layer(service);
        let mut shop = Shop { cache, app, origin };
        let policy = Policy::from_headers().tags(["t"]);
        let reads = shop.cache.layer().policy(policy);
        let (service, calls) = crate::held::origin();
        let mut reader = Shop {
            cache: shop.cache.clone(),
            app: reads.layer(service),
            origin: calls,
        };
        reader.fill("/a", "old").await;
        let asked = shop.ask(request("PUT", "/p"));
        let mut call = shop.origin.next().await;
        asked.abort();
        if runs_on {
            assert_eq!(reader.see("/a", "new").await, "old");
            call.answer(plain("done"));
            eventually(|| shop.cache.stats().invalidations > 0).await;
        } else {
            call.dropped().await;
        }
        assert_eq!(reader.see("/a", "new").await, "new", "{choice:?}");
    }
}
