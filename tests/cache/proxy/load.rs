//! Many clients at once, with all they may do.

use super::line::Line;
use super::rig::{Rig, Saw, request};
use crate::origin::response;
use crate::patience::eventually;
use crate::wire::Server;
use axum::response::Response;
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;
use tokio::net::TcpStream;

const KEYS: usize = 12;
const CLIENTS: u64 = 16;
const REQUESTS: usize = 250;
const PATIENCE: Duration = Duration::from_secs(20);

/// The truth: one number for each key, which only goes up.
#[derive(Clone, Default)]
struct Truth(Arc<[AtomicU64; KEYS]>);

impl Truth {
    fn answer(&self, saw: &Saw) -> Response {
        let key: usize = saw.uri.path()[1..].parse().unwrap();
        let version = match saw.method {
            Method::PUT | Method::POST | Method::DELETE => 1 + self.0[key].fetch_add(1, SeqCst),
            _ => self.0[key].load(SeqCst),
        };
        let body = body(key, version);
        response(200, &[("cache-control", "max-age=60")], body)
    }
}

/// Names its key and version from its beginning to its end; some are long.
fn body(key: usize, version: u64) -> String {
    format!("{key}={version};").repeat(1 + key * key * 40)
}

fn version_in(key: usize, text: &[u8]) -> u64 {
    let text = std::str::from_utf8(text).unwrap();
    let version = text.split([';', '=']).nth(1).unwrap().parse().unwrap();
    assert!(text == body(key, version), "not whole, or of another key");
    version
}

/// A small generator: each client has numbers of its own, the same in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % bound
    }
}

enum Sender {
    First(http1::SendRequest<Full<Bytes>>),
    Second(http2::SendRequest<Full<Bytes>>),
}

impl Sender {
    async fn new(server: &Server, address: SocketAddr, second: bool) -> Self {
        let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
        if second {
            let handshake = http2::handshake(TokioExecutor::new(), stream).await;
            let (sender, connection) = handshake.unwrap();
            server.run(async move { drop(connection.await) });
            Self::Second(sender)
        } else {
            let (sender, connection) = http1::handshake(stream).await.unwrap();
            server.run(async move { drop(connection.await) });
            Self::First(sender)
        }
    }

    /// The body of the answer, or only its head if the client leaves then.
    async fn send(&mut self, method: &Method, key: usize, leaves: bool) -> Option<Bytes> {
        let request = Request::builder().method(method);
        let body = if *method == Method::PUT { "x" } else { "" };
        let response = match self {
            Self::First(sender) => {
                let request = request
                    .uri(format!("/{key}"))
                    .header("host", "shop.example");
                sender
                    .send_request(request.body(Full::from(body)).unwrap())
                    .await
            }
            Self::Second(sender) => {
                let request = request.uri(format!("http://shop.example/{key}"));
                sender
                    .send_request(request.body(Full::from(body)).unwrap())
                    .await
            }
        };
        let response = response.unwrap();
        assert_eq!(response.status(), 200);
        if leaves {
            return None;
        }
        Some(response.into_body().collect().await.unwrap().to_bytes())
    }
}

struct Client {
    server: Server,
    address: SocketAddr,
    /// The versions that writes were told to have made, for each key.
    told: Arc<[AtomicU64; KEYS]>,
    number: u64,
}

impl Client {
    async fn runs(self) {
        let mut dice = Dice(self.number);
        let second = self.number % 4 == 3;
        let mut sender = Sender::new(&self.server, self.address, second).await;
        for _ in 0..REQUESTS {
            let key = usize::try_from(dice.below(KEYS as u64)).unwrap();
            let method = match dice.below(40) {
                0 => Method::PUT,
                1 => Method::POST,
                2 => Method::DELETE,
                3 => Method::OPTIONS,
                4 | 5 => Method::HEAD,
                _ => Method::GET,
            };
            let leaves = dice.below(30) == 0;
            if dice.below(50) == 0 {
                self.leaves_at_once(&mut dice, key).await;
                continue;
            }
            let told = self.told[key].load(SeqCst);
            match sender.send(&method, key, leaves).await {
                None => sender = Sender::new(&self.server, self.address, second).await,
                Some(body) if method == Method::HEAD => assert!(body.is_empty()),
                Some(body) => self.got(key, &method, told, version_in(key, &body)),
            }
        }
    }

    /// A client of its own, which has sent a part of a request, or a whole one.
    async fn leaves_at_once(&self, dice: &mut Dice, key: usize) {
        let mut line = Line::to(self.address).await;
        let path = format!("/{key}");
        let text = match dice.below(3) {
            0 => request("GET", &path, &[], ""),
            1 => request("PUT", &path, &[], "x"),
            _ => request("PUT", &path, &[("content-length", "2")], "") + "x",
        };
        line.send(text).await;
    }

    /// Nothing is older than what a write was told before the request began.
    fn got(&self, key: usize, method: &Method, told: u64, version: u64) {
        assert!(version >= told, "{method} of {key}: {version} after {told}");
        if [Method::PUT, Method::POST, Method::DELETE].contains(method) {
            self.told[key].fetch_max(version, SeqCst);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_clients_get_whole_answers_that_are_no_older_than_the_last_write() {
    let truth = Truth::default();
    let rig = Rig::new({
        let truth = truth.clone();
        move |saw| truth.answer(saw)
    })
    .await;
    let told = Arc::default();
    let mut clients = tokio::task::JoinSet::new();
    for number in 0..CLIENTS {
        let client = Client {
            server: rig.origin.server.clone(),
            address: rig.proxy.address(),
            told: Arc::clone(&told),
            number,
        };
        clients.spawn(client.runs());
    }
    while let Some(client) = clients.join_next().await {
        client.unwrap();
    }
    // At rest each key is what the origin has: also of a client that had
    // left is each write seen. The last of those may be under way still.
    for (key, truth) in truth.0.iter().enumerate() {
        eventually("what the origin has", PATIENCE, async || {
            let answer = rig.get(&format!("/{key}")).await;
            (version_in(key, &answer.body) == truth.load(SeqCst)).then_some(())
        })
        .await;
    }
    let asked = rig.origin.count();
    let sent = usize::try_from(CLIENTS).unwrap() * REQUESTS;
    assert!(asked < sent * 3 / 4, "{asked} of {sent} reached the origin");
    assert!(
        rig.proxy.resident_mib() < 100,
        "{} MiB",
        rig.proxy.resident_mib()
    );
}

/// More than the store may hold, of different URIs: what is old goes.
#[tokio::test]
async fn a_flood_of_answers_does_not_fill_the_memory() {
    const MIB: usize = 1 << 20;
    let rig = Rig::new(|_| response(200, &[("cache-control", "max-age=60")], vec![7; MIB])).await;
    for number in 0..200 {
        let answer = rig.get(&format!("/{number}")).await;
        assert_eq!(answer.body.len(), MIB);
    }
    // 64 MiB are stored; 200 came through.
    let used = rig.proxy.resident_mib();
    assert!(used < 150, "{used} MiB");
    assert!(rig.get("/199").await.is_from_memory());
    assert!(!rig.get("/0").await.is_from_memory());
}
