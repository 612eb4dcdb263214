//! Which host a request is for (RFC 9110 §7.2, RFC 9112 §3.2.2, RFC 9113 §8.3.1).

use super::request::Bypass;
use crate::target::without_default_port;
use http::header::HOST;
use http::{HeaderMap, Uri};

/// The authority of the URI, else the one `Host`, without the default port. A
/// request with neither has the empty one, which is a host of its own.
pub(super) fn authority<'a>(
    uri: &'a Uri,
    headers: &'a HeaderMap,
    scheme: &str,
) -> Result<&'a str, Bypass> {
    let host = host(headers)?.map(|host| without_default_port(scheme, host));
    let Some(authority) = uri.authority() else {
        return Ok(host.unwrap_or_default());
    };
    let authority = without_default_port(scheme, without_userinfo(authority.as_str()));
    if !is_host(authority) {
        return Err(Bypass::InvalidHost);
    }
    match host {
        Some(host) if !host.eq_ignore_ascii_case(authority) => Err(Bypass::TwoHosts),
        _ => Ok(authority),
    }
}

/// The one `Host`, if there is one.
fn host(headers: &HeaderMap) -> Result<Option<&str>, Bypass> {
    let mut lines = headers.get_all(HOST).iter();
    match (lines.next(), lines.next()) {
        (None, _) => Ok(None),
        (Some(line), None) => match line.to_str() {
            Ok(host) if is_host(host) => Ok(Some(host)),
            _ => Err(Bypass::InvalidHost),
        },
        _ => Err(Bypass::RepeatedHost),
    }
}

pub(super) fn without_userinfo(authority: &str) -> &str {
    match authority.rsplit_once('@') {
        Some((_, host)) => host,
        None => authority,
    }
}

/// `host [":" port]`, not empty (RFC 3986 §3.2.2, §3.2.3).
fn is_host(text: &str) -> bool {
    let (host, rest) = match text.strip_prefix('[') {
        Some(literal) => match literal.split_once(']') {
            Some((address, rest)) => (address, rest),
            None => return false,
        },
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let colons = text.starts_with('[');
    let in_host = |byte: u8| {
        byte.is_ascii_alphanumeric()
            || b"-._~%!$&'()*+,;=".contains(&byte)
            || (colons && byte == b':')
    };
    let port = rest.strip_prefix(':').unwrap_or(rest);
    !host.is_empty()
        && host.bytes().all(in_host)
        && (rest.is_empty() || rest.starts_with(':'))
        && port.bytes().all(|byte| byte.is_ascii_digit())
}
