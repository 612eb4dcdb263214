//! A GraphQL service in small: queries and mutations by POST to one URL, persisted queries
//! by GET, two instances on one database.

use crate::support::{Answer, Runs, read, request_with};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::routing::any;
use bytes::Bytes;
use http::request;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tower::ServiceExt;
use tower_coherence::policy::{Class, OwnPath, WritePolicy};
use tower_coherence::test_util::instances;
use tower_coherence::{Cache, CacheContext, Policy, Tag};

const PRODUCT: &str = "query Product($id: Int!) { product(id: $id) { name } }";
const RENAME: &str = "mutation Rename($id: Int!, $name: String!) { rename(id: $id, name: $name) }";
const PERSISTED: &str = "/graphql?hash=product&id=7";

/// What the instances share.
#[derive(Clone, Default)]
struct Shop {
    names: Arc<Mutex<BTreeMap<u64, String>>>,
    runs: Runs,
}

/// What a request asks for.
struct Operation {
    text: String,
    variables: Value,
}

impl Operation {
    fn of(content: &[u8]) -> Option<Self> {
        let asked: Value = serde_json::from_slice(content).ok()?;
        Some(Self {
            text: asked["query"].as_str()?.to_owned(),
            variables: asked["variables"].clone(),
        })
    }

    /// By a hash that the service knows, as a GET names it.
    fn persisted(query: &str) -> Option<Self> {
        let id: u64 = query.strip_prefix("hash=product&id=")?.parse().ok()?;
        Some(Self {
            text: PRODUCT.to_owned(),
            variables: json!({ "id": id }),
        })
    }

    /// Equal where the operation means the same: white space and the order of the
    /// variables do not count.
    fn key(&self) -> String {
        let words: Vec<_> = self.text.split_whitespace().collect();
        format!("{}\n{}", words.join(" "), self.variables)
    }
}

fn class(request: &request::Parts, content: &Bytes) -> Class {
    if request.method == "GET" || request.method == "HEAD" {
        // Its URI says all.
        let key = String::new();
        let persisted = request.uri.query().and_then(Operation::persisted);
        return persisted.map_or(Class::Bypass, |_| Class::Read { key });
    }
    let Some(operation) = Operation::of(content) else {
        return Class::Bypass;
    };
    match operation.text.split_whitespace().next() {
        Some("query") => Class::Read {
            key: operation.key(),
        },
        Some("mutation") => Class::Write,
        _ => Class::Bypass,
    }
}

/// What is kept for a minute: no answer with errors, which have the status 200 as well.
fn minutely() -> Policy {
    Policy::lifetime(Duration::from_secs(60)).store_if(|_, _, body| {
        let answer: Result<Value, _> = serde_json::from_slice(body);
        answer.is_ok_and(|answer| answer.get("errors").is_none())
    })
}

/// With a field that many a GraphQL server sends whatever it answers.
async fn answer(
    State(shop): State<Shop>,
    cache: CacheContext,
    request: axum::extract::Request,
) -> ([(&'static str, &'static str); 1], String) {
    let answer = told(&shop, &cache, request).await;
    ([("cache-control", "public")], answer.to_string())
}

async fn told(shop: &Shop, cache: &CacheContext, request: axum::extract::Request) -> Value {
    let run = shop.runs.next();
    let (parts, body) = request.into_parts();
    let content = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let operation = match parts.method.as_str() {
        "GET" => parts.uri.query().and_then(Operation::persisted),
        _ => Operation::of(&content),
    };
    let Some(operation) = operation else {
        return json!({ "errors": ["unknown"], "run": run });
    };
    if operation.text.starts_with("subscription") {
        return json!({ "data": { "events": [] }, "run": run });
    }
    let variables = &operation.variables;
    let id = variables["id"].as_u64().unwrap_or_default();
    let mut names = shop.names.lock().unwrap();
    if let Some(name) = variables["name"].as_str() {
        names.insert(id, name.to_owned());
        cache.invalidate(Tag::of("product", id));
    }
    cache.tag(Tag::of("product", id));
    match (names.get(&id), parts.headers.get("cookie")) {
        (Some(name), None) => json!({ "data": { "name": name }, "run": run }),
        (Some(name), Some(_)) => json!({ "data": { "name": name, "price": 8 }, "run": run }),
        (None, _) => json!({ "errors": ["no such product"], "data": null, "run": run }),
    }
}

struct Instance {
    app: Router,
    cache: Cache,
}

impl Instance {
    fn new(cache: &Cache, shop: &Shop, policy: Policy) -> Self {
        // Mutations say by tags what they make stale, so that the persisted queries, which
        // are of the same path, stay.
        let writes = WritePolicy::new().own_path(OwnPath::Off);
        let layer = cache.layer().policy(policy).write_policy(writes);
        let app = Router::new().route("/graphql", any(answer));
        Self {
            app: app.with_state(shop.clone()).layer(layer.replay(Body::from)),
            cache: cache.clone(),
        }
    }

    async fn send(&self, request: axum::extract::Request) -> Answer {
        let Ok(response) = self.app.clone().oneshot(request).await;
        read(response).await
    }

    async fn post_with(&self, lines: &[(&str, &str)], content: String) -> Value {
        let json = [("content-type", "application/json")];
        let lines = [&json[..], lines].concat();
        let mut request = request_with("POST", "/graphql", &lines);
        *request.body_mut() = content.into();
        serde_json::from_str(&self.send(request).await.body).unwrap()
    }

