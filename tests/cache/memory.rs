//! What is kept in how many bytes.

use crate::origin::{Origin, borrowed, owned, response, with};
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use http_body::Frame;
use http_body_util::StreamBody;
use std::convert::Infallible;
use tower_coherence::policy::Eviction;
use tower_coherence::{Cache, Invalidate, Policy, Tag, Tags};

const FRESH: (&str, &str) = ("cache-control", "max-age=60");

/// What one entry weighs.
struct Entry {
    uri: String,
    fields: Vec<(String, String)>,
    body: usize,
    trailer: usize,
    tags: usize,
    vary: usize,
}

impl Default for Entry {
    fn default() -> Self {
        Self {
            uri: "/a".to_owned(),
            fields: owned(&[FRESH]),
            body: 100,
            trailer: 0,
            tags: 0,
            vary: 0,
        }
    }
}

impl Entry {
    async fn bytes(self) -> u64 {
        let cache = Cache::local();
        let tags: Tags = (0..self.tags).map(|n| Tag::of("t", n)).collect();
        let policy = Policy::from_headers().tags(tags);
        let fields = self.fields;
        let origin = Origin::new(with(&cache, policy), move |_| {
            response(200, &borrowed(&fields), body(self.body, self.trailer))
        });
        let chosen = "x".repeat(self.vary);
        origin.ask("GET", &self.uri, &[("x-v", &chosen)]).await;
        assert_eq!(cache.stats().stored, 1);
        cache.stats().bytes
    }
}

fn body(length: usize, trailer: usize) -> Body {
    let data = Frame::data(vec![b'x'; length].into());
    let mut frames = vec![Ok::<_, Infallible>(data)];
    if trailer > 0 {
        let value = HeaderValue::from_str(&"x".repeat(trailer)).unwrap();
        let name = HeaderName::from_static("x-sum");
        frames.push(Ok(Frame::trailers(HeaderMap::from_iter([(name, value)]))));
    }
    Body::new(StreamBody::new(tokio_stream::iter(frames)))
}

#[tokio::test]
async fn every_part_of_an_entry_is_weighed() {
    let plain = Entry::default().bytes().await;
    assert!((300..2000).contains(&plain), "{plain}");
    let parts = [
        Entry {
            uri: format!("/a?{}", "x".repeat(5000)),
            ..Entry::default()
        },
        Entry {
            fields: owned(&[FRESH, ("x-a", &"x".repeat(5000))]),
            ..Entry::default()
        },
        Entry {
            body: 5100,
            ..Entry::default()
        },
        Entry {
            trailer: 5000,
            ..Entry::default()
        },
        Entry {
            tags: 100,
            ..Entry::default()
        },
        Entry {
            fields: owned(&[FRESH, ("vary", "x-v")]),
            vary: 5000,
            ..Entry::default()
        },
    ];
    for (part, entry) in parts.into_iter().enumerate() {
        let more = entry.bytes().await - plain;
        assert!((5000..13_000).contains(&more), "part {part}: {more}");
    }
}

#[tokio::test]
async fn many_small_fields_weigh_more_than_their_text() {
    let plain = Entry::default().bytes().await;
    let mut fields = owned(&[FRESH]);
    fields.extend((0..100).map(|n| (format!("x-{n}"), String::new())));
    let many = Entry {
        fields,
        ..Entry::default()
    };
    assert!(many.bytes().await - plain > 100 * 64);
}

#[tokio::test]
async fn a_store_stays_within_its_bytes_whatever_is_put_into_it() {
    const MAX: u64 = 200_000;
    for eviction in [Eviction::Lru, Eviction::TinyLfu] {
        let cache = Cache::builder()
            .max_bytes(MAX)
            .eviction(eviction)
            .build()
            .unwrap();
        let origin = Origin::new(cache.layer(), |request| {
            let length = request.uri().path().len() * 500;
            response(200, &[FRESH, ("vary", "x-v")], "x".repeat(length))
        });
        for number in 0..300_usize {
            let uri = format!("/{}/{number}", "a".repeat(number % 40));
            let chosen = [("x-v", if number % 3 == 0 { "1" } else { "2" })];
            origin.ask("GET", &uri, &chosen).await;
            assert!(cache.stats().bytes <= MAX, "{}", cache.stats());
        }
        let stats = cache.stats();
        assert!(stats.evicted > 100, "{stats}");
        assert!(stats.bytes > MAX / 3, "{stats}");
    }
}

#[tokio::test]
async fn an_entry_larger_than_the_store_is_served_and_not_kept() {
    for eviction in [Eviction::Lru, Eviction::TinyLfu] {
        let cache = Cache::builder()
            .max_bytes(50_000)
            .eviction(eviction)
            .build()
            .unwrap();
        let origin = Origin::new(cache.layer(), |request| {
            let length = if request.uri().path() == "/large" {
                60_000
            } else {
                10
            };
            response(200, &[FRESH], "x".repeat(length))
        });
        origin.get("/small").await;
        for _ in 0..2 {
            assert_eq!(origin.get("/large").await.body.len(), 60_000);
            assert!(cache.stats().bytes < 10_000);
        }
        // And pushes nothing out.
        origin.get("/small").await;
        assert_eq!(origin.runs(), 3);
    }
}

#[tokio::test]
async fn what_was_pushed_out_gives_its_cells_back_to_others() {
    let cache = Cache::builder()
        .max_bytes(20_000)
        .max_cells(200)
        .build()
        .unwrap();
    let origin = Origin::says(cache.layer(), &[FRESH]);
    for number in 0..2000 {
        origin.get(&format!("/{number}")).await;
    }
    let stats = cache.stats();
    assert!(stats.cells <= 200, "{}", stats.cells);
    assert_eq!(stats.refusals.get("cells-over-the-limit"), None);
    assert_eq!(stats.stored, 2000);
}

#[tokio::test]
async fn an_entry_replaced_many_times_is_weighed_once() {
    let cache = Cache::local();
    let origin = Origin::new(cache.layer(), |_| response(200, &[FRESH], "x".repeat(1000)));
    origin.get("/a").await;
    let one = cache.stats().bytes;
    for _ in 0..100 {
        cache.invalidate_now(Invalidate::path("/a"));
        origin.get("/a").await;
    }
    assert_eq!((origin.runs(), cache.stats().bytes), (101, one));
    assert_eq!(cache.stats().entries, 1);
}
