//! Requests of the cache itself: nobody waits for them, and they are nobody's
//! (RFC 5861 §3).

use super::hide_conditions;
use http::HeaderMap;
use http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_LENGTH, COOKIE, EXPECT, HeaderName, PRAGMA,
    PROXY_AUTHORIZATION, TE,
};

/// What a request of the cache itself does not have of the one that set it off: who
/// asked, and what only that client wants.
const OF_THE_CLIENT: [HeaderName; 7] = [
    AUTHORIZATION,
    COOKIE,
    PROXY_AUTHORIZATION,
    CACHE_CONTROL,
    PRAGMA,
    EXPECT,
    TE,
];

/// Whether a request without these fields would choose another response.
pub(crate) fn is_of_the_client(name: &HeaderName) -> bool {
    OF_THE_CLIENT.contains(name)
}

/// Makes the fields those of a request of the cache itself.
pub(crate) fn hide_client(request: &mut HeaderMap) {
    for name in &OF_THE_CLIENT {
        request.remove(name);
    }
    hide_conditions(request);
    request.remove(CONTENT_LENGTH);
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn fields(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let lines = lines.iter();
        lines
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect()
    }

    #[test]
    fn a_request_of_the_cache_names_no_client_and_no_condition() {
        let mut request = fields(&[
            ("cookie", "a=b"),
            ("authorization", "Basic x"),
            ("cache-control", "no-store"),
            ("if-none-match", "*"),
            ("range", "bytes=0-1"),
            ("content-length", "0"),
            ("accept", "text/x"),
        ]);
        hide_client(&mut request);
        assert_eq!(request, fields(&[("accept", "text/x")]));
    }
}
