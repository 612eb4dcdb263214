//! A service with many tenants: one URL has a page for each. Who asks is known by a key
//! that a layer outside the cache looks at.

use super::{heard, two};
use crate::support::{Runs, request_with, send};
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tower_coherence::policy::WritePolicy;
use tower_coherence::{Cache, CacheContext, Invalidate, Policy, RouteTable, Scope, Tag};

const HOUR: Duration = Duration::from_secs(3600);

#[derive(Clone)]
struct Tenant(String);

#[derive(Clone, Default)]
struct Projects {
    names: Arc<Mutex<BTreeMap<(String, u64), String>>>,
    runs: Runs,
}

/// Answers 401 to a key that nobody has; without a key there is no tenant.
async fn who_asks(mut request: Request, next: Next) -> Response {
    if let Some(key) = request.headers_mut().remove("x-api-key") {
        let key = key.to_str().unwrap_or_default();
        let Some(name) = key.strip_prefix("key-of-") else {
            return StatusCode::UNAUTHORIZED.into_response();
        };
        let tenant = Tenant(name.to_owned());
        request.extensions_mut().insert(tenant);
    }
    next.run(request).await
}

async fn show(
    State(projects): State<Projects>,
    Extension(Tenant(tenant)): Extension<Tenant>,
    Path(id): Path<u64>,
    cache: CacheContext,
) -> String {
    projects.runs.next();
    // Every tenant has a tag of this name.
    cache.tag("team");
    let names = projects.names.lock().unwrap();
    let name = names.get(&(tenant.clone(), id));
    format!("{tenant}: {}", name.map_or("unnamed", String::as_str))
}

async fn rename(
    State(projects): State<Projects>,
    Extension(Tenant(tenant)): Extension<Tenant>,
    Path(id): Path<u64>,
    name: String,
) -> &'static str {
    projects.names.lock().unwrap().insert((tenant, id), name);
    "renamed"
}

async fn move_team(cache: CacheContext) -> &'static str {
    cache.invalidate(Tag::new("team"));
    "moved"
}

async fn landing(State(projects): State<Projects>, tenant: Option<Extension<Tenant>>) -> String {
    let run = projects.runs.next();
    let name = tenant.map_or("stranger".to_owned(), |tenant| tenant.0.0);
    format!("{name}, run {run}")
}

fn tenant(request: &http::request::Parts) -> Option<Scope> {
    Some(Scope::new(&request.extensions.get::<Tenant>()?.0))
}

fn routes() -> RouteTable {
    let cached = || Policy::lifetime(HOUR).scope(tenant);
    RouteTable::builder()
        .default_policy(cached())
        .read("/projects/{id}", cached().tags(["project:{id:int}"]))
        .write("/team", WritePolicy::new().scope(tenant))
        .build()
        .unwrap()
}

fn app(projects: &Projects, cache: &Cache) -> Router {
    Router::new()
        .route("/", get(landing))
        .route("/projects/{id}", get(show).put(rename))
        .route("/team", get(landing).post(move_team))
        .with_state(projects.clone())
        .layer(cache.layer())
        .layer(from_fn(who_asks))
}

struct Rig {
    projects: Projects,
    caches: [Cache; 2],
    apps: [Router; 2],
}

impl Rig {
    async fn new() -> Self {
        let projects = Projects::default();
        let caches = two(&routes()).await;
        let apps = [app(&projects, &caches[0]), app(&projects, &caches[1])];
        Self {
            projects,
            caches,
            apps,
        }
    }

    async fn ask(&self, instance: usize, tenant: &str, method: &str, uri: &str) -> String {
        let key = format!("key-of-{tenant}");
        let mut request = request_with(method, uri, &[("x-api-key", &key)]);
        if method == "PUT" {
            *request.body_mut() = format!("new of {tenant}").into();
        }
        let answer = send(&self.apps[instance], request).await;
        assert_eq!(answer.status, 200, "{method} {uri}");
        heard(&self.caches).await;
        answer.body
    }

    async fn page(&self, instance: usize, tenant: &str) -> String {
        self.ask(instance, tenant, "GET", "/projects/7").await
    }

    /// Both tenants have their pages in the memory of both instances.
    async fn warm(&self) {
        for tenant in ["a", "b"] {
            for instance in [0, 1] {
                self.page(instance, tenant).await;
            }
        }
    }

    /// On how many instances this tenant's page has to be made again.
    async fn stale(&self, tenant: &str) -> u64 {
        let before = self.projects.runs.count();
        for instance in [0, 1] {
            self.page(instance, tenant).await;
        }
        self.projects.runs.count() - before
    }
}

#[tokio::test]
async fn one_url_has_a_page_for_each_tenant_and_none_sees_anothers() {
    let rig = Rig::new().await;
    for _ in 0..3 {
        for instance in [0, 1] {
            assert_eq!(rig.page(instance, "a").await, "a: unnamed");
            assert_eq!(rig.page(instance, "b").await, "b: unnamed");
        }
    }
    assert_eq!(rig.projects.runs.count(), 4);
}

#[tokio::test]
async fn a_write_of_a_tenant_is_seen_on_each_instance_and_purges_nothing_of_another() {
    let rig = Rig::new().await;
    rig.warm().await;
    rig.ask(1, "a", "PUT", "/projects/7").await;
    assert_eq!(rig.stale("b").await, 0);
    assert_eq!(rig.stale("a").await, 2);
    for instance in [0, 1] {
        assert_eq!(rig.page(instance, "a").await, "a: new of a");
        assert_eq!(rig.page(instance, "b").await, "b: unnamed");
    }
}

#[tokio::test]
async fn a_tag_that_both_tenants_have_purges_only_the_pages_of_the_one_that_writes() {
    let rig = Rig::new().await;
    rig.warm().await;
    rig.ask(0, "b", "POST", "/team").await;
    assert_eq!(rig.stale("a").await, 0);
    assert_eq!(rig.stale("b").await, 2);
}

#[tokio::test]
async fn one_tenant_is_cleared_everywhere_and_the_other_keeps_its_pages() {
    let rig = Rig::new().await;
    rig.warm().await;
    rig.caches[0]
        .scope("a")
        .invalidate(Invalidate::everything())
        .await;
    heard(&rig.caches).await;
    assert_eq!(rig.stale("b").await, 0);
    assert_eq!(rig.stale("a").await, 2);
}

#[tokio::test]
async fn who_has_no_tenant_is_answered_by_the_handler_and_leaves_nothing_behind() {
    let rig = Rig::new().await;
    let stranger = async || send(&rig.apps[0], request_with("GET", "/", &[])).await.body;
    assert_eq!(stranger().await, "stranger, run 1");
    assert_eq!(stranger().await, "stranger, run 2");
    assert_eq!(rig.ask(0, "a", "GET", "/").await, "a, run 3");
    assert_eq!(rig.ask(0, "a", "GET", "/").await, "a, run 3");
    assert_eq!(stranger().await, "stranger, run 4");
    let wrong = request_with("GET", "/", &[("x-api-key", "guessed")]);
    assert_eq!(send(&rig.apps[0], wrong).await.status, 401);
}
