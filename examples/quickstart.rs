//! Two instances of one small shop, each with its own memory, on one bus.
//!
//! ```text
//! cargo run --example quickstart              # the bus is inside this process
//! REDIS_URL=redis://127.0.0.1/ cargo run --example quickstart
//! cargo run --example quickstart -- --serve   # keeps both up, for curl
//! ```
//!
//! It tells what happened and ends with 0 if the story holds: the second
//! request of an instance comes from memory, and a write on one instance is
//! seen on both.
#![allow(
    clippy::disallowed_methods,
    reason = "an example measures real time and owns its tasks until it ends"
)]

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Request, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Router, serve};
use http_body_util::BodyExt;
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use std::collections::HashMap;
use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};
use tower_coherence::bus::{Local, Redis};
use tower_coherence::{Cache, CacheContext, Tag};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// No instance serves an old answer for longer than this after a write.
const BOUND: Duration = Duration::from_secs(3);

/// What both instances read and write: the truth, 50 ms away.
#[derive(Clone, Default)]
struct Database {
    names: Arc<Mutex<HashMap<u64, String>>>,
    reads: Arc<AtomicU64>,
}

impl Database {
    async fn read(&self, id: u64) -> Option<String> {
        sleep(Duration::from_millis(50)).await;
        self.reads.fetch_add(1, Ordering::Relaxed);
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.get(&id).cloned()
    }

    fn write(&self, id: u64, name: String) {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.insert(id, name);
    }

    fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }
}

/// `GET /products/{id}`: may be answered from memory for a minute.
async fn show(
    cache: CacheContext,
    State(database): State<Database>,
    Path(id): Path<u64>,
) -> impl IntoResponse {
    cache.tag(Tag::of("product", id));
    match database.read(id).await {
        Some(name) => Ok(([(header::CACHE_CONTROL, "max-age=60")], name)),
        None => Err(StatusCode::NOT_FOUND),
    }
}

/// `PUT /products/{id}`: invalidates its own path, and here also what carries
/// the product's tag.
async fn rename(
    cache: CacheContext,
    State(database): State<Database>,
    Path(id): Path<u64>,
    name: String,
) -> String {
    cache.invalidate(Tag::of("product", id));
    let answer = format!("product {id} is now {name}");
    database.write(id, name);
    answer
}

fn shop(cache: &Cache, database: Database) -> Router {
    Router::new()
        .route("/products/{id}", get(show).put(rename))
        .layer(cache.layer())
        .with_state(database)
}

/// One cache for each instance, both on one bus.
fn caches() -> Outcome<[Cache; 2]> {
    if let Ok(url) = std::env::var("REDIS_URL") {
        println!("The bus is Redis.");
        let cache = || {
            Cache::builder()
                .bus(Redis::new(&url, "quickstart")?)
                .build()
        };
        return Ok([cache()?, cache()?]);
    }
    println!("The bus is inside this process; set REDIS_URL for one over Redis.");
    let bus = Local::new();
    let cache = || Cache::builder().bus(bus.clone()).build();
    Ok([cache()?, cache()?])
}

async fn start(router: Router) -> Outcome<SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    // Ends with the process.
    tokio::spawn(async move { serve(listener, router).await });
    Ok(address)
}

struct Customer {
    client: Client<HttpConnector, Body>,
    database: Database,
}

/// An answer, how long it took, and whether a handler had to run for it.
struct Answer {
    name: String,
    millis: f64,
    from_memory: bool,
}

impl Customer {
    async fn get(&self, address: SocketAddr) -> Outcome<Answer> {
        let reads = self.database.reads();
        let begun = Instant::now();
        let name = self.send("GET", address, "").await?;
        Ok(Answer {
            name,
            millis: begun.elapsed().as_secs_f64() * 1000.0,
            from_memory: self.database.reads() == reads,
        })
    }

    async fn send(&self, method: &str, address: SocketAddr, body: &'static str) -> Outcome<String> {
        let request = Request::builder()
            .method(method)
            .uri(format!("http://{address}/products/7"))
            .body(Body::from(body))?;
        let response = self.client.request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        expect(status.is_success(), "every request succeeds")?;
        Ok(String::from_utf8(body.to_vec())?)
    }
}

fn expect(holds: bool, sentence: &str) -> Outcome<()> {
    if holds {
        Ok(())
    } else {
        Err(format!("it does not hold that {sentence}").into())
    }
}

fn tell(who: &str, did: &str, answer: &Answer) {
    let Answer { name, millis, .. } = answer;
    println!("  {who}  {did:<34} {millis:>7.1} ms   {name}");
}

async fn warm(customer: &Customer, who: &str, address: SocketAddr) -> Outcome<()> {
    let miss = customer.get(address).await?;
    tell(who, "GET: the handler runs", &miss);
    let hit = customer.get(address).await?;
    tell(who, "GET: from memory", &hit);
    expect(!miss.from_memory, "a first request runs the handler")?;
    expect(hit.from_memory, "a second request is answered from memory")?;
    expect(
        miss.name == "tea" && hit.name == "tea",
        "both answers are the same",
    )
}

async fn story(customer: &Customer, a: SocketAddr, b: SocketAddr) -> Outcome<()> {
    warm(customer, "A", a).await?;
    warm(customer, "B", b).await?;

    let begun = Instant::now();
    customer.send("PUT", b, "coffee").await?;
    let millis = begun.elapsed().as_secs_f64() * 1000.0;
    println!("  B  {:<34} {millis:>7.1} ms", "PUT: coffee");

    let written = Instant::now();
    let mut answer = customer.get(a).await?;
    while answer.name != "coffee" {
        expect(written.elapsed() < BOUND, "A is fresh within the bound")?;
        sleep(Duration::from_millis(1)).await;
        answer = customer.get(a).await?;
    }
    tell("A", "GET: fresh, the handler runs", &answer);
    let waited = written.elapsed().as_secs_f64() * 1000.0 - answer.millis;
    println!("     A served the old name for {waited:.1} ms after the write's answer");

    let own = customer.get(b).await?;
    tell("B", "GET: the writer sees its write", &own);
    expect(own.name == "coffee", "the writer sees its write")?;
    for address in [a, b].repeat(10) {
        let later = customer.get(address).await?;
        expect(later.name == "coffee", "no older name ever comes back")?;
    }
    let again = customer.get(a).await?;
    tell("A", "GET: from memory again", &again);
    expect(again.from_memory, "the fresh answer is kept")
}

async fn run() -> Outcome<()> {
    let database = Database::default();
    database.write(7, "tea".to_owned());
    let [first, second] = caches()?;
    let a = start(shop(&first, database.clone())).await?;
    let b = start(shop(&second, database.clone())).await?;

    // Until then nothing is answered from memory, which is safe but dull.
    let coherent = async { tokio::join!(first.coherent(), second.coherent()) };
    let heard = timeout(Duration::from_secs(10), coherent).await;
    expect(heard.is_ok(), "the bus can be reached within 10 s")?;

    let customer = Customer {
        client: Client::builder(TokioExecutor::new()).build_http(),
        database,
    };
    story(&customer, a, b).await?;
    for (who, cache) in [("A", &first), ("B", &second)] {
        println!("\nInstance {who}\n{}", cache.stats());
    }
    println!("\nThe story holds.");

    if std::env::args().any(|argument| argument == "--serve") {
        println!("\nA and B are up until Ctrl-C:");
        println!("  curl -i http://{a}/products/7");
        println!("  curl -i -X PUT -d cocoa http://{b}/products/7");
        tokio::signal::ctrl_c().await?;
    }
    Ok(())
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
