//! Which header fields are stored (RFC 9111 §3.1).

use super::list::tokens;
use http::HeaderMap;
use http::header::{
    AGE, CONNECTION, HeaderName, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRANSFER_ENCODING,
    UPGRADE,
};

/// Fields of one connection or one proxy, and `Age`, which each hit says anew.
const NOT_STORED: [HeaderName; 10] = [
    CONNECTION,
    TE,
    TRANSFER_ENCODING,
    UPGRADE,
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    AGE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("proxy-authentication-info"),
];

/// Removes what is not stored: these fields, and every field that `Connection`
/// names. All others stay, the unknown ones too.
pub(crate) fn strip_unstored(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = tokens(headers, &CONNECTION)
        .filter_map(|name| HeaderName::from_bytes(name).ok())
        .collect();
    for name in named.iter().chain(&NOT_STORED) {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn fields_of_the_connection_are_not_stored_and_all_others_are() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "close, X-Hop"),
            ("connection", ", ,\"bad\", x-second"),
            ("x-hop", "1"),
            ("x-second", "1"),
            ("x-second", "2"),
            ("keep-alive", "timeout=5"),
            ("te", "trailers"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("proxy-connection", "close"),
            ("proxy-authenticate", "Basic"),
            ("proxy-authentication-info", "x"),
            ("proxy-authorization", "x"),
            ("age", "3"),
            ("date", "today"),
            ("x-unknown", "1"),
            ("x-unknown", "2"),
            ("content-length", "3"),
            ("trailer", "x"),
        ] {
            headers.append(name, HeaderValue::from_static(value));
        }
        strip_unstored(&mut headers);
        let mut left: Vec<_> = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
            .collect();
        left.sort_unstable();
        assert_eq!(
            left,
            [
                ("content-length", "3"),
                ("date", "today"),
                ("trailer", "x"),
                ("x-unknown", "1"),
                ("x-unknown", "2"),
            ]
        );
    }
}
