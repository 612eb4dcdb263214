//! What a readiness handler is told.

use crate::origin::{Origin, with};
use std::time::Duration;
use tower_coherence::policy::WhileDeaf;
use tower_coherence::test_util::instances;
use tower_coherence::{Cache, HeardBy, Invalidate, Mode, Policy, RouteTable, bus};

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn an_instance_is_ready_before_its_first_proof_and_until_its_shutdown() {
    let cache = Cache::builder().bus(bus::Local::new()).build().unwrap();
    let new = cache.health();
    assert!(new.is_ready() && !new.coherent);
    assert_eq!(new.to_string(), "ready, deaf, bus local");
    cache.coherent().await.unwrap();
    assert_eq!(cache.health().to_string(), "ready, coherent, bus local");
    cache.set_mode(Mode::Bypass);
    let off = cache.health();
    assert!(off.is_ready() && off.mode == Mode::Bypass);
    assert_eq!(off.to_string(), "ready, coherent, switched off, bus local");
    cache.clone().shutdown(Duration::ZERO).await;
    let ended = cache.health();
    assert!(!ended.is_ready() && ended.ended);
    assert!(ended.to_string().starts_with("ended"), "{ended}");
}

#[tokio::test]
async fn the_last_entries_that_were_applied_are_told_with_how_they_were_heard() {
    let [a, b] = instances();
    for cache in [&a, &b] {
        Origin::says(with(cache, Policy::lifetime(MINUTE)), &[])
            .get("/")
            .await;
        cache.idle().await.unwrap();
    }
    a.invalidate(Invalidate::tag("x").and_tag("y")).await;
    b.idle().await.unwrap();
    a.idle().await.unwrap();
    let (here, there) = (a.health(), b.health());
    for (health, own) in [(&here, true), (&there, false)] {
        let last = &health.lately[0];
        assert_eq!((last.targets, last.own), (2, own), "{health:?}");
        assert_eq!(Some(&last.position), health.position.as_ref());
    }
    let first = there.lately.last().unwrap();
    assert_eq!((first.by, first.targets), (HeardBy::Adoption, 1));
}

#[tokio::test]
async fn the_name_of_a_cache_is_that_of_its_status() {
    let table = RouteTable::builder().build().unwrap();
    let builder = Cache::builder().status_name("shop").routes(table);
    let cache = builder.while_deaf(WhileDeaf::Bypass).build().unwrap();
    assert_eq!(cache.health().name, "shop");
    assert_eq!(Cache::local().health().name, "tower-coherence");
}
