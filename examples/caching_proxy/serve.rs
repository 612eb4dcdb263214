//! The side of the clients: connections, and their end.

use crate::Body;
use crate::arrive::{Own, prepared};
use crate::forward::says;
use http::uri::Authority;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal as unix};
use tokio::time::{sleep, timeout};
use tower::util::BoxCloneService;
use tower::{ServiceExt, service_fn};

/// What answers requests: the cache, and the origin behind it.
pub(crate) type Service = BoxCloneService<Request<Body>, Response<Body>, Infallible>;

/// How long a client may take for the head of a request, and stay idle.
const HEAD: Duration = Duration::from_secs(30);

/// Ends at the first SIGINT or SIGTERM from now on.
pub(crate) fn signal() -> io::Result<impl Future<Output = ()>> {
    let mut interrupted = unix(SignalKind::interrupt())?;
    let mut terminated = unix(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupted.recv() => {}
            _ = terminated.recv() => {}
        }
    })
}

/// Serves clients until `stop` ends; then those who are here have this much time.
pub(crate) async fn until(
    stop: impl Future<Output = ()>,
    listener: TcpListener,
    service: Service,
    origin: Authority,
    last: Duration,
) {
    let clients = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => client(&clients, stream, peer, service.clone(), &origin),
            // Too many open files, as a rule: some will be closed.
            Err(_) => sleep(Duration::from_millis(50)).await,
        }
    }
    drop(listener);
    let _ = timeout(last, clients.shutdown()).await;
}

fn client(
    clients: &GracefulShutdown,
    stream: TcpStream,
    peer: SocketAddr,
    service: Service,
    origin: &Authority,
) {
    let origin = origin.clone();
    let answering = service_fn(move |request: Request<Incoming>| {
        let request = prepared(request, peer, &origin);
        let service = service.clone();
        async move {
            let response = match request {
                Ok(request) => service.oneshot(request).await?,
                Err(Own(status, text)) => says(status, text),
            };
            Ok::<_, Infallible>(response)
        }
    });
    // Small answers do not wait for what comes after them.
    let _ = stream.set_nodelay(true);
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD);
    builder.http2().timer(TokioTimer::new());
    let service = TowerToHyperService::new(answering);
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    let connection = clients.watch(connection.into_owned());
    // A client that hangs up or talks nonsense is no trouble of ours.
    tokio::spawn(async move { connection.await.ok() });
}
