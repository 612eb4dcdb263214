//! Tags in the header fields of vendors.

use crate::origin::{Lines, Origin, field};
use tower_coherence::{Cache, CacheBuilder, Invalidate, TagField};

const FRESH: (&str, &str) = ("cache-control", "max-age=60");
const ALL: [TagField; 4] = [
    TagField::SurrogateKey,
    TagField::CacheTag,
    TagField::EdgeCacheTag,
    TagField::XKey,
];
const NAMES: [&str; 4] = ["surrogate-key", "cache-tag", "edge-cache-tag", "xkey"];

fn heeding(fields: &[TagField]) -> CacheBuilder {
    Cache::builder().tag_fields(fields.iter().copied())
}

/// Whether an invalidation of this tag reaches a response with these fields.
async fn reaches(cache: &Cache, lines: Lines<'_>, tag: &str) -> bool {
    let origin = Origin::says(cache.layer(), lines);
    cache.invalidate_now(Invalidate::everything());
    origin.get("/a").await;
    assert_eq!(origin.get("/a").await.body, "run 1", "{lines:?}");
    cache.invalidate_now(Invalidate::tag(tag));
    origin.get("/a").await.body == "run 2"
}

#[tokio::test]
async fn each_field_divides_and_compares_as_its_vendor_does() {
    let cache = heeding(&ALL).build().unwrap();
    for (name, tags, others) in [
        ("surrogate-key", &["A,b", "C"][..], &["A", "b", "c"][..]),
        ("cache-tag", &["a", "b c"], &["A", "b", "C"]),
        ("edge-cache-tag", &["A", "b C"], &["a", "b"]),
        ("xkey", &["A", "b", "C"], &["a", "c", "A,b"]),
    ] {
        let lines = [FRESH, (name, "A,b C"), (name, "second")];
        for tag in tags.iter().chain(&["second"]) {
            assert!(reaches(&cache, &lines, tag).await, "{name} {tag}");
        }
        for tag in others {
            assert!(!reaches(&cache, &lines, tag).await, "{name} {tag}");
        }
    }
}

#[tokio::test]
async fn a_field_that_was_not_asked_for_is_no_tag_and_passes_on() {
    let cache = heeding(&ALL[..1]).build().unwrap();
    for name in &NAMES[1..] {
        assert!(!reaches(&cache, &[FRESH, (name, "a")], "a").await);
        let origin = Origin::says(cache.layer(), &[FRESH, (name, "a")]);
        assert_eq!(field(&origin.get("/b").await, name), Some("a"));
    }
    assert!(!reaches(&Cache::local(), &[FRESH, (NAMES[0], "a")], "a").await);
}

#[tokio::test]
async fn the_fields_leave_on_no_way_unless_they_are_forwarded() {
    let mut lines = vec![FRESH];
    lines.extend(NAMES.map(|name| (name, "a")));
    for (builder, left) in [
        (heeding(&ALL), None),
        (heeding(&ALL).forward_tag_fields(), Some("a")),
    ] {
        let cache = builder.build().unwrap();
        let origin = Origin::says(cache.layer(), &lines);
        for method in ["HEAD", "GET", "GET", "HEAD", "OPTIONS", "POST"] {
            let answer = origin.ask(method, "/a", &[]).await;
            for name in NAMES {
                assert_eq!(field(&answer, name), left, "{method} {name}");
            }
        }
        assert_eq!(cache.stats().hits, 2);
    }
}

#[tokio::test]
async fn over_the_cap_a_response_is_served_counted_and_not_stored() {
    let many = |count: usize| {
        let names: Vec<_> = (0..count).map(|id| id.to_string()).collect();
        names.join(",")
    };
    let long = |bytes| "x".repeat(bytes);
    for (value, stored) in [
        (many(128), true),
        (many(129), false),
        (long(256), true),
        (long(257), false),
    ] {
        let cache = heeding(&ALL).build().unwrap();
        let origin = Origin::says(cache.layer(), &[FRESH, ("cache-tag", &value)]);
        origin.get("/a").await;
        assert_eq!(origin.get("/a").await.body == "run 1", stored);
        let refused = cache.stats().refusals.get("tags-over-the-limit").copied();
        assert_eq!(refused, (!stored).then_some(2));
    }
    // They count together with those of other fields.
    let cache = heeding(&ALL).build().unwrap();
    let lines = [FRESH, ("cache-tag", &many(128)), ("xkey", "one-more")];
    Origin::says(cache.layer(), &lines).get("/a").await;
    assert_eq!(cache.stats().refusals["tags-over-the-limit"], 1);
}

#[tokio::test]
async fn a_tag_that_cannot_be_read_keeps_the_response_out_of_the_store() {
    let cache = heeding(&ALL).build().unwrap();
    let origin = Origin::says(cache.layer(), &[FRESH, ("xkey", "a caf\u{e9}")]);
    origin.get("/a").await;
    assert_eq!(origin.get("/a").await.body, "run 2");
    assert_eq!(cache.stats().refusals["unreadable-tag-field"], 2);
}

#[tokio::test]
async fn a_write_elsewhere_reaches_what_a_field_tagged() {
    let bus = tower_coherence::bus::Local::new();
    let instance = || heeding(&ALL).bus(bus.clone()).build().unwrap();
    let (one, other) = (instance(), instance());
    let origin = Origin::says(one.layer(), &[FRESH, ("surrogate-key", "p:7")]);
    origin.get("/a").await;
    one.idle().await.unwrap();
    assert_eq!(origin.get("/a").await.body, "run 1");
    other.invalidate(Invalidate::tag("p:7")).await;
    one.idle().await.unwrap();
    assert_eq!(origin.get("/a").await.body, "run 2");
}
