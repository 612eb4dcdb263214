//! A large axum application: modules of their own below prefixes, each with its routes and
//! its table, tested by `oneshot`, without Redis and without a server.

use super::{heard, two};
use crate::support::{Answer, Runs, get as ask, request, send};
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, put};
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;
use tower_coherence::policy::WritePolicy;
use tower_coherence::{Cache, Policy, RouteTable};

const HOUR: Duration = Duration::from_secs(3600);

#[derive(Clone, Default)]
struct Shop {
    prices: Arc<Mutex<BTreeMap<u64, u64>>>,
    runs: Runs,
}

/// The module of products, which knows nothing of where it is mounted.
mod products {
    use super::*;

    pub(super) fn router() -> Router<Shop> {
        Router::new()
            .route("/", get(list))
            .route("/{id}", get(show))
            .route("/{id}/price", put(price))
    }

    /// Its paths are those of the module, its tags those of the application.
    pub(super) fn table() -> RouteTable {
        RouteTable::builder()
            .read("/", Policy::lifetime(HOUR).tags(["products"]))
            .read("/{id}", Policy::lifetime(HOUR).tags(["product:{id:int}"]))
            .write(
                "/{id}/price",
                WritePolicy::new().tags(["product:{id:int}", "products"]),
            )
            .build()
            .unwrap()
    }

    async fn list(State(shop): State<Shop>) -> String {
        shop.runs.next();
        format!("{:?}", shop.prices.lock().unwrap())
    }

    async fn show(
        State(shop): State<Shop>,
        Path(path): Path<BTreeMap<String, String>>,
    ) -> Result<String, StatusCode> {
        shop.runs.next();
        let id: u64 = path["id"].parse().map_err(|_| StatusCode::BAD_REQUEST)?;
        let prices = shop.prices.lock().unwrap();
        let price = prices.get(&id).ok_or(StatusCode::NOT_FOUND)?;
        Ok(format!("{id} costs {price}"))
    }

    async fn price(
        State(shop): State<Shop>,
        Path(path): Path<BTreeMap<String, String>>,
        price: String,
    ) -> StatusCode {
        let (Ok(id), Ok(price)) = (path["id"].parse(), price.parse()) else {
            return StatusCode::BAD_REQUEST;
        };
        shop.prices.lock().unwrap().insert(id, price);
        StatusCode::NO_CONTENT
    }
}

/// The same inner paths as the products, and other pages.
mod admin {
    use super::*;

    pub(super) fn router() -> Router<Shop> {
        Router::new().route("/{id}", get(show).put(|| async { "done" }))
    }

    pub(super) fn table() -> RouteTable {
        let table = RouteTable::builder().read("/{id}", Policy::lifetime(HOUR));
        table.build().unwrap()
    }

    async fn show(State(shop): State<Shop>, Path(id): Path<u64>) -> String {
        format!("admin of {id}, run {}", shop.runs.next())
    }
}

fn table() -> RouteTable {
    RouteTable::builder()
        .nest("/api/v1/products", products::table())
        .nest("/api/{version}/admin", admin::table())
        .build()
        .unwrap()
}

/// The layer stands around all.
fn app(shop: &Shop, cache: &Cache) -> Router {
    let v1 = Router::new()
        .nest("/products", products::router())
        .nest("/admin", admin::router());
    let api = Router::new().nest("/v1", v1);
    Router::new()
        .nest("/api", api)
        .layer(cache.layer())
        .with_state(shop.clone())
}

/// Each module has a layer of its own, inside its nest.
fn layered_inside(shop: &Shop, cache: &Cache) -> Router {
    let v1 = Router::new()
        .nest("/products", products::router().layer(cache.layer()))
        .nest("/admin", admin::router().layer(cache.layer()));
    Router::new().nest("/api/v1", v1).with_state(shop.clone())
}

