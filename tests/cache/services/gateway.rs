//! A gateway without a framework: plain hyper in front of the origins of several hosts,
//! over real connections.

use super::{heard, two};
use crate::held::spawn;
use crate::support::Runs;
use crate::wire::{Boxed, Came, Server};
use axum::http::{HeaderMap, Request, Response, StatusCode};
use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpStream;
use tower::{ServiceBuilder, service_fn};
use tower_coherence::policy::{Authorization, Inputs};
use tower_coherence::{Cache, Policy, RouteTable};

/// What an origin has seen.
#[derive(Clone, Default)]
struct Seen {
    runs: Runs,
    heads: Arc<Mutex<Vec<HeaderMap>>>,
}

/// An origin that says who it is, and for whom.
async fn origin(name: &'static str, seen: &Seen) -> Server {
    let seen = seen.clone();
    Server::hyper(service_fn(move |request: Request<Incoming>| {
        let (run, name) = (seen.runs.next(), name);
        let headers = request.headers().clone();
        let user = headers.get("authorization").map(|it| it.to_str().unwrap());
        let text = format!("{name} for {}, run {run}", user.unwrap_or("all"));
        seen.heads.lock().unwrap().push(headers);
        let response = Response::builder().header("cache-control", "max-age=60");
        let response = response.body(http_body_util::Full::<Bytes>::from(text));
        async move { Ok::<_, Infallible>(response.unwrap()) }
    }))
    .await
}

type Failure = Box<dyn Error + Send + Sync>;
type GatewayBody = UnsyncBoxBody<Bytes, hyper::Error>;

/// Where the origin of a host is.
type Hosts = Arc<[(&'static str, SocketAddr)]>;

async fn forward(hosts: Hosts, request: Request<Boxed>) -> Result<Response<GatewayBody>, Failure> {
    let host = request
        .headers()
        .get("host")
        .and_then(|it| it.to_str().ok());
    let host = host.unwrap_or_default().to_ascii_lowercase();
    let known = hosts.iter().find(|(known, _)| *known == host);
    let Some((_, address)) = known else {
        let mut lost = Response::new(Empty::new().map_err(|never| match never {}).boxed_unsync());
        *lost.status_mut() = StatusCode::MISDIRECTED_REQUEST;
        return Ok(lost);
    };
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    spawn(connection);
    let mut response = sender.send_request(request).await?;
    // Of the connection, and of no concern to the client.
    response.headers_mut().remove("connection");
    Ok(response.map(BodyExt::boxed_unsync))
}

async fn gateway(hosts: &Hosts, cache: &Cache) -> Server {
    let hosts = hosts.clone();
    let forward = move |request| forward(hosts.clone(), request);
    let service = ServiceBuilder::new()
        .map_request(|request: Request<Incoming>| request.map(BodyExt::boxed_unsync))
        .layer(cache.layer())
        .service(service_fn(forward));
    Server::hyper(service).await
}

/// What is below `/assets` is for everybody, whoever asks.
fn routes() -> RouteTable {
    let assets = Policy::lifetime(Duration::from_secs(60))
        .authorization(Authorization::Hide)
        .cookies(Inputs::Hide);
    let table = RouteTable::builder().read("/assets/{*rest}", assets);
    table.build().unwrap()
}

struct Rig {
    caches: [Cache; 2],
    gateways: [Server; 2],
    tea: Seen,
    coffee: Seen,
    _origins: [Server; 2],
}

impl Rig {
    async fn new() -> Self {
        let (tea, coffee) = (Seen::default(), Seen::default());
        let origins = [origin("tea", &tea).await, origin("coffee", &coffee).await];
        let hosts: Hosts = Arc::new([
            ("tea.example", origins[0].address),
            ("coffee.example", origins[1].address),
        ]);
        let caches = two(&routes()).await;
        let gateways = [
            gateway(&hosts, &caches[0]).await,
            gateway(&hosts, &caches[1]).await,
        ];
        Self {
            caches,
            gateways,
            tea,
            coffee,
            _origins: origins,
        }
    }

    async fn ask(&self, at: usize, method: &str, host: &str, path: &str, user: &str) -> Came {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", host);
        if !user.is_empty() {
            request = request.header("authorization", user);
        }
        let request = request.body(Empty::new()).unwrap();
        let mut client = self.gateways[at].http1().await;
        let came = Came::whole(client.send_request(request).await.unwrap()).await;
        heard(&self.caches).await;
        came
    }

    async fn get(&self, at: usize, host: &str, path: &str, user: &str) -> Bytes {
        self.ask(at, "GET", host, path, user).await.body
    }
}

#[tokio::test]
async fn each_gateway_answers_from_memory_until_one_of_them_forwards_a_write() {
    let rig = Rig::new().await;
    for (at, run) in [(0, 1), (0, 1), (1, 2), (1, 2)] {
        let body = rig.get(at, "tea.example", "/a", "").await;
        assert_eq!(body, format!("tea for all, run {run}"), "gateway {at}");
    }
    rig.ask(1, "PUT", "tea.example", "/a", "").await;
    for (at, run) in [(0, 4), (0, 4), (1, 5), (1, 5)] {
        let body = rig.get(at, "tea.example", "/a", "").await;
        assert_eq!(body, format!("tea for all, run {run}"), "gateway {at}");
    }
}

#[tokio::test]
async fn one_path_of_two_hosts_is_two_pages_and_a_host_that_is_none_has_none() {
    let rig = Rig::new().await;
    for _ in 0..2 {
        for (host, body) in [
            ("tea.example", "tea for all, run 1"),
            ("coffee.example", "coffee for all, run 1"),
            ("TEA.example", "tea for all, run 1"),
        ] {
            assert_eq!(rig.get(0, host, "/a", "").await, body, "{host}");
        }
        for host in [
            "evil.example",
            "tea.example.evil",
            "tea.example, coffee.example",
        ] {
            let lost = rig.ask(0, "GET", host, "/a", "").await;
            assert!([400, 421].contains(&lost.status), "{host}: {lost:?}");
        }
    }
    let runs = (rig.tea.runs.count(), rig.coffee.runs.count());
    assert_eq!(runs, (1, 1));
}

#[tokio::test]
async fn what_an_origin_answers_to_credentials_is_for_nobody_else() {
    let rig = Rig::new().await;
    for round in 0..2 {
        for (place, user) in ["ann", "bob"].iter().enumerate() {
            let run = 2 * round + place + 1;
            let body = rig.get(0, "tea.example", "/account", user).await;
            assert_eq!(body, format!("tea for {user}, run {run}"));
        }
    }
    assert_eq!(
        rig.get(0, "tea.example", "/account", "").await,
        "tea for all, run 5"
    );
}

#[tokio::test]
async fn what_is_for_all_never_shows_the_credentials_of_one_to_its_origin() {
    let rig = Rig::new().await;
    for user in ["ann", "bob", ""] {
        let body = rig.get(0, "tea.example", "/assets/a.css", user).await;
        assert_eq!(body, "tea for all, run 1");
    }
    let heads = rig.tea.heads.lock().unwrap();
    assert_eq!(heads.len(), 1);
    assert!(!heads[0].contains_key("authorization"));
}