    async fn post(&self, query: &str, variables: Value) -> Value {
        let content = json!({ "query": query, "variables": variables });
        self.post_with(&[], content.to_string()).await
    }

    async fn product(&self, id: u64) -> Value {
        self.post(PRODUCT, json!({ "id": id })).await
    }

    async fn persisted(&self) -> Value {
        let answer = self.send(request_with("GET", PERSISTED, &[])).await;
        serde_json::from_str(&answer.body).unwrap()
    }
}

/// Two instances of a shop with the products 7 and 8.
fn pair() -> (Shop, [Instance; 2]) {
    let shop = Shop::default();
    for (id, name) in [(7, "lamp"), (8, "desk")] {
        shop.names.lock().unwrap().insert(id, name.to_owned());
    }
    let new = |cache| Instance::new(&cache, &shop, minutely().classify(class));
    (shop.clone(), instances::<2>().map(new))
}

#[tokio::test]
async fn a_query_by_post_is_answered_from_memory_by_what_it_means() {
    let (shop, [a, _]) = pair();
    let first = a.product(7).await;
    assert_eq!(first, json!({ "data": { "name": "lamp" }, "run": 1 }));
    assert_eq!(a.product(7).await, first);
    let spread = PRODUCT.replace(' ', "\n  ");
    assert_eq!(a.post(&spread, json!({ "id": 7 })).await, first);
    let other = r#"{"variables":{"id":7},  "query":"query Product($id: Int!) { product(id: $id) { name } }"}"#;
    assert_eq!(a.post_with(&[], other.to_owned()).await, first);
    assert_eq!(a.product(8).await["data"]["name"], "desk");
    let other = PRODUCT.replace("name", "title");
    a.post(&other, json!({ "id": 7 })).await;
    assert_eq!(shop.runs.count(), 3);
}

#[tokio::test]
async fn a_mutation_removes_from_all_instances_what_it_changed_and_nothing_else() {
    let (_, [a, b]) = pair();
    for instance in [&a, &b] {
        instance.product(7).await;
        instance.product(8).await;
        instance.persisted().await;
    }
    let desk = [a.product(8).await, b.product(8).await];
    let changed = a.post(RENAME, json!({ "id": 7, "name": "lantern" })).await;
    assert_eq!(changed["data"]["name"], "lantern");
    b.cache.idle().await.unwrap();
    for instance in [&a, &b] {
        assert_eq!(instance.product(7).await["data"]["name"], "lantern");
        assert_eq!(instance.persisted().await["data"]["name"], "lantern");
    }
    assert_eq!([a.product(8).await, b.product(8).await], desk);
    // A mutation is never answered from memory, and may follow itself.
    let again = a.post(RENAME, json!({ "id": 7, "name": "lantern" })).await;
    assert_ne!(again, changed);
    assert_eq!(a.cache.stats().writes, 2);
}

#[tokio::test]
async fn errors_with_200_are_not_kept() {
    let (shop, [a, _]) = pair();
    let missing = a.product(9).await;
    assert_eq!(missing["errors"][0], "no such product");
    assert_ne!(a.product(9).await, missing);
    shop.names.lock().unwrap().insert(9, "chair".to_owned());
    assert_eq!(a.product(9).await["data"]["name"], "chair");
    assert_eq!(a.cache.stats().refusals["store-if"], 2);
}

#[tokio::test]
async fn an_unknown_operation_runs_each_time_and_drops_nothing() {
    let (shop, [a, _]) = pair();
    let kept = [a.product(7).await, a.persisted().await];
    let unknown = [
        json!({ "query": "subscription { x }" }).to_string(),
        json!({ "id": "a hash" }).to_string(),
        "not json".to_owned(),
    ];
    for content in unknown {
        let runs = shop.runs.count();
        a.post_with(&[], content.clone()).await;
        a.post_with(&[], content).await;
        assert_eq!(shop.runs.count(), runs + 2);
    }
    assert_eq!(a.cache.stats().bypasses["classify"], 6);
    assert_eq!([a.product(7).await, a.persisted().await], kept);
}

#[tokio::test]
async fn who_asks_with_a_session_is_not_answered_with_what_others_got() {
    let (_, [a, _]) = pair();
    let content = json!({ "query": PRODUCT, "variables": { "id": 7 } }).to_string();
    let session = [("cookie", "session=1")];
    let price = async |lines| a.post_with(lines, content.clone()).await["data"]["price"].clone();
    for _ in 0..2 {
        // Whoever comes first.
        assert_eq!(price(&session).await, 8);
        assert_eq!(price(&[]).await, Value::Null);
    }
    assert_eq!(a.cache.stats().hits, 1);
}

/// The dangerous default: to HTTP each POST is a write to its path.
#[tokio::test]
async fn without_classify_each_query_by_post_drops_the_persisted_ones() {
    let (shop, [a, _]) = pair();
    let kept = a.persisted().await;
    a.product(7).await;
    assert_eq!(a.persisted().await, kept);
    let [cache] = instances();
    let layer = cache.layer().policy(minutely());
    let app = Router::new().route("/graphql", any(answer));
    let plain = Instance {
        app: app.with_state(shop).layer(layer.replay(Body::from)),
        cache,
    };
    let first = plain.persisted().await;
    assert_eq!(plain.persisted().await, first);
    let asked = plain.product(7).await;
    assert_ne!(plain.product(7).await, asked);
    assert_ne!(plain.persisted().await, first);
}
