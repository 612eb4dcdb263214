//! The route table: which policy a request has by its method and path.

use crate::held::eventually;
use crate::origin::{Origin, response, with};
use crate::support::{Runs, request, send};
use axum::Router;
use axum::body::Body;
use axum::http::Method;
use std::time::Duration;
use tower_coherence::policy::{Eviction, OwnPath, Query, WritePolicy};
use tower_coherence::{Cache, CacheLayer, Event, Invalidate, Policy, RouteTable, Scope, Tag};

const MINUTE: Duration = Duration::from_secs(60);

fn cached() -> Policy {
    Policy::lifetime(MINUTE)
}

/// Silent but for what its templates name.
fn quiet() -> WritePolicy {
    WritePolicy::new().own_path(OwnPath::Off)
}

/// Products by number, and a write that names no path.
fn products() -> RouteTable {
    let table = RouteTable::builder()
        .read("/products/{id}", cached().tags(["product:{id:int}"]))
        .write("/products/{id}", quiet().tags(["product:{id:int}"]));
    table.build().unwrap()
}

fn cache(table: RouteTable) -> Cache {
    Cache::builder().routes(table).build().unwrap()
}

fn behind(layer: CacheLayer) -> Origin {
    Origin::says(layer, &[])
}

/// Whether this is answered from memory.
async fn is_hit(origin: &Origin, uri: &str) -> bool {
    let runs = origin.runs();
    origin.get(uri).await;
    origin.runs() == runs
}

#[tokio::test]
async fn a_write_makes_stale_what_bears_the_tag_of_its_path() {
    let origin = behind(cache(products()).layer());
    for uri in ["/products/042", "/products/7"] {
        assert!(!is_hit(&origin, uri).await);
        assert!(is_hit(&origin, uri).await, "{uri}");
    }
    origin.ask("PUT", "/products/42", &[]).await;
    assert!(!is_hit(&origin, "/products/042").await);
    assert!(is_hit(&origin, "/products/7").await);
}

#[tokio::test]
async fn a_parameter_that_does_not_fit_stores_nothing_and_makes_more_stale() {
    let cache = cache(products());
    let origin = behind(cache.layer());
    for _ in 0..2 {
        assert!(!is_hit(&origin, "/products/tea").await);
    }
    assert_eq!(cache.stats().refusals["template"], 2);
    origin.get("/products/7").await;
    let mut events = cache.events();
    origin.ask("PUT", "/products/tea", &[]).await;
    let Some(Event::Invalidated(what)) = events.next().await else {
        panic!("the cache is gone");
    };
    assert_eq!(*what, Invalidate::prefix("/products"));
    assert_eq!(cache.stats().templates_widened, 1);
    assert!(!is_hit(&origin, "/products/7").await);
}

#[tokio::test]
async fn without_a_route_reads_have_the_default_policy_and_writes_make_their_path_stale() {
    let builder = Cache::builder().routes(products());
    let cache = builder.default_policy(cached()).build().unwrap();
    let origin = behind(cache.layer());
    origin.get("/other").await;
    assert!(is_hit(&origin, "/other").await);
    origin.ask("PUT", "/other", &[]).await;
    assert!(!is_hit(&origin, "/other").await);
    let origin = behind(Cache::builder().routes(products()).build().unwrap().layer());
    origin.get("/other").await;
    assert!(!is_hit(&origin, "/other").await);
}

#[tokio::test]
async fn a_head_request_has_the_route_of_reads() {
    let origin = behind(cache(products()).layer());
    origin.get("/products/7").await;
    origin.ask("HEAD", "/products/7", &[]).await;
    assert_eq!(origin.runs(), 1);
}

#[tokio::test]
async fn the_policy_of_a_layer_counts_before_the_table() {
    let cache = cache(products());
    let origin = behind(with(&cache, Policy::bypass()));
    for _ in 0..2 {
        assert!(!is_hit(&origin, "/products/7").await);
    }
    let layer = cache.layer().write_policy(WritePolicy::safe());
    let origin = behind(layer);
    origin.get("/products/7").await;
    origin.ask("PUT", "/products/7", &[]).await;
    assert!(is_hit(&origin, "/products/7").await);
}

