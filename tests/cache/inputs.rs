//! What of a request is in its key, and what the handler of a fill does not see.

use crate::held::{Shop, body, fresh};
use crate::origin::{Origin, response, with};
use crate::support::request;
use axum::Router;
use axum::body::Body;
use axum::extract::{OriginalUri, Request};
use axum::response::Response;
use std::time::Duration;
use tower_coherence::policy::{Authorization, Inputs, Query};
use tower_coherence::{Cache, ErrorKind, Invalidate, Policy};

fn minutely() -> Policy {
    Policy::lifetime(Duration::from_secs(60))
}

mod queries {
    use super::*;

    /// Answers with the query that the handler sees.
    fn echo(request: &Request) -> Response {
        let query = request.uri().query().unwrap_or("none");
        if let Some(original) = request.extensions().get::<OriginalUri>() {
            assert_eq!(original.0.query(), request.uri().query());
        }
        response(200, &[], query.to_owned())
    }

    /// Asks for each, and returns what the answers were and how often the handler ran.
    async fn asked(query: Query, uris: &[&str]) -> (Vec<String>, u64) {
        let origin = Origin::new(with(&Cache::local(), minutely().query(query)), echo);
        let mut answers = Vec::new();
        for uri in uris {
            answers.push(origin.get(uri).await.body);
        }
        (answers, origin.runs())
    }

    #[tokio::test]
    async fn only_what_is_named_is_in_the_key_and_nothing_else_reaches_the_handler() {
        let uris = ["/a?page=2&x=1", "/a?x=2&page=2", "/a?page=2", "/a?page=3"];
        let (answers, runs) = asked(Query::only(["page"]), &uris).await;
        assert_eq!(answers, ["page=2", "page=2", "page=2", "page=3"]);
        assert_eq!(runs, 2);
        let (answers, runs) = asked(Query::only(["page"]), &["/a?x=1", "/a", "/a?"]).await;
        assert_eq!((answers, runs), (vec!["none".to_owned(); 3], 1));
    }

    #[tokio::test]
    async fn what_is_left_out_does_not_count_and_is_not_seen() {
        let uris = [
            "/a?utm_source=mail&b=1&gclid=x",
            "/a?b=1",
            "/a?fbclid=y&b=1",
            "/a?b=1&utm_term",
            "/a?b=2",
        ];
        let (answers, runs) = asked(Query::without_tracking(), &uris).await;
        assert_eq!(answers, ["b=1", "b=1", "b=1", "b=1", "b=2"]);
        assert_eq!(runs, 2);
        let (answers, _) = asked(Query::without(["b"]), &["/a?b=1&&c", "/a?&c"]).await;
        assert_eq!(answers, ["&c", "&c"]);
    }

    #[tokio::test]
    async fn sorted_queries_share_a_key_and_reach_the_handler_sorted() {
        let uris = ["/a?b=2&a=1&b=1", "/a?a=1&b=2&b=1", "/a?b=1&b=2&a=1"];
        let (answers, runs) = asked(Query::Sorted, &uris).await;
        assert_eq!(answers, ["a=1&b=2&b=1", "a=1&b=2&b=1", "a=1&b=1&b=2"]);
        assert_eq!(runs, 2);
    }

    #[tokio::test]
    async fn without_a_choice_all_of_the_query_counts() {
        let uris = ["/a?b&a", "/a?a&b", "/a?a&b&utm_source=x"];
        let (answers, runs) = asked(Query::All, &uris).await;
        assert_eq!(answers, ["b&a", "a&b", "a&b&utm_source=x"]);
        assert_eq!(runs, 3);
    }

    #[tokio::test]
    async fn a_request_that_fills_nothing_reaches_its_handler_as_it_is() {
        let policy = minutely().query(Query::only(["page"]));
        let origin = Origin::new(with(&Cache::local(), policy), echo);
        for (method, line) in [("GET", ("if-match", "x")), ("POST", ("accept", "*/*"))] {
            let answer = origin.ask(method, "/a?page=2&x=1", &[line]).await;
            assert_eq!(answer.body, "page=2&x=1", "{method}");
        }
    }

