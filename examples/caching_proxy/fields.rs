//! Fields that are between two neighbours, and those that a proxy writes.

use http::header::{
    CONNECTION, CONTENT_LENGTH, HOST, PROXY_AUTHORIZATION, TE, TRANSFER_ENCODING, UPGRADE, VIA,
};
use http::{HeaderMap, HeaderName, HeaderValue, Version};

/// By which a strict shared cache goes before `Cache-Control` (RFC 9213).
pub(crate) const TARGETED: [HeaderName; 2] = [
    HeaderName::from_static("coherence-cache-control"),
    HeaderName::from_static("cdn-cache-control"),
];

const NAME: &str = "caching-proxy";

/// Takes out what is for this hop only (RFC 9110 §7.6.1), all but
/// `Transfer-Encoding`: by that the cache knows whether a request has content.
pub(crate) fn strip_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
        .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
        .collect();
    for name in named {
        // What frames and routes a message cannot be left out by naming it.
        if ![CONTENT_LENGTH, HOST, TRANSFER_ENCODING].contains(&name) {
            headers.remove(name);
        }
    }
    for name in [CONNECTION, UPGRADE, TE, PROXY_AUTHORIZATION] {
        headers.remove(name);
    }
    for name in ["keep-alive", "proxy-connection"] {
        headers.remove(name);
    }
}

/// Whether `TE` says that trailers are welcome (RFC 9110 §10.1.4).
pub(crate) fn takes_trailers(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(TE).iter();
    let mut members = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    members.any(|member| member.trim_ascii().eq_ignore_ascii_case(b"trailers"))
}

/// Says in `Via` which version came here (RFC 9110 §7.6.3).
pub(crate) fn add_via(headers: &mut HeaderMap, version: Version) {
    let version = match version {
        Version::HTTP_2 => "2",
        Version::HTTP_10 => "1.0",
        _ => "1.1",
    };
    if let Ok(via) = HeaderValue::try_from(format!("{version} {NAME}")) {
        headers.append(VIA, via);
    }
}

/// Makes one line of the lines of a list.
pub(crate) fn join(headers: &mut HeaderMap, name: &HeaderName, separator: &[u8]) {
    let lines: Vec<&[u8]> = headers.get_all(name).iter().map(|v| v.as_bytes()).collect();
    if lines.len() > 1
        && let Ok(line) = HeaderValue::from_bytes(&lines.join(separator))
    {
        headers.insert(name, line);
    }
}
