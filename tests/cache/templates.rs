//! Tags by templates: what a request and its response fill in, and what is not stored
//! since nobody could invalidate it.

use crate::origin::{Origin, response, with};
use std::time::Duration;
use tower_coherence::policy::WritePolicy;
use tower_coherence::{Cache, ErrorKind, Invalidate, Policy, Scope, Tag};

const MINUTE: Duration = Duration::from_secs(60);

fn tagged(cache: &Cache, template: &str) -> Origin {
    let policy = Policy::lifetime(MINUTE).tags(template);
    Origin::says(with(cache, policy), &[("x-id", "007")])
}

/// Whether a second request is answered from memory, and none after this tag was
/// invalidated.
async fn hangs_on(template: &str, uri: &str, tag: &str) -> bool {
    let cache = Cache::local();
    let origin = tagged(&cache, template);
    for _ in 0..2 {
        origin.get(uri).await;
    }
    assert_eq!(origin.runs(), 1, "{template} {uri} is not stored");
    cache.invalidate(Tag::new(tag)).await;
    origin.get(uri).await;
    origin.runs() == 2
}

#[tokio::test]
async fn a_tag_is_made_of_the_request_and_the_response_in_its_canonical_form() {
    for (template, uri, tag) in [
        ("category:{query.c:lower}", "/p?c=Sh%6Fes", "category:shoes"),
        ("page:{query.n:int}", "/p?n=%2B01", "page:1"),
        ("product:{response.x-id:int}", "/p", "product:7"),
        ("at:{host}", "/p", "at:shop.example"),
        ("of:{header.host:slug}", "/p", "of:shop-example"),
        ("{{plain}}", "/p", "{plain}"),
    ] {
        assert!(hangs_on(template, uri, tag).await, "{template} {uri}");
    }
    assert!(!hangs_on("page:{query.n:int}", "/p?n=1", "page:01").await);
}

#[tokio::test]
async fn without_what_fills_a_hole_nothing_is_stored_and_that_is_counted() {
    for uri in ["/p", "/p?c=", "/p?c=1&c=1", "/p?c=%FF", "/p?c=x"] {
        let cache = Cache::local();
        let origin = tagged(&cache, "c:{query.c:int}");
        for run in 1..=2 {
            assert_eq!(origin.get(uri).await.body, format!("run {run}"), "{uri}");
        }
        assert_eq!(cache.stats().refusals["template"], 2, "{uri}");
    }
}

#[tokio::test]
async fn with_a_question_mark_the_tag_is_left_out_unless_nobody_knows_what_it_is() {
    for (uri, runs) in [
        ("/p", 1),
        ("/p?c=", 1),
        ("/p?c=x", 1),
        ("/p?c=1&c=1", 2),
        ("/p?c=%FF", 2),
    ] {
        let origin = tagged(&Cache::local(), "c:{query.c:int?}");
        for _ in 0..2 {
            origin.get(uri).await;
        }
        assert_eq!(origin.runs(), runs, "{uri}");
    }
}

#[tokio::test]
async fn the_scope_fills_a_hole_and_the_tag_stays_inside_it() {
    let cache = Cache::local();
    let tenant = |request: &http::request::Parts| {
        let name = request.uri.query()?;
        Some(Scope::new(name))
    };
    let policy = Policy::lifetime(MINUTE).scope(tenant).tags(["of:{scope}"]);
    let origin = Origin::says(with(&cache, policy), &[]);
    for uri in ["/p?a", "/p?b"] {
        origin.get(uri).await;
    }
    let both = Invalidate::tag("of:a").and_tag("of:b");
    cache.scope("a").invalidate(both).await;
    assert_eq!(origin.get("/p?a").await.body, "run 3");
    assert_eq!(origin.get("/p?b").await.body, "run 2");
}

#[tokio::test]
async fn a_mistake_in_the_policy_of_a_layer_is_told_and_nothing_is_stored_by_it() {
    for (template, told) in [
        ("product:{id:integer}", "allowed are int, uuid, lower, slug"),
        ("product:{id}", "the path has no parameter `id`"),
    ] {
        let cache = Cache::local();
        let origin = tagged(&cache, template);
        drop(tagged(&cache, template));
        for _ in 0..2 {
            origin.get("/p").await;
        }
        assert_eq!(origin.runs(), 2, "{template}");
        let mistakes = cache.health().mistakes;
        assert_eq!(mistakes.len(), 1, "{mistakes:?}");
        assert!(mistakes[0].contains(told), "{mistakes:?}");
        let error = Cache::builder()
            .default_policy(Policy::from_headers().tags(template))
            .build();
        let error = error.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.to_string().contains(told), "{error}");
    }
}

#[tokio::test]
async fn a_write_policy_with_a_mistake_makes_everything_stale() {
    let cache = Cache::local();
    let writes = WritePolicy::new().tags(["product:{id:integer}"]);
    let layer = with(&cache, Policy::lifetime(MINUTE)).write_policy(writes);
    let origin = Origin::new(layer, |_| response(200, &[], "done"));
    assert_eq!(cache.health().mistakes.len(), 1);
    origin.get("/elsewhere").await;
    origin.ask("PUT", "/p", &[]).await;
    origin.get("/elsewhere").await;
    assert_eq!(origin.runs(), 3);
    assert_eq!(cache.stats().templates_widened, 1);
}
