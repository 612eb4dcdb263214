//! A shop on SQLite: two instances, each with its own memory, and a worker.
//!
//! ```text
//! cargo run --features toml --example axum_shop               # until Ctrl-C; says what to try
//! cargo run --features toml --example axum_shop -- --story    # tries it itself; 0 if all holds
//! cargo run --features toml --example axum_shop -- --help
//! ```
//!
//! With `REDIS_URL=redis://127.0.0.1/` the instances and the worker meet on Redis, without it
//! inside the process.
//!
//! Which page is kept for whom is said in `routes.toml`; what lags, in `database`.
//!
//! | question | file |
//! | --- | --- |
//! | What may be answered from memory, and what makes it stale? | `routes.toml` |
//! | What do the pages say? | `catalog`, `customers` |
//! | What does an error look like? | `error` |
//! | Who writes beside the instances? | `worker` |
//! | Where is it kept? | `database`, `database/catalog`, `database/customers` |
//! | Does it hold? | `story`, by `browser` |
#![allow(
    clippy::disallowed_methods,
    reason = "an example owns its tasks until it ends"
)]

mod arguments;
mod browser;
mod catalog;
mod customers;
mod database;
mod error;
mod routes;
mod story;
mod worker;

use arguments::{Arguments, Asked};
use axum::Router;
use axum::routing::{get, post};
use database::{Database, Replica};
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tower_coherence::bus::{Local, Redis};
use tower_coherence::{Cache, CacheBuilder, Publisher};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// For what waits for the bus at the end.
const LAST_NEWS: Duration = Duration::from_secs(5);

/// Everything but the layer.
fn pages() -> Router<Database> {
    Router::new()
        .route("/products", get(catalog::list))
        .route(
            "/products/{id}",
            get(catalog::item).put(catalog::change_price),
        )
        .route("/search", get(catalog::search))
        .route("/planned-prices", post(catalog::plan_price))
        .route("/login", post(customers::login))
        .route("/cart", get(customers::cart).post(customers::add))
        .route("/orders", get(customers::orders).post(customers::order))
}

struct Instance {
    address: SocketAddr,
    cache: Cache,
    server: JoinHandle<io::Result<()>>,
}

async fn instance(
    cache: Cache,
    database: Database,
    port: u16,
    mut stop: watch::Receiver<()>,
) -> Outcome<Instance> {
    // The layer last: axum wraps what is above.
    let app = pages().layer(cache.layer()).with_state(database);
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let address = listener.local_addr()?;
    let server = axum::serve(listener, app).with_graceful_shutdown(async move {
        // The sender says nothing; it goes away.
        stop.changed().await.ok();
    });
    Ok(Instance {
        address,
        cache,
        server: tokio::spawn(server.into_future()),
    })
}

fn builder(arguments: &Arguments) -> Outcome<CacheBuilder> {
    // The settle window is to be shorter than the bound.
    let bound = Duration::from_secs(3).max(arguments.lag * 2);
    Ok(Cache::builder()
        .routes(routes::table(arguments.routes.as_deref())?)
        .staleness_bound(bound)
        .token_cookie("wrote"))
}

/// A cache for each instance and a publisher for the worker, all on one bus.
fn on_one_bus(arguments: &Arguments) -> Outcome<([Cache; 2], Publisher)> {
    let cache = || builder(arguments);
    if let Ok(url) = std::env::var("REDIS_URL") {
        println!("the bus is Redis");
        let bus = || Redis::new(&url, "axum-shop");
        let caches = [cache()?.bus(bus()?).build()?, cache()?.bus(bus()?).build()?];
        return Ok((caches, Publisher::new(bus()?)?));
    }
    println!("the bus is inside this process; set REDIS_URL for one over Redis");
    let bus = Local::new();
    let cache = || Outcome::Ok(cache()?.bus(bus.clone()).build()?);
    Ok(([cache()?, cache()?], Publisher::new(bus.clone())?))
}

/// The file with the data. Without `--data` it goes away at the end.
struct Data {
    directory: PathBuf,
    goes_away: bool,
}

impl Data {
    fn of(given: Option<&Path>) -> io::Result<Self> {
        let name = format!("axum-shop-{}", std::process::id());
        let own = || std::env::temp_dir().join(name);
        let directory = given.map_or_else(own, Path::to_owned);
        std::fs::create_dir_all(&directory)?;
        Ok(Self {
            directory,
            goes_away: given.is_none(),
        })
    }

    fn file(&self) -> PathBuf {
        self.directory.join("shop.db")
    }
}

impl Drop for Data {
    fn drop(&mut self) {
        if self.goes_away {
            std::fs::remove_dir_all(&self.directory).ok();
        }
    }
}

/// With `--hold-replica`: each line of the input lets it catch up. In a thread of its own,
/// since nobody can end its wait for a line.
fn let_go(database: Database) {
    let runtime = Handle::current();
    thread::spawn(move || {
        for _ in io::stdin().lines() {
            match runtime.block_on(database.catch_up()) {
                Ok(()) => println!("the replica has caught up"),
                Err(error) => eprintln!("the replica has not caught up: {error}"),
            }
        }
    });
}

async fn run(arguments: Arguments) -> Outcome<()> {
    let data = Data::of(arguments.data.as_deref())?;
    let file = data.file();
    let replica = Arc::new(Replica::new(arguments.lag, arguments.hold));
    let open = || Database::open(&file, &replica);
    let ([first, second], publisher) = on_one_bus(&arguments)?;
    let (stopping, stop) = watch::channel(());
    let (port, next) = arguments.ports();
    let a = instance(first, open()?, port, stop.clone()).await?;
    let b = instance(second, open()?, next, stop).await?;
    let worker = tokio::spawn(worker::run(open()?, publisher.clone()));
    if arguments.hold {
        let_go(open()?);
    }

    // Until then nothing is answered from memory, which is safe but dull.
    let coherent = async { tokio::join!(a.cache.coherent(), b.cache.coherent()) };
    if timeout(Duration::from_secs(10), coherent).await.is_err() {
        eprintln!("the bus cannot be reached: nothing is answered from memory until it is");
    }
    println!("A listens on http://{}", a.address);
    println!("B listens on http://{}", b.address);
    let outcome = if arguments.story {
        story::tell(a.address, b.address).await
    } else {
        print!("{}", story::to_try(a.address, b.address));
        tokio::signal::ctrl_c().await.map_err(Into::into)
    };
    worker.abort();
    drop(stopping);
    for Instance { cache, server, .. } in [a, b] {
        server.await??;
        let stats = cache.stats();
        cache.shutdown(LAST_NEWS).await;
        println!("\n{stats}");
    }
    publisher.shutdown(LAST_NEWS).await;
    outcome
}

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match Arguments::read(std::env::args().skip(1)) {
        Ok(Asked::Help) => {
            print!("{}", arguments::HELP);
            return ExitCode::SUCCESS;
        }
        Ok(Asked::Run(arguments)) => run(arguments).await,
        Err(mistake) => {
            eprintln!("{mistake}\n\n{}", arguments::HELP);
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
