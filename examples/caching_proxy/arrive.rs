//! Requests as they come from a client: before the cache sees them.

use crate::Body;
use crate::fields::{join, strip_hop_by_hop, takes_trailers};
use crate::forward::Peer;
use http::header::{COOKIE, HOST, MAX_FORWARDS, TE};
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri, Version};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::net::SocketAddr;

/// An answer of this proxy itself.
pub(crate) struct Own(pub(crate) StatusCode, pub(crate) &'static str);

/// The request for the cache and the origin, or an answer at once.
pub(crate) fn prepared(
    mut request: Request<Incoming>,
    peer: SocketAddr,
    origin: &Authority,
) -> Result<Request<Body>, Own> {
    if request.method() == Method::CONNECT {
        return Err(Own(StatusCode::NOT_IMPLEMENTED, "no tunnels here"));
    }
    let Some(host) = host(&request, origin) else {
        return Err(Own(StatusCode::BAD_REQUEST, "one valid Host is needed"));
    };
    request.headers_mut().insert(HOST, host);
    if let Some(own) = last_recipient(&mut request) {
        return Err(own);
    }
    // Only the path: both versions of HTTP are one to the cache.
    if let Some(path) = request.uri().path_and_query() {
        *request.uri_mut() = Uri::from(path.clone());
    }
    let headers = request.headers_mut();
    let trailers = takes_trailers(headers);
    strip_hop_by_hop(headers);
    if trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
    // HTTP/2 may send one line for each cookie (RFC 9113 §8.2.3).
    join(headers, &COOKIE, b"; ");
    request.extensions_mut().insert(Peer(peer));
    Ok(request.map(BodyExt::boxed_unsync))
}

/// The host that the client means, as `Host` would say it. What is in the target
/// counts before the field (RFC 9112 §3.2.2, RFC 9113 §8.3.1). HTTP/1.0 knows no
/// `Host`: then it is the origin.
fn host(request: &Request<Incoming>, origin: &Authority) -> Option<HeaderValue> {
    let named = match one_host(request.headers()) {
        Ok(named) => named,
        Err(TwoHosts) => return None,
    };
    let named = match (request.uri().authority(), named) {
        (Some(authority), _) => authority.as_str().as_bytes(),
        (None, Some(host)) => host.as_bytes(),
        (None, None) if request.version() < Version::HTTP_11 => origin.as_str().as_bytes(),
        (None, None) => return None,
    };
    let host = Authority::try_from(named).ok()?;
    let has_user = host.as_str().contains('@');
    (!has_user).then(|| HeaderValue::from_bytes(named).ok())?
}

struct TwoHosts;

fn one_host(headers: &HeaderMap) -> Result<Option<&HeaderValue>, TwoHosts> {
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (host, None) => Ok(host),
        _ => Err(TwoHosts),
    }
}

/// Counts `Max-Forwards` down. At zero this proxy answers (RFC 9110 §7.6.2).
fn last_recipient(request: &mut Request<Incoming>) -> Option<Own> {
    if ![Method::OPTIONS, Method::TRACE].contains(request.method()) {
        return None;
    }
    let left = request.headers().get(MAX_FORWARDS)?.to_str().ok()?;
    let Some(left) = left.parse::<u32>().ok()?.checked_sub(1) else {
        return Some(match *request.method() {
            Method::TRACE => Own(StatusCode::NOT_IMPLEMENTED, "no traces here"),
            _ => Own(StatusCode::OK, ""),
        });
    };
    request.headers_mut().insert(MAX_FORWARDS, left.into());
    None
}