    #[tokio::test]
    async fn inside_a_nest_the_whole_uri_is_reduced_too() {
        let cache = Cache::local();
        let nest = Router::new().fallback(|request: Request| async move {
            let OriginalUri(original) = request.extensions().get().cloned().unwrap();
            format!("{} {original}", request.uri())
        });
        let layer = with(&cache, minutely().query(Query::only(["page"])));
        let app = Router::new().nest("/in", nest.layer(layer));
        for uri in ["/in/a?x=1&page=2", "/in/a?page=2", "/in/a?page=2&x=2"] {
            let answer = crate::support::get(&app, uri).await;
            assert_eq!(answer.body, "/a?page=2 /in/a?page=2", "{uri}");
        }
        assert_eq!(cache.stats().hits, 2);
    }

    #[tokio::test]
    async fn requests_with_one_reduced_query_wait_for_one_fill() {
        let policy = minutely().query(Query::only(["page"]));
        let mut shop = Shop::of(Cache::local(), policy);
        let (one, other) = (shop.get("/a?page=2&x=1"), shop.get("/a?x=2&page=2"));
        let call = shop.origin.next().await;
        assert_eq!(call.request.uri(), "/a?page=2");
        assert_eq!(shop.origin.waiting().await, 0);
        call.answer(fresh("one"));
        assert_eq!(
            (body(one).await, body(other).await),
            ("one".into(), "one".into())
        );
    }

    /// Whether this takes away what `/a?x=1&page=2` has stored.
    async fn reaches(what: Invalidate) -> bool {
        let cache = Cache::local();
        let policy = minutely().query(Query::only(["page"]));
        let origin = Origin::new(with(&cache, policy), echo);
        origin.get("/a?x=1&page=2").await;
        cache.invalidate(what).await;
        origin.get("/a?page=2").await;
        origin.runs() == 2
    }

    #[tokio::test]
    async fn an_invalidated_uri_reaches_what_its_query_may_have_been_reduced_to() {
        for uri in ["?page=2", "?x=1&page=2", "?x=9&page=2", "", "?page=3"] {
            let uri = format!("http://shop.example/a{uri}");
            assert!(reaches(Invalidate::uri(&uri)).await, "{uri}");
        }
        for uri in [
            "http://shop.example/b?page=2",
            "http://tea.example/a?page=2",
        ] {
            assert!(!reaches(Invalidate::uri(uri)).await, "{uri}");
        }
        assert!(reaches(Invalidate::path("/a")).await);
    }

    #[tokio::test]
    async fn a_write_reaches_all_queries_of_its_path_however_it_is_spelled() {
        for uri in ["/a", "/a?page=2&x=1", "/a?other"] {
            let policy = minutely().query(Query::only(["page"]));
            let origin = Origin::new(with(&Cache::local(), policy), echo);
            origin.get("/a?x=1&page=2").await;
            let mut write = request("PUT", uri);
            *write.body_mut() = Body::from("new");
            crate::support::send(&origin.app, write).await;
            origin.get("/a?page=2").await;
            assert_eq!(origin.runs(), 3, "{uri}");
        }
    }
}

/// Answers with the fields that the handler sees of these.
fn shows(names: &'static [&'static str]) -> impl Fn(&Request) -> Response + Clone {
    move |request| {
        let field = |name: &&str| {
            let value = request.headers().get(*name)?;
            Some(format!("{name}: {}", value.to_str().unwrap()))
        };
        let text: Vec<String> = names.iter().filter_map(field).collect();
        response(200, &[], text.join("\n"))
    }
}

/// An origin that shows these, and what each request with these fields is answered with.
async fn answers(
    policy: Policy,
    names: &'static [&'static str],
    requests: &[crate::origin::Lines<'_>],
) -> (Vec<String>, u64, Cache) {
    let cache = Cache::local();
    let origin = Origin::new(with(&cache, policy), shows(names));
    let mut answers = Vec::new();
    for lines in requests {
        answers.push(origin.ask("GET", "/a", lines).await.body);
    }
    (answers, origin.runs(), cache)
}