#[tokio::test]
async fn a_write_is_in_the_scope_that_the_read_route_of_its_path_finds() {
    let tenant = |request: &http::request::Parts| request.uri.query().map(Scope::new);
    let table = RouteTable::builder()
        .read("/a/{id}", cached().scope(tenant).tags(["a"]))
        .write("/a/{id}", quiet().tags(["a"]));
    let origin = behind(cache(table.build().unwrap()).layer());
    for uri in ["/a/1?x", "/a/1?y"] {
        origin.get(uri).await;
    }
    origin.ask("PUT", "/a/2?x", &[]).await;
    assert!(!is_hit(&origin, "/a/1?x").await);
    assert!(is_hit(&origin, "/a/1?y").await);
}

#[test]
fn the_most_specific_pattern_counts_and_a_slash_at_the_end_is_another_path() {
    let mut table = RouteTable::builder();
    for path in ["/{*rest}", "/a", "/a/{id}", "/a/new", "/a/{id}/{*rest}"] {
        table = table.read(path, cached());
    }
    let table = table.build().unwrap();
    for (path, pattern) in [
        ("/a", Some("/a")),
        ("/a/", Some("/{*rest}")),
        ("/a/7", Some("/a/{id}")),
        ("/a/%6Eew", Some("/a/{id}")),
        ("/a/new", Some("/a/new")),
        ("/a/7/x/y", Some("/a/{id}/{*rest}")),
        ("/b", Some("/{*rest}")),
        ("/", None),
        ("*", None),
        ("", None),
    ] {
        assert_eq!(table.pattern_of(&Method::GET, path), pattern, "{path}");
        assert_eq!(table.pattern_of(&Method::HEAD, path), pattern, "{path}");
        assert_eq!(table.pattern_of(&Method::PUT, path), None, "{path}");
    }
}

#[test]
fn a_route_for_one_method_hides_no_wider_one_from_others() {
    let table = RouteTable::builder()
        .write("/{*rest}", quiet())
        .write_on(&[Method::PUT, Method::PATCH], "/a/{id}", quiet())
        .write_on(&[Method::DELETE], "/a/{name}", quiet())
        .build()
        .unwrap();
    for (method, pattern) in [
        ("PUT", "/a/{id}"),
        ("PATCH", "/a/{id}"),
        ("DELETE", "/a/{name}"),
        ("POST", "/{*rest}"),
        ("MKCOL", "/{*rest}"),
    ] {
        let method: Method = method.parse().unwrap();
        assert_eq!(table.pattern_of(&method, "/a/7"), Some(pattern), "{method}");
        // What has a route of its own there has the wider one elsewhere.
        assert_eq!(
            table.pattern_of(&method, "/b"),
            Some("/{*rest}"),
            "{method}"
        );
    }
}

#[test]
fn a_table_with_mistakes_is_not_made_and_all_of_them_are_told() {
    let get = [Method::GET];
    let error = RouteTable::builder()
        .read("products", cached())
        .read("/a/{id}", cached().tags(["a:{ide}"]))
        .read("/a/{name}", cached())
        .read("/b", cached().store("large"))
        .read("/c", cached().tags(["c:{query.x:integer}"]))
        .write("/a/{id}", quiet())
        .write_on(&[Method::PUT], "/a/{id}", quiet().paths(["a"]))
        .write_on(&get, "/d", quiet())
        .write_on(&[], "/e", quiet())
        .nest("/", products())
        .build()
        .unwrap_err()
        .to_string();
    for told in [
        "read \"products\": a path begins with `/`",
        "read \"/a/{id}\": template \"a:{ide}\": the path has no parameter `ide`: there is id",
        "read \"/a/{name}\": it matches the same paths as \"/a/{id}\"",
        "read \"/b\": there is no store \"large\": there are none",
        "read \"/c\": template \"c:{query.x:integer}\", column",
        "write PUT \"/a/{id}\": it matches the same paths as \"/a/{id}\"",
        "write PUT \"/a/{id}\": \"a\" is no path",
        "write GET \"/d\": GET does not write",
        "write \"/e\": it is for no method",
        "nest \"/\": a prefix is a path below `/`",
    ] {
        assert!(error.contains(told), "{told}\n{error}");
    }
    assert_eq!(error.lines().count(), 11, "{error}");
}

