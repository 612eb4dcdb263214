//! The example `axum_shop`, started as a process, and talked to.

use crate::patience::eventually;
use http::header::{CACHE_STATUS, COOKIE, SET_COOKIE};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

const ROUTES: &str = include_str!("../../examples/axum_shop/routes.toml");
const SETTLE: &str = "settle = \"450ms\"\n";

const PATIENCE: Duration = Duration::from_secs(30);

/// Killed when dropped, and its data with it.
struct Shop {
    child: Child,
    data: PathBuf,
    output: BufReader<ChildStdout>,
    /// Where A and B listen.
    a: String,
    b: String,
    client: Client<HttpConnector, Full<bytes::Bytes>>,
}

#[derive(Debug)]
struct Answer {
    status: u16,
    hit: bool,
    /// `name=value` of the cookie that it sets.
    cookie: Option<String>,
    says: Value,
}

fn shop(arguments: &[&str]) -> Command {
    let mut command = Command::new(crate::caching_proxy::example("axum_shop"));
    command.args(arguments).env_remove("REDIS_URL");
    command
}

/// A file of the test's own, with this text.
fn file(text: &str) -> PathBuf {
    let path = fresh_path();
    std::fs::write(&path, text).unwrap();
    path
}

fn fresh_path() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("tower-coherence-shop-{}-{number}", std::process::id());
    std::env::temp_dir().join(name)
}

impl Shop {
    fn start() -> Self {
        Self::of(shop(&[]))
    }

    /// The replica stands still, for as long as the bound allows for at least. Its settle
    /// window, as a line of the file.
    fn with_held_replica(settle: &str) -> Self {
        assert!(ROUTES.contains(SETTLE));
        let routes = file(&ROUTES.replace(SETTLE, settle));
        let mut command = shop(&["--hold-replica", "--lag", "60000", "--routes"]);
        command.arg(&routes);
        let shop = Self::of(command);
        std::fs::remove_file(routes).unwrap();
        shop
    }

    fn of(mut command: Command) -> Self {
        let data = fresh_path();
        let mut child = command
            .arg("--data")
            .arg(&data)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let a = line(&mut output, "A listens on ");
        let b = line(&mut output, "B listens on ");
        let client = Client::builder(TokioExecutor::new()).build(HttpConnector::new());
        Self {
            child,
            data,
            output,
            a,
            b,
            client,
        }
    }

    /// The replica knows now what was written until now.
    fn catch_up(&mut self) {
        self.child.stdin.as_ref().unwrap().write_all(b"\n").unwrap();
        line(&mut self.output, "the replica has caught up");
    }

