//! Real connections over TCP.

use axum::Router;
use axum::http::{HeaderMap, Request, Response};
use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tower::Service;

/// A request body as plain hyper's is boxed for the layer.
pub(crate) type Boxed = UnsyncBoxBody<Bytes, hyper::Error>;

/// A server and the connections to it. They end when it is dropped.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    tasks: Arc<Mutex<JoinSet<()>>>,
}

impl Server {
    pub(crate) async fn new<F>(serve: impl FnOnce(TcpListener) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let tasks = Arc::default();
        let server = Self { address, tasks };
        server.run(serve(listener));
        server
    }

    pub(crate) async fn axum(app: Router) -> Self {
        let serve = |listener| async move { axum::serve(listener, app).await.unwrap() };
        Self::new(serve).await
    }

    /// Plain hyper, for both versions of HTTP.
    pub(crate) async fn hyper<S, X>(service: S) -> Self
    where
        S: Service<Request<Incoming>, Response = Response<X>> + Clone + Send + 'static,
        S::Future: Send + 'static,
        S::Error: Into<Box<dyn Error + Send + Sync>>,
        X: http_body::Body<Data = Bytes> + Send + 'static,
        X::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let serve = |listener: TcpListener| async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let service = TowerToHyperService::new(service.clone());
                connections.spawn(async move {
                    let builder = auto::Builder::new(TokioExecutor::new());
                    let stream = TokioIo::new(stream);
                    // A client that hangs up is no trouble.
                    let _ = builder
                        .serve_connection_with_upgrades(stream, service)
                        .await;
                });
            }
        };
        Self::new(serve).await
    }

    pub(crate) fn run(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.tasks.lock().unwrap().spawn(work);
    }

    pub(crate) async fn http1(&self) -> http1::SendRequest<Empty<Bytes>> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        self.run(async move {
            let _ = connection.with_upgrades().await;
        });
        sender
    }

    pub(crate) async fn http2(&self) -> http2::SendRequest<Empty<Bytes>> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let executor = TokioExecutor::new();
        let (sender, connection) = http2::handshake(executor, TokioIo::new(stream))
            .await
            .unwrap();
        self.run(async move {
            let _ = connection.await;
        });
        sender
    }
}

/// What came over the wire.
#[derive(Debug)]
pub(crate) struct Came {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) trailers: Option<HeaderMap>,
}

impl Came {
    pub(crate) async fn whole(response: Response<Incoming>) -> Self {
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap();
        Self {
            status: parts.status.as_u16(),
            headers: parts.headers,
            trailers: body.trailers().cloned(),
            body: body.to_bytes(),
        }
    }
}

/// Sends back what comes over an upgraded connection, until it ends.
pub(crate) async fn echo(upgrade: hyper::upgrade::OnUpgrade) {
    let mut stream = TokioIo::new(upgrade.await.unwrap());
    let mut bytes = [0; 64];
    while let Ok(count @ 1..) = stream.read(&mut bytes).await {
        stream.write_all(&bytes[..count]).await.unwrap();
    }
}

/// Whether what is sent over the upgraded connection comes back.
pub(crate) async fn echoes(response: Response<Incoming>) -> bool {
    let upgraded = hyper::upgrade::on(response).await.unwrap();
    let mut stream = TokioIo::new(upgraded);
    let mut bytes = [0; 4];
    for text in [b"ping", b"pong"] {
        stream.write_all(text).await.unwrap();
        stream.read_exact(&mut bytes).await.unwrap();
        if &bytes != text {
            return false;
        }
    }
    true
}