async fn set_price(app: &Router, id: &str, price: &str) -> Answer {
    let mut request = request("PUT", &format!("/api/v1/products/{id}/price"));
    *request.body_mut() = price.to_owned().into();
    send(app, request).await
}

async fn body(app: &Router, path: &str) -> String {
    ask(app, &format!("/api/v1{path}")).await.body
}

#[tokio::test]
async fn a_write_below_a_nest_makes_stale_what_was_stored_there_on_each_instance() {
    for mount in [app, layered_inside] {
        let (shop, caches) = (Shop::default(), two(&table()).await);
        let apps = [mount(&shop, &caches[0]), mount(&shop, &caches[1])];
        for id in ["7", "8"] {
            assert_eq!(set_price(&apps[0], id, "10").await.status, 204);
        }
        heard(&caches).await;
        for _ in 0..2 {
            for app in &apps {
                assert_eq!(body(app, "/products/7").await, "7 costs 10");
                assert_eq!(body(app, "/products/8").await, "8 costs 10");
                assert_eq!(body(app, "/products").await, "{7: 10, 8: 10}");
            }
        }
        assert_eq!(shop.runs.count(), 6);
        // The path of the write is none that anybody reads; its route says what it is of.
        assert_eq!(set_price(&apps[1], "007", "12").await.status, 204);
        heard(&caches).await;
        for app in &apps {
            assert_eq!(body(app, "/products/7").await, "7 costs 12");
            assert_eq!(body(app, "/products").await, "{7: 12, 8: 10}");
            assert_eq!(body(app, "/products/8").await, "8 costs 10");
        }
        assert_eq!(shop.runs.count(), 10);
    }
}

#[tokio::test]
async fn one_inner_path_in_two_nests_is_two_pages() {
    for mount in [app, layered_inside] {
        let (shop, [cache, _]) = (Shop::default(), two(&table()).await);
        let app = mount(&shop, &cache);
        set_price(&app, "7", "10").await;
        for _ in 0..2 {
            assert_eq!(body(&app, "/products/7").await, "7 costs 10");
            assert_eq!(body(&app, "/admin/7").await, "admin of 7, run 2");
        }
        // A write to one is none to the other, whatever the inner path says.
        send(&app, request("PUT", "/api/v1/admin/7")).await;
        assert_eq!(body(&app, "/products/7").await, "7 costs 10");
        assert_eq!(body(&app, "/admin/7").await, "admin of 7, run 3");
    }
}

#[tokio::test]
async fn what_is_not_there_yet_is_found_as_soon_as_it_is() {
    let (shop, [cache, _]) = (Shop::default(), two(&table()).await);
    let app = app(&shop, &cache);
    for path in ["/products/7", "/products/tea", "/nowhere"] {
        let status = ask(&app, &format!("/api/v1{path}")).await.status;
        assert!([400, 404].contains(&status), "{path}: {status}");
    }
    set_price(&app, "7", "10").await;
    assert_eq!(body(&app, "/products/7").await, "7 costs 10");
    // What was refused made nothing stale.
    let runs = shop.runs.count();
    assert_eq!(set_price(&app, "7", "cheap").await.status, 400);
    assert_eq!(body(&app, "/products/7").await, "7 costs 10");
    assert_eq!(shop.runs.count(), runs);
}

/// As tests of an application have it: made once, asked in the runtime of each test.
static APP: LazyLock<Router> = LazyLock::new(|| {
    let cache = Cache::builder().routes(table()).build().unwrap();
    app(&Shop::default(), &cache)
});

#[test]
fn an_application_in_a_static_serves_in_one_runtime_after_the_other() {
    for (price, before) in [("10", ""), ("12", "7 costs 10"), ("14", "7 costs 12")] {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            assert_eq!(body(&APP, "/products/7").await, before);
            assert_eq!(set_price(&APP, "7", price).await.status, 204);
            for _ in 0..2 {
                let expected = format!("7 costs {price}");
                assert_eq!(body(&APP, "/products/7").await, expected);
            }
        });
    }
}