    async fn ask(&self, method: &str, url: String, cookie: Option<&str>, content: Value) -> Answer {
        let mut request = http::Request::builder().method(method).uri(url);
        if let Some(cookie) = cookie {
            request = request.header(COOKIE, cookie);
        }
        let content = match content {
            Value::Null => bytes::Bytes::new(),
            content => content.to_string().into(),
        };
        let request = request
            .header("content-type", "application/json")
            .body(Full::new(content))
            .unwrap();
        let (parts, body) = self.client.request(request).await.unwrap().into_parts();
        let text = |name| Some(parts.headers.get(name)?.to_str().unwrap().to_owned());
        let cookie = text(SET_COOKIE).map(|line| line.split(';').next().unwrap().to_owned());
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status.as_u16(),
            hit: text(CACHE_STATUS).is_some_and(|status| status.contains("; hit")),
            cookie,
            says: serde_json::from_slice(&body).unwrap_or(Value::Null),
        }
    }

    async fn get(&self, at: &str, path: &str) -> Answer {
        self.get_with(at, path, None).await
    }

    async fn get_with(&self, at: &str, path: &str, cookie: Option<&str>) -> Answer {
        let url = format!("{at}{path}");
        self.ask("GET", url, cookie, Value::Null).await
    }

    async fn price(&self, at: &str, id: u32, price: i64) -> Answer {
        let url = format!("{at}/products/{id}");
        let answer = self.ask("PUT", url, None, json!({ "price": price })).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer
    }

    /// Asks until it is answered from memory.
    async fn warm(&self, at: &str, path: &str) -> Answer {
        eventually("a hit", PATIENCE, async || {
            Some(self.get(at, path).await).filter(|answer| answer.hit)
        })
        .await
    }

    /// Asks until the price is this, and looks that no other comes back before a hit.
    async fn changes(&self, at: &str, path: &str, price: i64) {
        eventually("the new price", PATIENCE, async || {
            (self.get(at, path).await.says["price"] == price).then_some(())
        })
        .await;
        eventually("a hit", PATIENCE, async || {
            let answer = self.get(at, path).await;
            assert_eq!(answer.says["price"], price, "the old is back");
            answer.hit.then_some(())
        })
        .await;
    }

    /// The session of a new customer, who has so many of a product in the cart.
    async fn customer(&self, name: &str, product: u32) -> String {
        let login = format!("{}/login", self.a);
        let login = self.ask("POST", login, None, json!({ "name": name })).await;
        let session = login.cookie.unwrap();
        let line = json!({ "product": product, "amount": 2 });
        let cart = format!("{}/cart", self.b);
        let added = self.ask("POST", cart, Some(&session), line).await;
        assert_eq!(added.status, 200);
        session
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        // Only fails if it has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.data);
    }
}

/// What follows these words in the next line that begins with them.
fn line(output: &mut BufReader<ChildStdout>, words: &str) -> String {
    let mut line = String::new();
    while output.read_line(&mut line).unwrap() > 0 {
        if let Some(rest) = line.strip_prefix(words) {
            return rest.trim_end().to_owned();
        }
        line.clear();
    }
    panic!("the shop has ended without saying {words:?}");
}

