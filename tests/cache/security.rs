//! What an attacker may try with a shared cache, one test for each pitfall.
//!
//! Beside what stands here: two hosts (`serving::keys`), credentials
//! (`serving::credentials`), variants (`serving::variants`), truncated bodies
//! (`fills::bodies`), messages on the bus (`redis::bad_input`).

use crate::held::{Shop, body, eventually, fresh, settle, whole};
use crate::origin::{Lines, Origin, field, response, with};
use crate::support::request;
use axum::http::{HeaderName, HeaderValue, Response};
use std::time::Duration;
use tower_coherence::{Cache, Policy, Tag};

const FRESH: (&str, &str) = ("cache-control", "max-age=60");

fn minutely() -> Policy {
    Policy::lifetime(Duration::from_secs(60))
}

/// Whether something is stored of what two such requests get.
async fn fills(policy: Policy, status: u16, lines: Lines<'static>) -> bool {
    let cache = Cache::local();
    let origin = Origin::new(with(&cache, policy), move |_| response(status, lines, ""));
    origin.get("/a").await;
    origin.get("/a").await;
    origin.runs() == 1
}

#[tokio::test]
async fn unkeyed_inputs_content_of_a_get_fills_nothing_and_is_answered_by_the_handler() {
    let cache = Cache::local();
    let origin = Origin::says(cache.layer(), &[FRESH]);
    let fat = [("content-length", "5")];
    assert_eq!(origin.ask("GET", "/a", &fat).await.body, "run 1");
    assert_eq!(origin.get("/a").await.body, "run 2");
    assert_eq!(origin.ask("GET", "/a", &fat).await.body, "run 3");
    assert_eq!(origin.get("/a").await.body, "run 2");
}

#[tokio::test]
async fn unkeyed_inputs_do_not_choose_the_key_nor_turn_a_read_into_a_write() {
    let cache = Cache::local();
    let origin = Origin::says(cache.layer(), &[FRESH]);
    assert_eq!(origin.get("/a").await.body, "run 1");
    for line in [
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "nothttps"),
        ("x-forwarded-prefix", "/evil"),
        ("forwarded", "host=evil.example"),
        ("x-original-url", "/evil"),
        ("x-rewrite-url", "/evil"),
        ("x-http-method-override", "DELETE"),
    ] {
        let answer = origin.ask("GET", "/a", &[line]).await;
        assert_eq!(answer.body, "run 1", "{line:?}");
    }
    assert_eq!(cache.stats().writes, 0);
}

#[tokio::test]
async fn unkeyed_inputs_a_response_that_depends_on_one_says_so_and_has_variants() {
    let cache = Cache::local();
    let origin = Origin::new(cache.layer(), |request| {
        let host = request.headers().get("x-forwarded-host");
        let host = host
            .map_or("none", |host| host.to_str().unwrap())
            .to_owned();
        response(200, &[FRESH, ("vary", "x-forwarded-host")], host)
    });
    let evil = [("x-forwarded-host", "evil.example")];
    assert_eq!(origin.ask("GET", "/a", &evil).await.body, "evil.example");
    assert_eq!(origin.get("/a").await.body, "none");
}

#[tokio::test]
async fn cache_deception_the_look_of_a_path_makes_nothing_storable() {
    let paths = [
        "/account/x.css",
        "/account;x.css",
        "/account%2fx.css",
        "/account/%2e%2e/static/x.js",
        "/static/../account",
        "/account%00.css",
        "/account?x.css",
    ];
    for path in paths {
        let cache = Cache::local();
        let origin = Origin::says(cache.layer(), &[("content-type", "text/css")]);
        origin.get(path).await;
        assert_eq!(origin.get(path).await.body, "run 2", "{path}");
        assert_eq!(cache.stats().stored, 0);
    }
    // Where all is stored, no two spellings share an entry, and what is asked for
    // with a credential is none.
    let cache = Cache::local();
    let origin = Origin::says(with(&cache, minutely()), &[]);
    for (run, path) in (1..).zip(paths.iter().chain(&["/account"])) {
        assert_eq!(origin.get(path).await.body, format!("run {run}"), "{path}");
    }
    let own = [("cookie", "id=1")];
    origin.ask("GET", "/mine/x.css", &own).await;
    assert_eq!(origin.get("/mine/x.css").await.body, "run 10");
}

#[tokio::test]
async fn authorization_and_set_cookie_are_not_shared_by_a_lifetime_of_the_route() {
    assert!(fills(minutely(), 200, &[]).await);
    assert!(!fills(minutely(), 200, &[("set-cookie", "id=1")]).await);
    let public = [("cache-control", "public"), ("set-cookie", "id=1")];
    let public: Lines<'static> = Box::leak(Box::new(public));
    assert!(!fills(minutely(), 200, public).await);
    let origin = Origin::says(with(&Cache::local(), minutely()), &[]);
    let one = [("authorization", "Bearer one")];
    assert_eq!(origin.ask("GET", "/a", &one).await.body, "run 1");
    let two = [("authorization", "Bearer two")];
    assert_eq!(origin.ask("GET", "/a", &two).await.body, "run 2");
    assert_eq!(origin.get("/a").await.body, "run 3");
    assert_eq!(origin.ask("GET", "/a", &one).await.body, "run 4");
}

