//! Two instances of a gRPC service in one process, each with its own memory, on one bus.
//!
//! ```text
//! cargo run --example tonic_catalog
//! ```
//!
//! It tells what happened and ends with 0 if the story holds: the second call of an
//! instance comes from memory, a write on one instance is seen on both, also one that ends
//! in an error, and nobody is answered whom the interceptor does not let in.
#![allow(
    clippy::disallowed_methods,
    reason = "an example measures real time and owns its tasks until it ends"
)]

#[allow(
    missing_docs,
    unused_qualifications,
    unreachable_pub,
    unused_imports,
    clippy::all,
    clippy::allow_attributes_without_reason,
    reason = "it is generated from `catalog.proto`"
)]
mod generated {
    include!("generated.rs");
}
mod service;

use generated::catalog_client::CatalogClient;
use generated::catalog_server::CatalogServer;
use generated::{GetRequest, Product, RenameRequest};
use service::Database;
use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};
use tonic::service::InterceptorLayer;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Code, Request, Status};
use tower_coherence::bus::Local;
use tower_coherence::policy::Authorization;
use tower_coherence::{Cache, Policy, RouteTable};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// No instance answers with what is stale for longer than this after a write.
const BOUND: Duration = Duration::from_secs(3);

/// Who asks, as the interceptor has found out.
#[derive(Clone)]
struct Caller;

/// Runs *outside* the cache, so for hits too. `with_interceptor` would be inside.
fn check(mut request: Request<()>) -> Result<Request<()>, Status> {
    match request.metadata().get("authorization") {
        Some(token) if token == "Bearer secret" => {
            request.extensions_mut().insert(Caller);
            Ok(request)
        }
        _ => Err(Status::unauthenticated("who are you?")),
    }
}

fn routes() -> Result<RouteTable, tower_coherence::Error> {
    // All who come this far may see all products, and the proof is that they have come
    // past the interceptor.
    let products = Policy::lifetime(Duration::from_secs(600))
        .authorization(Authorization::AlreadyChecked)
        .requires::<Caller>();
    RouteTable::builder()
        .rpc_read("/catalog.Catalog/Get", products)
        .build()
}

/// An instance: its cache, its server, and a client of it.
async fn instance(bus: Local, database: Database) -> Outcome<CatalogClient<Channel>> {
    let cache = Cache::builder().bus(bus).routes(routes()?).build()?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let server = Server::builder()
        .layer(InterceptorLayer::new(check))
        .layer(cache.layer().resume(tonic::body::Body::new))
        .add_service(CatalogServer::new(database))
        .serve_with_incoming(TcpIncoming::from(listener));
    tokio::spawn(server);
    let endpoint = Endpoint::from_shared(format!("http://{address}"))?;
    Ok(CatalogClient::new(endpoint.connect().await?))
}

fn by_caller<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    let token = tonic::metadata::MetadataValue::from_static("Bearer secret");
    request.metadata_mut().insert("authorization", token);
    request
}

async fn name(client: &mut CatalogClient<Channel>) -> Result<String, Status> {
    let product = client.get(by_caller(GetRequest { id: 7 })).await?;
    Ok(product.into_inner().name)
}

async fn rename(client: &mut CatalogClient<Channel>, name: &str) -> Result<Product, Status> {
    let name = name.to_owned();
    let renamed = client.rename(by_caller(RenameRequest { id: 7, name }));
    Ok(renamed.await?.into_inner())
}

/// Says it, and fails where it is not so.
fn tell(what: &str, holds: bool) -> Outcome<()> {
    println!("{} {what}", if holds { "yes" } else { "NO " });
    holds.then_some(()).ok_or_else(|| what.into())
}

/// Whether this instance answers with the new name within the bound.
async fn hears(client: &mut CatalogClient<Channel>, new: &str) -> bool {
    let heard = async {
        while name(client).await.ok().as_deref() != Some(new) {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(BOUND, heard).await.is_ok()
}

async fn story() -> Outcome<()> {
    let (bus, database) = (Local::new(), Database::default());
    database.write(7, "lamp");
    let mut a = instance(bus.clone(), database.clone()).await?;
    let mut b = instance(bus, database.clone()).await?;

    for client in [&mut a, &mut b] {
        name(client).await?;
        let reads = database.reads();
        let again = name(client).await?;
        let from_memory = again == "lamp" && database.reads() == reads;
        tell("the second call comes from memory", from_memory)?;
    }
    let stranger = a.get(Request::new(GetRequest { id: 7 })).await;
    let refused = stranger.is_err_and(|status| status.code() == Code::Unauthenticated);
    tell(
        "a stranger is answered by the interceptor, not from memory",
        refused,
    )?;

    rename(&mut a, "torch").await?;
    tell(
        "who writes sees the write at once",
        name(&mut a).await? == "torch",
    )?;
    tell(
        "the other instance hears of it",
        hears(&mut b, "torch").await,
    )?;

    let failed = rename(&mut b, "").await;
    tell("a write fails after its commit", failed.is_err())?;
    tell("who writes sees that too", name(&mut b).await?.is_empty())?;
    tell("and so does the other instance", hears(&mut a, "").await)
}

#[tokio::main]
async fn main() -> ExitCode {
    match story().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("it did not hold: {error}");
            ExitCode::FAILURE
        }
    }
}
