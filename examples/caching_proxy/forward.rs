//! To the origin and back: below the cache.

use crate::Body;
use crate::fields::{add_via, strip_hop_by_hop};
use bytes::Bytes;
use http::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, FORWARDED, HOST, TE, TRANSFER_ENCODING,
};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, Uri, Version};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body as _, Incoming};
use hyper_util::client::legacy::{self, Client, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::timeout;

/// Shorter than the five seconds after which common servers close what is idle: a
/// request that meets the close is lost.
const IDLE: Duration = Duration::from_secs(4);
const CONNECT: Duration = Duration::from_secs(5);

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

type Outcome = Result<Response<Incoming>, legacy::Error>;

/// Who sent the request. Only the origin is told, nothing is decided by it.
#[derive(Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// The server behind this proxy.
#[derive(Clone)]
pub(crate) struct Origin {
    authority: Authority,
    client: Client<HttpConnector, Body>,
    limit: Duration,
}

impl Origin {
    pub(crate) fn new(authority: Authority, limit: Duration) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT));
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .build(connector);
        Self {
            authority,
            client,
            limit,
        }
    }

    /// What the origin says, or what has to be said in its place.
    pub(crate) async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let Some(request) = self.outgoing(request) else {
            return says(StatusCode::BAD_REQUEST, "no such target");
        };
        let response = match self.unless_it_stands_still(request).await {
            None => return says(StatusCode::GATEWAY_TIMEOUT, "the origin takes too long"),
            Some(Err(error)) if error.is_connect() => {
                return says(StatusCode::BAD_GATEWAY, "the origin cannot be reached");
            }
            Some(Err(_)) => return says(StatusCode::BAD_GATEWAY, "the origin gave no answer"),
            // Nobody asked it to change the protocol.
            Some(Ok(response)) if response.status().is_informational() => {
                return says(StatusCode::BAD_GATEWAY, "the origin changed the protocol");
            }
            Some(Ok(response)) => response,
        };
        let (mut parts, body) = response.into_parts();
        strip_hop_by_hop(&mut parts.headers);
        parts.headers.remove(TRANSFER_ENCODING);
        add_via(&mut parts.headers, parts.version);
        parts.version = Version::HTTP_11;
        parts.extensions.clear();
        Response::from_parts(parts, body.boxed_unsync())
    }

    /// `None`: for too long nothing was sent, and no answer began. A slow upload goes on.
    async fn unless_it_stands_still(&self, request: Request<Body>) -> Option<Outcome> {
        let (moves, mut moved) = watch::channel(());
        let request = request.map(|body| {
            if body.is_end_stream() {
                return body;
            }
            let counted = body.map_frame(move |frame| {
                moves.send_replace(());
                frame
            });
            counted.boxed_unsync()
        });
        let mut answer = pin!(self.client.request(request));
        loop {
            tokio::select! {
                outcome = &mut answer => return Some(outcome),
                more = timeout(self.limit, moved.changed()) => match more {
                    Ok(Ok(())) => {}
                    // All is sent.
                    Ok(Err(_)) => return timeout(self.limit, answer).await.ok(),
                    Err(_) => return None,
                },
            }
        }
    }

    /// The request as HTTP/1.1, with a body that says itself how it is framed. `Host`
    /// stays the client's: keys go by it, and so do the origin's links.
    fn outgoing(&self, request: Request<Body>) -> Option<Request<Body>> {
        let (mut parts, body) = request.into_parts();
        let path = parts.uri.path_and_query().cloned();
        parts.uri = Uri::builder()
            .scheme(Scheme::HTTP)
            .authority(self.authority.clone())
            .path_and_query(path.unwrap_or(PathAndQuery::from_static("/")))
            .build()
            .ok()?;
        let headers = &mut parts.headers;
        headers.remove(TRANSFER_ENCODING);
        // The client leaves content of a GET out, unless a field says that there is some.
        if !body.is_end_stream() && !headers.contains_key(CONTENT_LENGTH) {
            headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }
        if headers.contains_key(TE) {
            headers.insert(CONNECTION, HeaderValue::from_static("te"));
        }
        add_via(headers, parts.version);
        tell_of_client(headers, parts.extensions.get());
        parts.version = Version::HTTP_11;
        parts.extensions.clear();
        Some(Request::from_parts(parts, body))
    }
}

/// The host and the scheme are told as they are in the key. What a client says of
/// them is not: a response that depended on it would be stored for all.
fn tell_of_client(headers: &mut HeaderMap, peer: Option<&Peer>) {
    headers.remove(FORWARDED);
    headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static("http"));
    match headers.get(HOST).cloned() {
        Some(host) => headers.insert(X_FORWARDED_HOST, host),
        None => headers.remove(X_FORWARDED_HOST),
    };
    let peer = peer.map(|Peer(address)| address.ip().to_string());
    if let Some(peer) = peer.and_then(|peer| HeaderValue::try_from(peer).ok()) {
        headers.append(X_FORWARDED_FOR, peer);
    }
}

/// An answer of the proxy's own.
pub(crate) fn says(status: StatusCode, text: &'static str) -> Response<Body> {
    let body = Full::new(Bytes::from_static(text.as_bytes()));
    let mut response = Response::new(body.map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain");
    response.headers_mut().insert(CONTENT_TYPE, plain);
    response
}
