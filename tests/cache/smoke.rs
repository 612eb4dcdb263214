use crate::support::{Runs, get, request, send};
use axum::Router;
use axum::routing::get as route;
use tower_coherence::Cache;

fn app(cache: &Cache, runs: &Runs) -> Router {
    let runs = runs.clone();
    let show = move || async move {
        (
            [("cache-control", "max-age=60")],
            format!("run {}", runs.next()),
        )
    };
    Router::new()
        .route("/a", route(show).put(|| async { "done" }))
        .layer(cache.layer())
}

#[tokio::test]
async fn a_get_is_a_hit_until_a_write() {
    let (cache, runs) = (Cache::local(), Runs::default());
    let app = app(&cache, &runs);
    cache.coherent().await.unwrap();
    assert_eq!(get(&app, "/a").await.body, "run 1");
    let hit = get(&app, "/a").await;
    assert_eq!(
        (hit.body.as_str(), hit.headers["age"].to_str().unwrap()),
        ("run 1", "0")
    );
    assert!(hit.headers.contains_key("date"));
    assert_eq!(send(&app, request("PUT", "/a")).await.body, "done");
    assert_eq!(get(&app, "/a").await.body, "run 2");
    assert_eq!(cache.stats().hits, 1);
}