#[tokio::test]
async fn error_caching_no_error_gets_a_lifetime_of_the_route() {
    for status in [
        400, 401, 403, 404, 405, 410, 413, 414, 431, 500, 502, 503, 504,
    ] {
        assert!(!fills(minutely(), status, &[]).await, "{status}");
        assert!(!fills(minutely(), status, &[("cache-control", "public")]).await);
    }
    assert!(fills(Policy::from_headers(), 404, &[FRESH]).await);
}

#[tokio::test]
async fn variant_and_key_explosion_a_client_cannot_fill_more_than_the_bounds() {
    let cache = Cache::local();
    let origin = Origin::says(cache.layer(), &[FRESH, ("vary", "x-a")]);
    for number in 0..200 {
        let value = number.to_string();
        origin.ask("GET", "/a", &[("x-a", &value)]).await;
    }
    let refusals = cache.stats().refusals;
    assert_eq!(refusals["variants-over-the-limit"], 168);
    let cache = Cache::builder().max_bytes(64 * 1024).build().unwrap();
    let origin = Origin::says(cache.layer(), &[FRESH]);
    for number in 0..200 {
        origin.get(&format!("/a?{number}")).await;
        let long = format!("/a?{number}{}", "x".repeat(9000));
        origin.get(&long).await;
    }
    let stats = cache.stats();
    assert_eq!((stats.stored, stats.evicted > 0), (200, true));
    assert_eq!(stats.bypasses["long-key"], 200);
    assert!(stats.bytes <= 64 * 1024, "{} bytes", stats.bytes);
}

#[tokio::test]
async fn response_splitting_no_text_of_a_client_or_a_tag_becomes_a_field() {
    let cache = Cache::local();
    let injected = "a\r\nset-cookie: x=y";
    let policy = minutely().tag_with(move |_, _| Tag::new(injected).into());
    let origin = Origin::says(with(&cache, policy), &[]);
    let uri = "/a%0d%0aset-cookie:%20x=y?%0d%0alocation:%20/evil";
    for run in ["run 1", "run 1"] {
        let answer = origin.get(uri).await;
        assert_eq!(answer.body, run);
        let mut names: Vec<_> = answer.headers.keys().map(HeaderName::as_str).collect();
        names.retain(|name| !["age", "date", "content-length"].contains(name));
        assert_eq!(names, [""; 0], "{:?}", answer.headers);
    }
    cache.invalidate_now(Tag::new(injected));
    assert_eq!(origin.get(uri).await.body, "run 2");
}

#[tokio::test]
async fn truncated_bodies_are_nobodys_answer() {
    let mut shop = Shop::new();
    for _ in 0..2 {
        let asked = shop.get("/a");
        let mut short = fresh("short");
        let length = HeaderValue::from_static("9");
        short.headers_mut().insert("content-length", length);
        shop.origin.next().await.answer(short);
        assert_eq!(body(asked).await, "short");
    }
    assert_eq!(shop.refused("wrong-content-length"), 2);
}

#[tokio::test]
async fn cache_probing_what_the_cache_did_is_not_told_unasked() {
    let lines = [FRESH, ("surrogate-key", "a")];
    let cache = Cache::builder()
        .tag_fields([tower_coherence::TagField::SurrogateKey])
        .build()
        .unwrap();
    let origin = Origin::says(cache.layer(), &lines);
    for _ in 0..2 {
        let answer = origin.get("/a").await;
        for name in ["cache-status", "x-cache", "via", "surrogate-key"] {
            assert_eq!(field(&answer, name), None, "{name}");
        }
    }
}

#[tokio::test]
async fn purging_by_a_header_field_or_method_is_nothing_the_cache_offers() {
    let cache = Cache::local();
    let origin = Origin::new(cache.layer(), |request| match request.method().as_str() {
        "GET" => response(200, &[FRESH], "stored"),
        _ => response(405, &[], ""),
    });
    origin.get("/a").await;
    for name in ["x-invalidate-cache", "x-purge", "cache-group-invalidation"] {
        let answer = origin.ask("GET", "/a", &[(name, "\"/a\"")]).await;
        assert_eq!(answer.body, "stored");
    }
    // An unknown method is the handler's to refuse.
    for method in ["PURGE", "BAN", "FASTLYPURGE"] {
        origin.ask(method, "/a", &[]).await;
    }
    let before = origin.runs();
    origin.get("/a").await;
    assert_eq!(origin.runs(), before);
}

#[tokio::test]
async fn collapsed_requests_do_not_get_what_is_for_one_client() {
    for (name, value) in [
        ("set-cookie", "id=1"),
        ("cache-control", "private, max-age=60"),
        ("cache-control", "no-store"),
        ("coherence-cache-control", "private"),
        ("vary", "*"),
    ] {
        let mut shop = Shop::of(Cache::local(), minutely());
        let (first, second) = (shop.get("/a"), shop.get("/a"));
        let call = shop.origin.next().await;
        eventually(|| shop.cache.stats().waiters == 1).await;
        let mine = Response::builder().header(name, value).body(whole("mine"));
        call.answer(mine.unwrap());
        shop.origin.next().await.answer(fresh("yours"));
        assert_eq!(body(first).await, "mine");
        assert_eq!(body(second).await, "yours", "{name}: {value}");
    }
}

#[tokio::test]
async fn collapsed_requests_outlive_a_leader_that_hangs_up() {
    let mut shop = Shop::new();
    let (first, second) = (shop.get("/a"), shop.ask(request("GET", "/a")));
    let call = shop.origin.next().await;
    eventually(|| shop.cache.stats().waiters == 1).await;
    first.abort();
    settle().await;
    call.answer(fresh("one"));
    assert_eq!(body(second).await, "one");
}
