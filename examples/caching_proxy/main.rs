//! A reverse proxy with the cache in front of any HTTP/1.1 origin.
//!
//! ```text
//! cargo run --example caching_proxy -- --origin http://127.0.0.1:8000 --listen 127.0.0.1:8080
//! cargo run --example caching_proxy -- --help
//! ```
//!
//! Clients speak HTTP/1.1, or HTTP/2 with prior knowledge. With `--redis` several
//! proxies in front of one origin are coherent: a write through one of them is seen
//! through all. It ends gracefully at SIGINT and SIGTERM.
#![allow(
    clippy::disallowed_methods,
    reason = "an example owns its tasks until it ends"
)]

mod arguments;
mod arrive;
mod fields;
mod forward;
mod serve;

use arguments::{Arguments, Asked, Profile};
use bytes::Bytes;
use forward::Origin;
use http::Response;
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use std::process::ExitCode;
use std::time::Duration;
use tokio::net::TcpListener;
use tower::{BoxError, ServiceBuilder, service_fn};
use tower_coherence::bus::Redis;
use tower_coherence::policy::{ClientDirectives, SetCookie, StatusHeader};
use tower_coherence::{Cache, CacheBody, Policy};

/// The body of each message, whichever way it goes.
type Body = UnsyncBoxBody<Bytes, hyper::Error>;

/// What is left of clients is dropped when this has passed after the signal.
const LAST_CLIENTS: Duration = Duration::from_secs(10);
/// For what waits for the bus then.
const LAST_NEWS: Duration = Duration::from_secs(5);

/// The defaults of the library.
fn safe() -> Policy {
    Policy::from_headers()
}

/// What the RFCs let a shared cache do: cookies are stored, lifetimes are guessed, errors
/// are kept for as long as they say, what is stale stands in for them, and clients have a
/// say.
fn strict() -> Policy {
    Policy::from_headers()
        .set_cookie(SetCookie::Store)
        .heuristics()
        .errors_at_most(Duration::MAX)
        .client_directives(ClientDirectives::Heed)
        .stale_if_error(Duration::from_secs(60))
}

fn cache(arguments: &Arguments) -> Result<Cache, BoxError> {
    // The fields are those of the origin, and not for this cache alone.
    let mut builder = Cache::builder()
        .status_name("caching-proxy")
        .forward_groups();
    builder = match arguments.profile {
        Profile::Safe => builder.default_policy(safe().cache_status(StatusHeader::On)),
        Profile::Strict => builder
            .default_policy(strict().cache_status(StatusHeader::On))
            .targeted_fields(fields::TARGETED),
    };
    if let Some(url) = &arguments.redis {
        builder = builder.bus(Redis::new(url, &arguments.namespace)?);
    }
    Ok(builder.build()?)
}

async fn run(arguments: Arguments) -> Result<(), BoxError> {
    let cache = cache(&arguments)?;
    let listen = &arguments.listen;
    let listener = TcpListener::bind(listen).await;
    let listener = listener.map_err(|error| format!("cannot listen on {listen}: {error}"))?;
    let origin = Origin::new(arguments.origin.clone(), arguments.timeout);
    // The trouble of the origin becomes a response inside the cache, which may then
    // answer with something better.
    let service = ServiceBuilder::new()
        .boxed_clone()
        .map_response(|response: Response<CacheBody<Body>>| response.map(BodyExt::boxed_unsync))
        .layer(cache.layer())
        .service(service_fn(move |request| {
            let origin = origin.clone();
            async move { Ok(origin.answer(request).await) }
        }));
    let stop = serve::signal()?;
    let (address, origin) = (listener.local_addr()?, &arguments.origin);
    println!("listening on {address} for {origin}");
    let authority = arguments.origin.clone();
    serve::until(stop, listener, service, authority, LAST_CLIENTS).await;
    let stats = cache.stats();
    let unsent = cache.shutdown(LAST_NEWS).await;
    println!("{stats}");
    if !unsent.is_nothing() {
        println!("left undone: {unsent:?}");
    }
    Ok(())
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
