//! Beginning: with a Redis that is not there yet, or not as it should be.

use crate::shop::{BOUND, Database, Instance, PATIENCE};
use crate::support::eventually::eventually;
use crate::support::redis_server::RedisServer;
use tower_coherence::bus::Redis;
use tower_coherence::{Cache, ErrorKind};

#[tokio::test]
async fn an_application_whose_redis_is_down_starts_and_serves() {
    let (mut server, database) = (RedisServer::start(&[]), Database::default());
    server.kill();
    let a = Instance::start(&server.url(), &database);
    for _ in 0..3 {
        assert!(!a.get("1").await.hit);
    }
    a.put("1").await;
    assert!(!a.cache.health().coherent);
    eventually("trouble", PATIENCE, async || a.cache.health().last_trouble).await;
    server.restart();
    a.coherent().await;
    assert_eq!(a.warm("1").await.version, 1);
}

#[tokio::test]
async fn a_dangerous_setting_of_the_server_is_said() {
    let server = RedisServer::start(&["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"]);
    let a = Instance::start(&server.url(), &Database::default());
    a.coherent().await;
    let findings = eventually("findings", PATIENCE, async || {
        Some(a.cache.health().findings).filter(|findings| !findings.is_empty())
    })
    .await;
    assert!(
        findings
            .iter()
            .any(|finding| finding.contains("allkeys-lru")),
        "{findings:?}"
    );
}

#[test]
fn urls_that_cannot_be_used_are_errors_at_start() {
    let kind = |url: &str| match Redis::new(url, "shop") {
        Err(error) => error.kind(),
        Ok(redis) => Cache::builder().bus(redis).build().expect_err(url).kind(),
    };
    for url in [
        "redis+sentinel://h/m",
        "redis-sentinel://h",
        "redis+cluster://h",
        "redis://a,b",
    ] {
        assert_eq!(kind(url), ErrorKind::NotYet, "{url}");
    }
    assert_eq!(kind("http://h"), ErrorKind::Configuration);
    assert_eq!(
        Redis::new("redis://h", "").unwrap_err().kind(),
        ErrorKind::Configuration
    );
    let redis = Redis::new("redis://h", "shop")
        .unwrap()
        .reply_timeout(std::time::Duration::ZERO);
    assert_eq!(
        Cache::builder().bus(redis).build().unwrap_err().kind(),
        ErrorKind::Configuration
    );
}

#[tokio::test]
async fn a_bus_that_was_forgotten_is_visible() {
    let cache = Cache::builder().staleness_bound(BOUND).build().unwrap();
    cache.coherent().await.unwrap();
    assert_eq!(cache.health().bus, "local");
    let server = RedisServer::start(&[]);
    let a = Instance::start(&server.url(), &Database::default());
    assert_eq!(a.cache.health().bus, "redis");
}
