//! What a request is to the cache, before any look-up.

use super::list::tokens;
use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, IF_MATCH, IF_UNMODIFIED_SINCE,
    TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, Method, Version};

/// What to do with a request.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Intent {
    /// Look it up.
    Read(Read),
    /// It could be looked up, but not by this cache.
    Bypass(Bypass),
    /// Unsafe, or unknown and so maybe unsafe (RFC 9110 §9.2.1, RFC 9111 §4.4): the
    /// handler runs to its end, then what it made stale is invalidated.
    Write,
    /// A gRPC call. Its method is always POST, whether it reads or writes.
    Grpc,
    /// Safe, and never stored: OPTIONS, TRACE, QUERY.
    Safe,
    /// The connection may become something else: it stays in the caller's task.
    Inline,
}

/// Which part of a stored response answers it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Read {
    Get,
    Head,
}

/// Why a read does not use the cache.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Bypass {
    /// It has content, which is not in the key.
    Content,
    /// `If-Match`, `If-Unmodified-Since`: for the origin, never for a cache.
    Precondition,
    /// The authority or `Host` is no `host:port`.
    InvalidHost,
    RepeatedHost,
    /// The URI and `Host` name different hosts; the handler may believe either.
    TwoHosts,
    /// The URI has no path that begins with a slash.
    TargetForm,
    /// More path segments than an entry may have.
    DeepPath,
    LongKey,
}

impl Bypass {
    /// A name for counters.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Content => "request-content",
            Self::Precondition => "precondition",
            Self::InvalidHost => "invalid-host",
            Self::RepeatedHost => "repeated-host",
            Self::TwoHosts => "two-hosts",
            Self::TargetForm => "target-form",
            Self::DeepPath => "deep-path",
            Self::LongKey => "long-key",
        }
    }
}

/// What the body of a request says about itself.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Content {
    Absent,
    /// Only the header fields know, or nobody before the end.
    Unknown,
    Present,
}

impl Content {
    pub(crate) fn of(body: &impl http_body::Body) -> Self {
        let hint = body.size_hint();
        match (body.is_end_stream(), hint.lower(), hint.upper()) {
            (true, ..) | (_, _, Some(0)) => Self::Absent,
            (_, 0, _) => Self::Unknown,
            _ => Self::Present,
        }
    }
}

/// What the request is to the cache. Whether it also has a key is
/// [`KeyParts::of`](super::KeyParts::of)'s to say.
pub(crate) fn intent(
    method: &Method,
    version: Version,
    headers: &HeaderMap,
    content: Content,
) -> Intent {
    let read = match method.as_str() {
        "GET" => Read::Get,
        "HEAD" => Read::Head,
        "CONNECT" => return Intent::Inline,
        "OPTIONS" | "TRACE" | "QUERY" if upgrades(headers) => return Intent::Inline,
        "OPTIONS" | "TRACE" | "QUERY" => return Intent::Safe,
        "POST" if is_grpc(headers) => return Intent::Grpc,
        // Also with `Upgrade`: a server may ignore that field and do the write.
        _ => return Intent::Write,
    };
    if upgrades(headers) {
        return Intent::Inline;
    }
    match reason_to_bypass(version, headers, content) {
        Some(reason) => Intent::Bypass(reason),
        None => Intent::Read(read),
    }
}

/// Why a read whose content is in its key is passed on all the same.
pub(crate) fn reason_to_pass(headers: &HeaderMap) -> Option<Bypass> {
    let conditional = headers.contains_key(IF_MATCH) || headers.contains_key(IF_UNMODIFIED_SINCE);
    conditional.then_some(Bypass::Precondition)
}

fn reason_to_bypass(version: Version, headers: &HeaderMap, content: Content) -> Option<Bypass> {
    if has_content(version, headers, content) {
        Some(Bypass::Content)
    } else {
        reason_to_pass(headers)
    }
}

/// Up to HTTP/1.1 the fields say whether there is content (RFC 9112 §6.3); later
/// versions only end the stream (RFC 9113 §8.1).
fn has_content(version: Version, headers: &HeaderMap, content: Content) -> bool {
    let lengths = headers.get_all(CONTENT_LENGTH);
    let some_length = lengths.iter().any(|length| length != "0");
    let unknown = content == Content::Unknown && version > Version::HTTP_11;
    let zero = lengths.iter().next().is_some() && !some_length;
    some_length
        || headers.contains_key(TRANSFER_ENCODING)
        || content == Content::Present
        || (unknown && !zero)
}

/// Whether the request says who sent it: what it gets may not be for others.
pub(crate) fn carries_credentials(headers: &HeaderMap) -> bool {
    headers.contains_key(COOKIE) || headers.contains_key(AUTHORIZATION)
}

/// `Connection: upgrade` with an `Upgrade` (RFC 9110 §7.8).
fn upgrades(headers: &HeaderMap) -> bool {
    headers.contains_key(UPGRADE)
        && tokens(headers, &CONNECTION).any(|option| option.eq_ignore_ascii_case(b"upgrade"))
}

