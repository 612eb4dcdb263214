//! A shop on SQL with a worker, in small: two instances on one database.

use super::heard;
use crate::support::{Answer, request, request_with, send};
use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use rusqlite::Connection;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tower_coherence::bus::Local;
use tower_coherence::policy::{Inputs, WritePolicy};
use tower_coherence::{Cache, Invalidate, Policy, Publisher, RouteTable, Tag};

const SCHEMA: &str = "
    CREATE TABLE product (id INTEGER PRIMARY KEY, name TEXT, price INTEGER CHECK (price > 0));
    CREATE TABLE said (product INTEGER PRIMARY KEY);
    INSERT INTO product VALUES (7, 'green tea', 100), (42, 'black tea', 200), (43, 'cup', 300);";

#[derive(Clone)]
struct Sql(Arc<Mutex<Connection>>);

impl Sql {
    fn new() -> Self {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(SCHEMA).unwrap();
        Self(Arc::new(Mutex::new(connection)))
    }

    fn price(&self, id: i64) -> Option<i64> {
        let sql = "SELECT price FROM product WHERE id = ?1";
        let connection = self.0.lock().unwrap();
        connection.query_row(sql, [id], |row| row.get(0)).ok()
    }

    /// Each name that contains the text, with its price.
    fn search(&self, text: &str) -> String {
        let sql = "SELECT group_concat(name || ' ' || price, ', ')
            FROM product WHERE instr(name, ?1) > 0 ORDER BY id";
        let connection = self.0.lock().unwrap();
        connection.query_row(sql, [text], |row| row.get(0)).unwrap()
    }

    fn set(&self, id: i64, price: i64) -> rusqlite::Result<usize> {
        let sql = "UPDATE product SET price = ?2 WHERE id = ?1";
        self.0.lock().unwrap().execute(sql, (id, price))
    }

    /// The price, and that it is to be said, in one transaction.
    fn set_and_note(&self, id: i64, price: i64) {
        let mut connection = self.0.lock().unwrap();
        let both = connection.transaction().unwrap();
        let sql = "UPDATE product SET price = ?2 WHERE id = ?1";
        both.execute(sql, (id, price)).unwrap();
        both.execute("INSERT INTO said VALUES (?1)", [id]).unwrap();
        both.commit().unwrap();
    }

    fn noted(&self) -> Vec<i64> {
        let connection = self.0.lock().unwrap();
        let mut noted = connection.prepare("SELECT product FROM said").unwrap();
        let noted = noted.query_map((), |row| row.get(0)).unwrap();
        noted.map(Result::unwrap).collect()
    }
}

async fn item(State(sql): State<Sql>, Path(id): Path<i64>, fields: HeaderMap) -> String {
    let who = fields.get("cookie").map_or("", |it| it.to_str().unwrap());
    format!("{} {who}", sql.price(id).unwrap_or_default())
}

async fn found(State(sql): State<Sql>, Query(query): Query<HashMap<String, String>>) -> String {
    sql.search(&query["q"])
}

/// `PUT /products/7?price=150`. With `render=no` it fails after its commit.
async fn change(
    State(sql): State<Sql>,
    Path(id): Path<i64>,
    Query(query): Query<HashMap<String, String>>,
) -> StatusCode {
    match sql.set(id, query["price"].parse().unwrap()) {
        Ok(_) if query.contains_key("render") => StatusCode::INTERNAL_SERVER_ERROR,
        Ok(_) => StatusCode::OK,
        Err(_) => StatusCode::CONFLICT,
    }
}

fn table(cookies: Option<Inputs>) -> RouteTable {
    let kept = || Policy::lifetime(Duration::from_secs(600));
    let item = match cookies {
        Some(cookies) => kept().cookies(cookies),
        None => kept(),
    };
    let write = WritePolicy::new().tags(["product:{id:int}", "products"]);
    RouteTable::builder()
        .read("/products/{id}", item.tags(["product:{id:int}"]))
        .read("/search", kept().tags(["products"]))
        .write("/products/{id}", write)
        .build()
        .unwrap()
}

struct Shop {
    sql: Sql,
    bus: Local,
    caches: [Cache; 2],
    apps: [Router; 2],
}

impl Shop {
    fn new() -> Self {
        Self::with(None)
    }

    fn with(cookies: Option<Inputs>) -> Self {
        let (sql, bus) = (Sql::new(), Local::new());
        let table = table(cookies);
        let caches = [(); 2].map(|()| {
            let builder = Cache::builder().bus(bus.clone());
            builder.routes(table.clone()).build().unwrap()
        });
        let apps = caches.clone().map(|cache| {
            Router::new()
                .route("/products/{id}", get(item).put(change))
                .route("/search", get(found))
                .layer(cache.layer())
                .with_state(sql.clone())
        });
        Self {
            sql,
            bus,
            caches,
            apps,
        }
    }

    /// All that was invalidated anywhere is applied everywhere.
    async fn idle(&self) {
        heard(&self.caches).await;
        heard(&self.caches).await;
    }