mod cookies {
    use super::*;

    const COOKIE: &[&str] = &["cookie"];

    #[tokio::test]
    async fn what_is_hidden_the_handler_does_not_see_and_all_share_the_answer() {
        let requests: [crate::origin::Lines<'_>; 3] =
            [&[("cookie", "id=1")], &[], &[("cookie", "id=2")]];
        let policy = minutely().cookies(Inputs::Hide);
        let (answers, runs, _) = answers(policy, COOKIE, &requests).await;
        assert_eq!((answers, runs), (vec![String::new(); 3], 1));
    }

    #[tokio::test]
    async fn those_in_the_key_are_seen_and_tell_requests_apart() {
        let requests: [crate::origin::Lines<'_>; 6] = [
            &[("cookie", "id=1; lang=de; x=1")],
            &[("cookie", "x=2;lang=de")],
            &[("cookie", "lang=fr")],
            &[("cookie", "id=1")],
            &[],
            &[("cookie", "LANG=de")],
        ];
        let policy = minutely().cookies(Inputs::key(["lang"]));
        let (answers, runs, _) = answers(policy, COOKIE, &requests).await;
        let [de, fr] = ["cookie: lang=de", "cookie: lang=fr"];
        assert_eq!(answers, [de, de, fr, "", "", ""]);
        assert_eq!(runs, 3);
    }

    #[tokio::test]
    async fn a_request_with_any_or_with_a_named_one_bypasses_and_is_seen_as_it_is() {
        let requests: [crate::origin::Lines<'_>; 3] =
            [&[("cookie", "id=1")], &[("cookie", "theme=dark")], &[]];
        let policy = minutely().cookies(Inputs::bypass_on(["id"]));
        let (seen, runs, cache) = answers(policy, COOKIE, &requests).await;
        assert_eq!(seen, ["cookie: id=1", "", ""]);
        assert_eq!((runs, cache.stats().bypasses["cookies"]), (2, 1));
        let policy = minutely().cookies(Inputs::Bypass);
        let (seen, runs, cache) = answers(policy, COOKIE, &requests).await;
        assert_eq!(seen, ["cookie: id=1", "cookie: theme=dark", ""]);
        assert_eq!((runs, cache.stats().bypasses["cookies"]), (3, 2));
    }

    #[tokio::test]
    async fn those_who_wait_are_told_apart_by_them_too() {
        let policy = minutely().cookies(Inputs::key(["lang"]));
        let mut shop = Shop::of(Cache::local(), policy);
        let ask = |shop: &Shop, cookie: &str| {
            let mut request = request("GET", "/a");
            request
                .headers_mut()
                .insert("cookie", cookie.parse().unwrap());
            shop.ask(request)
        };
        let [one, same] = [ask(&shop, "lang=de; id=1"), ask(&shop, "id=2; lang=de")];
        let other = ask(&shop, "lang=fr");
        let calls = [shop.origin.next().await, shop.origin.next().await];
        assert_eq!(shop.origin.waiting().await, 0);
        for call in calls {
            let text = match call.request.headers()["cookie"].to_str().unwrap() {
                "lang=de" => "de",
                "lang=fr" => "fr",
                other => panic!("the handler saw {other}"),
            };
            call.answer(fresh(text));
        }
        assert_eq!([body(one).await, body(same).await], ["de", "de"]);
        assert_eq!(body(other).await, "fr");
    }
}

mod fields {
    use super::*;

    const ALL: &[&str] = &["x-forwarded-host", "x-tenant", "accept", "x-any"];

    #[tokio::test]
    async fn unkeyed_fields_are_hidden_where_a_route_says_so() {
        let requests: [crate::origin::Lines<'_>; 2] = [
            &[
                ("x-forwarded-host", "evil"),
                ("x-any", "1"),
                ("accept", "x"),
            ],
            &[("accept", "x")],
        ];
        let policy = minutely().headers(Inputs::Hide);
        let (seen, runs, _) = answers(policy, ALL, &requests).await;
        assert_eq!((seen, runs), (vec!["accept: x".to_owned(); 2], 1));
        // Unless it says so they are seen.
        let (seen, ..) = answers(minutely(), ALL, &requests).await;
        assert!(seen[0].contains("evil"));
    }

    #[tokio::test]
    async fn fields_in_the_key_are_seen_and_tell_requests_apart() {
        let requests: [crate::origin::Lines<'_>; 4] = [
            &[
                ("x-tenant", "a"),
                ("x-forwarded-host", "evil"),
                ("x-any", "1"),
            ],
            &[("x-tenant", "a"), ("x-any", "2")],
            &[("x-tenant", "b")],
            &[("x-tenant", "a"), ("x-tenant", "b")],
        ];
        let policy = minutely().headers(Inputs::key(["x-tenant"]));
        let (seen, runs, _) = answers(policy, ALL, &requests).await;
        let first = "x-tenant: a\nx-any: 1";
        assert_eq!(seen, [first, first, "x-tenant: b", "x-tenant: a"]);
        assert_eq!(runs, 3);
        let policy = minutely().headers(Inputs::key(["X-Forwarded-Host"]));
        let (seen, ..) = answers(policy, ALL, &requests[..1]).await;
        assert!(seen[0].starts_with("x-forwarded-host: evil"));
    }

    #[tokio::test]
    async fn requests_with_such_fields_bypass_where_a_route_says_so() {
        let requests: [crate::origin::Lines<'_>; 2] =
            [&[("x-forwarded-host", "evil")], &[("x-any", "1")]];
        let policy = minutely().headers(Inputs::Bypass);
        let (_, _, cache) = answers(policy, ALL, &requests).await;
        assert_eq!(cache.stats().bypasses["headers"], 1);
        let policy = minutely().headers(Inputs::bypass_on(["x-any"]));
        let (seen, _, cache) = answers(policy, ALL, &requests).await;
        assert_eq!(cache.stats().bypasses["headers"], 1);
        assert_eq!(seen, ["x-forwarded-host: evil", "x-any: 1"]);
    }

    #[tokio::test]
    async fn a_vary_by_what_is_hidden_makes_no_variants() {
        let cache = Cache::local();
        let layer = with(&cache, minutely().headers(Inputs::Hide));
        let origin = Origin::says(layer, &[("vary", "x-any")]);
        for value in ["1", "2"] {
            let answer = origin.ask("GET", "/a", &[("x-any", value)]).await;
            assert_eq!(answer.body, "run 1");
        }
    }

    #[tokio::test]
    async fn a_client_is_answered_by_its_conditions_all_the_same() {
        let cache = Cache::local();
        let layer = with(&cache, minutely().headers(Inputs::Hide));
        let origin = Origin::says(layer, &[("etag", "\"a\"")]);
        for _ in 0..2 {
            let same = [("if-none-match", "\"a\"")];
            assert_eq!(origin.ask("GET", "/a", &same).await.status, 304);
        }
        assert_eq!(origin.runs(), 1);
    }

    #[tokio::test]
    async fn a_closure_adds_to_the_key_or_lets_the_request_bypass() {
        let policy = minutely().key_with(|request| {
            let tenant = request.headers.get("x-tenant")?.to_str().ok()?;
            Some(tenant.to_ascii_lowercase())
        });
        let requests: [crate::origin::Lines<'_>; 4] = [
            &[("x-tenant", "a")],
            &[("x-tenant", "A")],
            &[("x-tenant", "b")],
            &[],
        ];
        let (seen, runs, cache) = answers(policy, ALL, &requests).await;
        assert_eq!(seen, ["x-tenant: a", "x-tenant: a", "x-tenant: b", ""]);
        assert_eq!((runs, cache.stats().bypasses["key-with"]), (3, 1));
        let policy = minutely().key_with(|_| Some("x".repeat(9_000)));
        let (.., cache) = answers(policy, ALL, &requests).await;
        assert_eq!(cache.stats().bypasses["long-key"], 4);
    }

    /// What is in the key beside the URI would be lost on the way.
    #[tokio::test]
    async fn what_has_more_in_its_key_is_not_fetched_in_the_background() {
        let policy = minutely().cookies(Inputs::key(["lang"])).refresh_ahead(0.0);
        let mut shop = Shop::of(Cache::local(), policy);
        let ask = |shop: &Shop| {
            let mut request = request("GET", "/a");
            let cookie = "lang=de".parse().unwrap();
            request.headers_mut().insert("cookie", cookie);
            shop.ask(request)
        };
        let asked = ask(&shop);
        shop.origin.next().await.answer(fresh("de"));
        assert_eq!(body(asked).await, "de");
        assert_eq!(body(ask(&shop)).await, "de");
        assert_eq!(shop.origin.waiting().await, 0);
    }
}

mod authorization {
    use super::*;
    use tower::ServiceBuilder;
    use tower::ServiceExt;

    const FIELD: &[&str] = &["authorization"];

    /// Put into requests by the layer that has checked who asks.
    #[derive(Clone)]
    struct Caller;

    /// What three requests get, of which the second has no proof.
    async fn asked(policy: Policy) -> (Vec<String>, Cache) {
        let cache = Cache::local();
        let origin = Origin::new(with(&cache, policy), shows(FIELD));
        let mut answers = Vec::new();
        for (credential, proven) in [("a", true), ("b", false), ("c", true)] {
            let app = ServiceBuilder::new()
                .map_request(move |mut request: Request| {
                    if proven {
                        request.extensions_mut().insert(Caller);
                    }
                    request
                })
                .service(origin.app.clone());
            let mut request = request("GET", "/a");
            let credential = credential.parse().unwrap();
            request.headers_mut().insert("authorization", credential);
            let Ok(answer) = app.oneshot(request).await;
            answers.push(crate::support::read(answer).await.body);
        }
        (answers, cache)
    }

    #[tokio::test]
    async fn it_is_lifted_only_with_proof() {
        let checked = minutely().authorization(Authorization::AlreadyChecked);
        let (seen, cache) = asked(checked.clone().requires::<Caller>()).await;
        // The second came past the layer that checks: its handler has to.
        assert_eq!(seen, ["", "authorization: b", ""]);
        let stats = cache.stats();
        assert_eq!((stats.bypasses["unproven"], stats.hits), (1, 1));
        // Without one it is as RFC 9111 has it.
        for policy in [checked.clone(), minutely()] {
            let (seen, cache) = asked(policy).await;
            assert_eq!(seen[2], "authorization: c");
            assert_eq!(cache.stats().stored, 0);
        }
        let error = Cache::builder()
            .default_policy(checked)
            .build()
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.to_string().contains("requires::<T>()"), "{error}");
    }

    #[tokio::test]
    async fn where_it_is_hidden_no_handler_sees_it() {
        let (seen, cache) = asked(minutely().authorization(Authorization::Hide)).await;
        assert_eq!(seen, ["", "", ""]);
        assert_eq!(cache.stats().stored, 1);
    }
}

mod hosts {
    use super::*;

    #[tokio::test]
    async fn hosts_that_are_not_listed_bypass_and_their_writes_invalidate() {
        let cache = Cache::builder().hosts(["shop.example"]).build().unwrap();
        let origin = Origin::says(with(&cache, minutely()), &[]);
        let from = async |host: &str, method: &str| {
            let mut asked = request(method, "/a");
            asked.headers_mut().insert("host", host.parse().unwrap());
            crate::support::send(&origin.app, asked).await.body
        };
        assert_eq!(from("shop.example", "GET").await, "run 1");
        assert_eq!(from("Shop.Example:80", "GET").await, "run 1");
        assert_eq!(from("evil.example", "GET").await, "run 2");
        assert_eq!(from("evil.example", "GET").await, "run 3");
        assert_eq!(cache.stats().bypasses["unknown-host"], 2);
        from("internal.example", "PUT").await;
        assert_eq!(from("shop.example", "GET").await, "run 5");
        let error = Cache::builder().hosts(["https://shop.example"]).build();
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Configuration);
    }
}