#[test]
fn a_nested_table_is_below_its_prefix_as_axum_has_it() {
    let inner = RouteTable::builder()
        .read("/", cached())
        .read("/{id}", cached().tags(["{id}"]))
        .write("/{id}", quiet())
        .build()
        .unwrap();
    let outer = RouteTable::builder().nest("/of/{tenant}", inner.clone());
    let outer = outer.nest("/tea/", inner.clone()).build().unwrap();
    for (path, pattern) in [
        ("/of/x", Some("/of/{tenant}")),
        ("/of/x/", None),
        ("/of/x/7", Some("/of/{tenant}/{id}")),
        ("/tea", None),
        ("/tea/", Some("/tea/")),
        ("/tea/7", Some("/tea/{id}")),
    ] {
        assert_eq!(outer.pattern_of(&Method::GET, path), pattern, "{path}");
    }
    let put = outer.pattern_of(&Method::PUT, "/tea/7");
    assert_eq!(put, Some("/tea/{id}"));
    let clash = RouteTable::builder().nest("/{id}", inner).build();
    let error = clash.unwrap_err().to_string();
    assert!(error.contains("`id` is there twice"), "{error}");
}

#[tokio::test]
async fn a_route_keeps_its_responses_in_the_store_that_it_names() {
    let table = RouteTable::builder()
        .store("none", 0, Eviction::Lru)
        .store("some", 1_000_000, Eviction::TinyLfu)
        .read("/a", cached().store("none"))
        .read("/b", cached().store("some"))
        .read("/c", cached());
    let cache = cache(table.build().unwrap());
    let origin = behind(cache.layer());
    for (uri, hit) in [("/a", false), ("/b", true), ("/c", true)] {
        origin.get(uri).await;
        assert_eq!(is_hit(&origin, uri).await, hit, "{uri}");
    }
    // All layers of the cache have the same stores.
    assert!(is_hit(&behind(cache.layer()), "/b").await);
    origin.ask("PUT", "/b", &[]).await;
    assert!(!is_hit(&origin, "/b").await);
}

#[tokio::test]
async fn routes_that_name_one_store_share_its_bytes() {
    let large = |_: &axum::extract::Request| response(200, &[], "x".repeat(10_000));
    for (second, evicted) in [("one", 1), ("other", 0)] {
        let table = RouteTable::builder()
            .store("one", 15_000, Eviction::Lru)
            .store("other", 15_000, Eviction::Lru)
            .read("/a", cached().store("one"))
            .read("/b", cached().store(second));
        let cache = cache(table.build().unwrap());
        let origin = Origin::new(cache.layer(), large);
        origin.get("/a").await;
        origin.get("/b").await;
        eventually(|| cache.stats().evicted == evicted && cache.stats().stored == 2).await;
        assert_eq!(is_hit(&origin, "/a").await, evicted == 0, "{second}");
    }
}

#[tokio::test]
async fn a_store_that_is_not_there_is_told_and_nothing_is_stored() {
    let cache = cache(products());
    let origin = behind(with(&cache, cached().store("large")));
    for _ in 0..2 {
        assert!(!is_hit(&origin, "/a").await);
    }
    let mistakes = cache.health().mistakes;
    assert!(mistakes[0].contains("no store \"large\""), "{mistakes:?}");
    let default = Cache::builder().default_policy(cached().store("large"));
    assert!(default.build().is_err());
}