    /// What both instances answer, and how many of them from memory.
    async fn both(&self, uri: &str) -> (String, u64) {
        let hits = || -> u64 { self.caches.iter().map(|cache| cache.stats().hits).sum() };
        let before = hits();
        let [a, b] = [self.ask(0, uri).await, self.ask(1, uri).await];
        assert_eq!(a.body, b.body);
        (a.body.trim_end().to_owned(), hits() - before)
    }

    async fn ask(&self, at: usize, uri: &str) -> Answer {
        send(&self.apps[at], request("GET", uri)).await
    }

    /// Has what both answer to these in their memories.
    async fn warm(&self, uris: &[&str]) {
        self.idle().await;
        for uri in uris {
            self.both(uri).await;
            assert_eq!(self.both(uri).await.1, 2, "{uri}");
        }
    }

    async fn put(&self, at: usize, uri: &str) -> u16 {
        send(&self.apps[at], request("PUT", uri)).await.status
    }
}

/// A worker: says what is noted, and only then forgets it.
async fn say(sql: &Sql, publisher: &Publisher) {
    for product in sql.noted() {
        let stale = Invalidate::tag(Tag::of("product", product)).and_tag("products");
        publisher.invalidate(stale).await;
        let connection = sql.0.lock().unwrap();
        let forget = "DELETE FROM said WHERE product = ?1";
        connection.execute(forget, [product]).unwrap();
    }
}

const WARM: &[&str] = &[
    "/products/7",
    "/products/042",
    "/search?q=tea",
    "/products/43",
];

#[tokio::test]
async fn a_price_that_is_changed_here_or_there_changes_each_page_that_says_it_and_no_other() {
    let shop = Shop::new();
    for at in [0, 1] {
        shop.warm(WARM).await;
        let price = 110 + at;
        let changed = shop.put(at, &format!("/products/7?price={price}")).await;
        assert_eq!(changed, 200);
        shop.idle().await;
        assert_eq!(shop.both("/products/7").await, (price.to_string(), 0));
        let found = format!("green tea {price}, black tea 200");
        assert_eq!(shop.both("/search?q=tea").await, (found, 0));
        assert_eq!(shop.both("/products/43").await, ("300".to_owned(), 2));
    }
}

#[tokio::test]
async fn the_worker_names_what_the_table_names_however_a_client_wrote_the_number() {
    let shop = Shop::new();
    let publisher = Publisher::new(shop.bus.clone()).unwrap();
    shop.warm(WARM).await;
    shop.sql.set_and_note(42, 210);
    say(&shop.sql, &publisher).await;
    shop.idle().await;
    assert_eq!(shop.both("/products/042").await, ("210".to_owned(), 0));
    let found = "green tea 100, black tea 210".to_owned();
    assert_eq!(shop.both("/search?q=tea").await, (found, 0));
    assert_eq!(shop.both("/products/43").await, ("300".to_owned(), 2));
}

#[tokio::test]
async fn a_worker_that_ended_between_its_commit_and_its_message_says_it_when_it_is_back() {
    let shop = Shop::new();
    shop.warm(WARM).await;
    // Its process ends here.
    shop.sql.set_and_note(7, 120);
    shop.idle().await;
    assert_eq!(shop.both("/products/7").await, ("100".to_owned(), 2));
    let publisher = Publisher::new(shop.bus.clone()).unwrap();
    say(&shop.sql, &publisher).await;
    shop.idle().await;
    assert_eq!(shop.both("/products/7").await, ("120".to_owned(), 0));
    assert!(shop.sql.noted().is_empty());
}

#[tokio::test]
async fn a_write_that_fails_after_its_commit_is_seen_everywhere_all_the_same() {
    let shop = Shop::new();
    shop.warm(WARM).await;
    assert_eq!(shop.put(1, "/products/7?price=130&render=no").await, 500);
    shop.idle().await;
    assert_eq!(shop.both("/products/7").await, ("130".to_owned(), 0));
}

#[tokio::test]
async fn a_write_that_the_database_refuses_costs_no_page() {
    let shop = Shop::new();
    shop.warm(WARM).await;
    assert_eq!(shop.put(1, "/products/7?price=0").await, 409);
    shop.idle().await;
    assert_eq!(shop.both("/products/7").await, ("100".to_owned(), 2));
}

/// The handler greets who has a cookie: kept for all, it would greet the next one too.
#[tokio::test]
async fn a_page_that_greets_a_customer_is_nobody_elses() {
    for cookies in [None, Some(Inputs::Hide), Some(Inputs::key(["session"]))] {
        let shop = Shop::with(cookies.clone());
        shop.idle().await;
        for _ in 0..2 {
            for who in ["session=ada", "session=bob", ""] {
                let mut greeted = request_with("GET", "/products/7", &[("cookie", who)]);
                if who.is_empty() {
                    greeted.headers_mut().remove("cookie");
                }
                let answer = send(&shop.apps[0], greeted).await.body;
                let for_all = who.is_empty() || cookies == Some(Inputs::Hide);
                let expected = if for_all { "" } else { who };
                assert_eq!(answer, format!("100 {expected}"), "{cookies:?}");
            }
        }
    }
}
