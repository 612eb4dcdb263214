//! What leaves of groups and tags: they show what things are called inside.

use crate::held::{Shop, eventually, fresh};
use crate::origin::{Origin, field};
use crate::support::request;
use tower_coherence::{Cache, Policy, TagField, Tags};

const IN: (&str, &str) = ("cache-groups", "\"a\", \"b\"");
const OUT: (&str, &str) = ("cache-group-invalidation", "\"a\"");

#[tokio::test]
async fn groups_leave_on_no_way_unless_they_are_forwarded() {
    for forwards in [false, true] {
        let builder = Cache::builder();
        let builder = if forwards {
            builder.forward_groups()
        } else {
            builder
        };
        let cache = builder.build().unwrap();
        let lines = [("cache-control", "max-age=60"), ("etag", "\"t\""), IN, OUT];
        let origin = Origin::says(cache.layer(), &lines);
        let same = [("if-none-match", "\"t\"")];
        let no_store = [("cache-control", "no-store")];
        for (method, uri, own) in [
            ("GET", "/a", &[][..]),
            ("GET", "/a", &[]),
            ("HEAD", "/a", &[]),
            ("GET", "/a", &same),
            ("GET", "/b", &no_store),
            ("OPTIONS", "/a", &[]),
            ("PUT", "/c", &[]),
        ] {
            let answer = origin.ask(method, uri, own).await;
            let [groups, invalidates] = [IN, OUT].map(|(name, value)| {
                let said = field(&answer, name);
                assert!(said.is_none_or(|said| said == value));
                said.is_some()
            });
            assert_eq!([groups, invalidates], [forwards; 2], "{method} {uri}");
        }
        // They count all the same.
        let runs = origin.runs();
        origin.get("/a").await;
        assert_eq!(origin.runs(), runs + 1);
    }
}

#[tokio::test]
async fn all_tags_of_a_stored_response_are_written_for_a_cdn_where_the_cache_is_told_to() {
    let cache = Cache::builder()
        .tag_fields([TagField::SurrogateKey])
        .write_tags(TagField::SurrogateKey)
        .build()
        .unwrap();
    let policy = Policy::from_headers().tags(Tags::from(["products", "not one"]));
    let mut shop = Shop::of(cache, policy);
    let leader = shop.head(request("GET", "/a"));
    let call = shop.origin.next().await;
    let waits = shop.head(request("GET", "/a"));
    eventually(|| shop.cache.stats().waiters == 1).await;
    call.context().tag("product:7");
    let mut response = fresh("x");
    let own = "own:1 own:2".parse().unwrap();
    response.headers_mut().insert("surrogate-key", own);
    call.answer(response);
    let hit = async || shop.head(request("GET", "/a")).await.unwrap().unwrap();
    for head in [
        leader.await.unwrap().unwrap(),
        waits.await.unwrap().unwrap(),
        hit().await,
    ] {
        assert_eq!(
            head.headers()["surrogate-key"],
            "products own:1 own:2 product:7"
        );
    }
    // What is not stored has none, not even those of the handler.
    let asked = shop.head(request("GET", "/b"));
    let mut response = crate::held::plain("x");
    let own = "own:1".parse().unwrap();
    response.headers_mut().insert("surrogate-key", own);
    shop.origin.next().await.answer(response);
    let head = asked.await.unwrap().unwrap();
    assert!(!head.headers().contains_key("surrogate-key"));
}