#[test]
fn a_tag_that_no_read_bears_and_a_store_without_routes_look_like_slips() {
    let table = || {
        RouteTable::builder()
            .store("large", 1, Eviction::Lru)
            .write("/a/{id}", quiet().tags(["a:{id:int}", "product:{id}"]))
    };
    let built = table().read("/a/{name}", cached().tags(["a:{name}"]));
    assert_eq!(
        built.build().unwrap().lint(),
        [
            "write \"/a/{id}\": no read of the table bears a tag like \"product:{id}\"",
            "store \"large\": no route names it",
        ]
    );
    let default = RouteTable::builder().store("large", 1, Eviction::Lru);
    let default = default.default_policy(cached().store("large"));
    assert_eq!(default.build().unwrap().lint(), [""; 0]);
    let closure = cached().tag_with(|_, _| "product:7".into()).store("large");
    let built = table().read("/a/{name}", closure).build().unwrap();
    assert_eq!(built.lint(), [""; 0]);
}

#[tokio::test]
async fn the_marks_of_a_handler_add_to_what_the_route_says() {
    let layer = cache(products()).layer();
    let origin = Origin::new(layer, |request| {
        let mut response = response(200, &[], "done");
        if request.method() == Method::PUT {
            Invalidate::tag("product:9").add_to(response.extensions_mut());
        }
        response
    });
    for uri in ["/products/7", "/products/8", "/products/9"] {
        origin.get(uri).await;
    }
    origin.ask("PUT", "/products/7", &[]).await;
    for (uri, hit) in [
        ("/products/7", false),
        ("/products/8", true),
        ("/products/9", false),
    ] {
        assert_eq!(is_hit(&origin, uri).await, hit, "{uri}");
    }
}

#[tokio::test]
async fn a_tag_by_what_the_route_hides_stores_nothing() {
    let route = |template: &str| {
        cached()
            .query(Query::Only(vec!["page".into()]))
            .tags(template)
    };
    let table = RouteTable::builder()
        .read("/a/{id}", route("{id}:{query.page}"))
        .read("/b/{id}", route("{id}:{query.sort}"));
    let origin = behind(cache(table.build().unwrap()).layer());
    for (uri, hit) in [
        ("/a/1?page=2&sort=up", true),
        ("/b/1?page=2&sort=up", false),
    ] {
        origin.get(uri).await;
        assert_eq!(is_hit(&origin, uri).await, hit, "{uri}");
    }
}

#[tokio::test]
async fn a_query_with_its_content_in_the_key_has_the_route_of_reads() {
    let table = RouteTable::builder()
        .read(
            "/find/{what}",
            cached().body_key(1_000).tags(["find:{what}"]),
        )
        .read("/plain", cached());
    let table = table.build().unwrap();
    let query: Method = "QUERY".parse().unwrap();
    assert_eq!(table.pattern_of(&query, "/find/tea"), Some("/find/{what}"));
    let cache = cache(table);
    let runs = Runs::default();
    let count = runs.clone();
    let handler = move || async move { format!("run {}", count.next()) };
    let layer = cache.layer().replay(Body::from);
    let app = Router::new().fallback(handler).layer(layer);
    let ask = async |uri: &str| {
        let mut asked = request("QUERY", uri);
        let text = "text/plain".parse().unwrap();
        asked.headers_mut().insert("content-type", text);
        *asked.body_mut() = Body::from("content");
        send(&app, asked).await
    };
    for (uri, run) in [
        ("/find/tea", 1),
        ("/find/tea", 1),
        ("/plain", 2),
        ("/plain", 3),
    ] {
        assert_eq!(ask(uri).await.body, format!("run {run}"), "{uri}");
    }
    cache.invalidate(Tag::new("find:tea")).await;
    assert_eq!(ask("/find/tea").await.body, "run 4");
}