/// `application/grpc`, `application/grpc+proto`, `application/grpc-web`, ...
pub(crate) fn is_grpc(headers: &HeaderMap) -> bool {
    const GRPC: &[u8] = b"application/grpc";
    headers.get(CONTENT_TYPE).is_some_and(|kind| {
        let start = kind.as_bytes().get(..GRPC.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(GRPC))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http::HeaderValue;
    use http_body_util::{Empty, Full};

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    fn of(method: &str, lines: &[(&'static str, &'static str)]) -> Intent {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let absent = Content::Absent;
        intent(&method, Version::HTTP_11, &headers(lines), absent)
    }

    #[test]
    fn unsafe_and_unknown_methods_are_writes() {
        for (method, expected) in [
            ("GET", Intent::Read(Read::Get)),
            ("HEAD", Intent::Read(Read::Head)),
            ("OPTIONS", Intent::Safe),
            ("TRACE", Intent::Safe),
            ("QUERY", Intent::Safe),
            ("CONNECT", Intent::Inline),
            ("POST", Intent::Write),
            ("PUT", Intent::Write),
            ("DELETE", Intent::Write),
            ("PATCH", Intent::Write),
            ("M-SEARCH", Intent::Write),
            ("PURGE", Intent::Write),
            ("get", Intent::Write),
        ] {
            assert_eq!(of(method, &[]), expected, "{method}");
        }
    }

    #[test]
    fn an_upgrade_of_a_safe_request_stays_in_the_callers_task() {
        let upgrade = [
            ("connection", "keep-alive, UPGRADE"),
            ("upgrade", "websocket"),
        ];
        assert_eq!(of("GET", &upgrade), Intent::Inline);
        assert_eq!(of("OPTIONS", &upgrade), Intent::Inline);
        assert_eq!(of("GET", &upgrade[..1]), Intent::Read(Read::Get));
        assert_eq!(of("GET", &upgrade[1..]), Intent::Read(Read::Get));
    }

    #[test]
    fn an_upgrade_does_not_hide_a_write() {
        let upgrade = [("connection", "upgrade"), ("upgrade", "h2c")];
        assert_eq!(of("POST", &upgrade), Intent::Write);
    }

    #[test]
    fn grpc_is_a_post_with_its_content_type() {
        for kind in [
            "application/grpc",
            "Application/GRPC+proto",
            "application/grpc-web",
            "application/grpc;x",
        ] {
            assert_eq!(of("POST", &[("content-type", kind)]), Intent::Grpc);
            assert_eq!(of("PUT", &[("content-type", kind)]), Intent::Write);
        }
        let json = ("content-type", "application/json");
        assert_eq!(of("POST", &[json]), Intent::Write);
    }

    #[test]
    fn a_read_with_content_bypasses() {
        for line in [
            ("content-length", "1"),
            ("content-length", "+0"),
            ("content-length", "0, 0"),
            ("transfer-encoding", "chunked"),
            ("transfer-encoding", ""),
        ] {
            assert_eq!(of("GET", &[line]), Intent::Bypass(Bypass::Content));
            assert_eq!(of("HEAD", &[line]), Intent::Bypass(Bypass::Content));
        }
        let zero = ("content-length", "0");
        assert_eq!(of("GET", &[zero]), Intent::Read(Read::Get));
        let two = [zero, ("content-length", "5")];
        assert_eq!(of("GET", &two), Intent::Bypass(Bypass::Content));
    }

    #[test]
    fn where_no_field_tells_the_body_does() {
        let of =
            |version, content, lines: &[_]| intent(&Method::GET, version, &headers(lines), content);
        let (read, bypass) = (Intent::Read(Read::Get), Intent::Bypass(Bypass::Content));
        assert_eq!(of(Version::HTTP_11, Content::Unknown, &[]), read);
        assert_eq!(of(Version::HTTP_11, Content::Present, &[]), bypass);
        assert_eq!(of(Version::HTTP_2, Content::Unknown, &[]), bypass);
        assert_eq!(of(Version::HTTP_2, Content::Absent, &[]), read);
        let zero = [("content-length", "0")];
        assert_eq!(of(Version::HTTP_2, Content::Unknown, &zero), read);
    }

    #[test]
    fn a_body_says_what_it_knows() {
        assert_eq!(Content::of(&Empty::<Bytes>::new()), Content::Absent);
        assert_eq!(Content::of(&Full::new(Bytes::new())), Content::Absent);
        let full = Full::new(Bytes::from_static(b"x"));
        assert_eq!(Content::of(&full), Content::Present);
        let stream = http_body_util::StreamBody::new(futures_util::stream::pending::<
            Result<http_body::Frame<Bytes>, std::io::Error>,
        >());
        assert_eq!(Content::of(&stream), Content::Unknown);
    }

    #[test]
    fn preconditions_for_the_origin_bypass_and_those_for_a_cache_are_looked_up() {
        for name in ["if-match", "if-unmodified-since"] {
            let bypass = Intent::Bypass(Bypass::Precondition);
            assert_eq!(of("GET", &[(name, "x")]), bypass);
            assert_eq!(of("GET", &[("if-none-match", "x"), (name, "x")]), bypass);
            assert_eq!(of("PUT", &[(name, "x")]), Intent::Write);
        }
        for name in [
            "range",
            "if-none-match",
            "if-modified-since",
            "if-range",
            "cache-control",
        ] {
            assert_eq!(of("GET", &[(name, "x")]), Intent::Read(Read::Get));
            assert_eq!(of("HEAD", &[(name, "x")]), Intent::Read(Read::Head));
            assert_eq!(of("PUT", &[(name, "x")]), Intent::Write);
        }
    }
}