#[test]
fn the_shop_tells_its_story_and_it_holds() {
    let output = shop(&["--story"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    assert!(said.contains("The story holds."), "{said}");
}

#[test]
fn the_shop_says_what_it_does_not_understand() {
    for (arguments, named) in [
        (&["--sotry"][..], "--sotry"),
        (&["--lag"], "--lag"),
        (&["--port", "x"], "`x`"),
    ] {
        let output = shop(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(named), "{said}");
    }
}

#[test]
fn a_route_file_with_a_mistake_stops_the_shop_and_says_where_it_is() {
    let broken = file(&ROUTES.replace("lifetime = \"10m\"", "lifetime = 10"));
    let output = shop(&["--story", "--routes"])
        .arg(&broken)
        .output()
        .unwrap();
    std::fs::remove_file(broken).unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("line 6") && said.contains("10"), "{said}");
}

#[tokio::test]
async fn a_price_that_is_changed_on_one_instance_of_the_shop_changes_on_both() {
    let shop = Shop::start();
    let listed = "/products?category=tea&sort=price";
    for at in [&shop.a, &shop.b] {
        assert_eq!(shop.warm(at, "/products/1").await.says["price"], 100);
        assert_eq!(shop.warm(at, listed).await.says[0]["price"], 100);
    }
    shop.price(&shop.b, 1, 50).await;
    for at in [&shop.a, &shop.b] {
        shop.changes(at, "/products/1", 50).await;
        assert_eq!(shop.warm(at, listed).await.says[0]["price"], 50);
    }
}

#[tokio::test]
async fn what_the_worker_of_the_shop_changes_is_seen_on_both_instances() {
    let shop = Shop::start();
    for at in [&shop.a, &shop.b] {
        shop.warm(at, "/products/3").await;
    }
    let plan = json!({ "product": 3, "price": 7 });
    let url = format!("{}/planned-prices", shop.a);
    assert_eq!(shop.ask("POST", url, None, plan).await.status, 200);
    for at in [&shop.a, &shop.b] {
        shop.changes(at, "/products/3", 7).await;
    }
}

#[tokio::test]
async fn no_customer_of_the_shop_sees_what_is_another_ones() {
    let shop = Shop::start();
    let ada = shop.customer("Ada", 4).await;
    let bob = shop.customer("Bob", 5).await;
    for at in [&shop.a, &shop.b, &shop.a, &shop.b] {
        for (session, product) in [(&ada, 4), (&bob, 5)] {
            let cart = shop.get_with(at, "/cart", Some(session)).await;
            assert_eq!(cart.says, json!([{ "product": product, "amount": 2 }]));
            assert!(!cart.hit);
        }
        assert_eq!(shop.get(at, "/cart").await.status, 401);
    }
    let order = format!("{}/orders", shop.a);
    let placed = shop.ask("POST", order, Some(&ada), Value::Null).await;
    assert_eq!(placed.status, 200);
    for at in [&shop.a, &shop.b] {
        let own = shop.get_with(at, "/orders", Some(&ada)).await;
        assert_eq!(own.says, json!([{ "product": 4, "amount": 2 }]));
        let others = shop.get_with(at, "/orders", Some(&bob)).await;
        assert_eq!(others.says, json!([]));
        assert_eq!(shop.get(at, "/orders").await.status, 401);
    }
}

#[tokio::test]
async fn pages_of_the_shop_are_told_apart_by_the_query_parameters_that_they_read() {
    let shop = Shop::start();
    let at = &shop.a;
    let tea = shop.warm(at, "/search?q=green").await;
    for same in ["/search?q=green&utm_source=mail", "/search?x=1&q=green"] {
        let answer = shop.get(at, same).await;
        assert!(answer.hit, "{same}");
        assert_eq!(answer.says, tea.says);
    }
    let other = shop.get(at, "/search?q=cup").await;
    assert!(!other.hit);
    assert_eq!(other.says[0]["name"], "Cup");
    let first = shop.warm(at, "/products").await.says;
    for (differs, first_id) in [
        ("/products?page=2", 5),
        ("/products?category=coffee", 5),
        ("/products?sort=name", 5),
        ("/products?page=2&sort=name", 1),
    ] {
        let page = shop.get(at, differs).await;
        assert!(!page.hit, "{differs}");
        assert_ne!(page.says, first, "{differs}");
        assert_eq!(page.says[0]["id"], first_id, "{differs}");
    }
}

#[tokio::test]
async fn without_its_settle_window_what_the_replica_of_the_shop_said_sticks() {
    let mut shop = Shop::with_held_replica("");
    shop.price(&shop.a, 1, 50).await;
    assert_eq!(shop.get(&shop.a, "/products/1").await.says["price"], 100);
    shop.catch_up();
    let stale = shop.get(&shop.a, "/products/1").await;
    assert!(stale.hit);
    assert_eq!(stale.says["price"], 100);
}

#[tokio::test]
async fn with_its_settle_window_what_the_replica_of_the_shop_said_is_not_kept() {
    let mut shop = Shop::with_held_replica("settle = \"60s\"\n");
    shop.price(&shop.a, 1, 50).await;
    for _ in 0..2 {
        let old = shop.get(&shop.a, "/products/1").await;
        assert_eq!(old.says["price"], 100);
        assert!(!old.hit);
    }
    shop.catch_up();
    assert_eq!(shop.get(&shop.a, "/products/1").await.says["price"], 50);
}

#[tokio::test]
async fn who_wrote_on_one_instance_of_the_shop_sees_it_on_the_other_before_the_replica_does() {
    let shop = Shop::with_held_replica("settle = \"60s\"\n");
    for price in [50, 60, 70] {
        let written = shop.price(&shop.b, 1, price).await;
        let token = written.cookie.unwrap();
        assert!(token.starts_with("wrote="), "{token}");
        let own = shop.get_with(&shop.a, "/products/1", Some(&token)).await;
        assert_eq!(own.says["price"], price);
        assert_eq!(shop.get(&shop.a, "/products/1").await.says["price"], 100);
    }
}
