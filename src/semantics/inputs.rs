//! Which fields of a request a handler may see where a route hides the others, and how
//! those that count stand in the key (RFC 9111 §7.1).

use http::header::{
    ACCEPT, ACCEPT_CHARSET, ACCEPT_ENCODING, ACCEPT_LANGUAGE, AUTHORIZATION, CONTENT_TYPE, COOKIE,
    HOST, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, RANGE, USER_AGENT,
};
use http::{HeaderMap, HeaderName, HeaderValue};

/// What is left where a route hides all it can. The conditions of a client are hidden
/// elsewhere, and answered by; cookies and credentials have choices of their own.
const SHOWN: [HeaderName; 13] = [
    ACCEPT,
    ACCEPT_CHARSET,
    ACCEPT_ENCODING,
    ACCEPT_LANGUAGE,
    AUTHORIZATION,
    CONTENT_TYPE,
    COOKIE,
    HOST,
    IF_MODIFIED_SINCE,
    IF_NONE_MATCH,
    IF_RANGE,
    RANGE,
    USER_AGENT,
];

/// Fields that name a client, or another resource than the URI does; with a `*` all that
/// begin so.
const UNKEYED: [&str; 16] = [
    "forwarded",
    "x-forwarded-*",
    "x-real-ip",
    "x-client-ip",
    "x-original-*",
    "x-rewrite-*",
    "x-http-method*",
    "x-method-override",
    "x-request-id",
    "x-correlation-id",
    "x-b3-*",
    "b3",
    "traceparent",
    "tracestate",
    "baggage",
    "x-amzn-trace-id",
];

/// Leaves what a handler needs to negotiate.
pub(crate) fn hide_all(headers: &mut HeaderMap) {
    retain(headers, |name| SHOWN.contains(name));
}

/// Takes out what is in no key, but for these.
pub(crate) fn hide_unkeyed(headers: &mut HeaderMap, keyed: &[String]) {
    let keyed = |name: &HeaderName| {
        keyed
            .iter()
            .any(|key| key.eq_ignore_ascii_case(name.as_str()))
    };
    retain(headers, |name| !is_unkeyed(name) || keyed(name));
}

/// Whether it has one of the fields that are in no key.
pub(crate) fn has_unkeyed(headers: &HeaderMap) -> bool {
    headers.keys().any(is_unkeyed)
}

fn is_unkeyed(name: &HeaderName) -> bool {
    UNKEYED.iter().any(|listed| match listed.strip_suffix('*') {
        Some(start) => name.as_str().starts_with(start),
        None => name.as_str() == *listed,
    })
}

fn retain(headers: &mut HeaderMap, kept: impl Fn(&HeaderName) -> bool) {
    let gone: Vec<HeaderName> = headers.keys().filter(|name| !kept(name)).cloned().collect();
    for name in gone {
        headers.remove(name);
    }
}

/// What else stands in a key, each part told apart from all others.
#[derive(Default, Debug)]
pub(crate) struct More(Vec<u8>);

impl More {
    /// A part of one kind: nothing, or a text.
    pub(crate) fn push(&mut self, kind: u8, text: Option<&[u8]>) {
        self.0.push(kind);
        let length = text.map_or(0, |text| text.len() + 1);
        self.0.extend_from_slice(&length.to_le_bytes());
        self.0.extend_from_slice(text.unwrap_or_default());
    }

    /// The fields of these names, line by line.
    pub(crate) fn push_fields(&mut self, headers: &HeaderMap, names: &[String]) {
        for name in names {
            self.push(b'h', Some(name.as_bytes()));
            for line in headers.get_all(name.as_str()) {
                self.push(b'v', Some(line.as_bytes()));
            }
        }
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// The pairs of all `Cookie` lines whose names are wanted, in their order (RFC 6265
/// §5.4). A pair without `=` has no name.
pub(crate) fn cookies<'h>(
    headers: &'h HeaderMap,
    wanted: &'h [String],
) -> impl Iterator<Item = &'h [u8]> {
    let lines = headers.get_all(COOKIE).iter();
    let pairs = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    let pairs = pairs.map(<[u8]>::trim_ascii);
    pairs.filter(move |pair| {
        let end = pair.iter().position(|byte| *byte == b'=');
        let name = end.map(|end| pair[..end].trim_ascii_end());
        name.is_some_and(|name| wanted.iter().any(|wanted| wanted.as_bytes() == name))
    })
}

/// The field with these pairs; `None` for none.
pub(crate) fn cookie_field(pairs: &[&[u8]]) -> Option<HeaderValue> {
    let line = pairs.join(&b"; "[..]);
    (!line.is_empty()).then(|| HeaderValue::from_bytes(&line).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut fields = HeaderMap::new();
        for (name, value) in lines {
            fields.append(*name, HeaderValue::from_static(value));
        }
        fields
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn left(headers: &HeaderMap) -> Vec<&str> {
        let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn what_names_a_client_or_another_resource_is_in_no_key() {
        let all = fields(&[
            ("forwarded", "x"),
            ("x-forwarded-host", "x"),
            ("x-original-url", "x"),
            ("x-http-method-override", "x"),
            ("x-request-id", "x"),
            ("traceparent", "x"),
            ("accept", "x"),
            ("x-tenant", "x"),
        ]);
        let mut headers = all.clone();
        hide_unkeyed(&mut headers, &names(&["X-Request-Id"]));
        assert_eq!(left(&headers), ["accept", "x-request-id", "x-tenant"]);
        assert!(has_unkeyed(&all));
        let mut headers = all;
        hide_all(&mut headers);
        assert_eq!(left(&headers), ["accept"]);
        assert!(!has_unkeyed(&headers));
    }

    #[test]
    fn cookies_are_told_apart_by_name_over_all_lines() {
        let headers = fields(&[("cookie", "a=1; b=2;c; =x"), ("cookie", " a = 3 ;A=4;aa=5")]);
        let wanted = names(&["a", "c"]);
        let found: Vec<_> = cookies(&headers, &wanted).collect();
        assert_eq!(found, [&b"a=1"[..], b"a = 3"]);
        assert_eq!(cookie_field(&found).unwrap(), "a=1; a = 3");
        assert_eq!(cookie_field(&[]), None);
    }

    #[test]
    fn parts_of_a_key_are_told_apart() {
        let of = |lines: &[_], wanted: &[&str]| {
            let mut more = More::default();
            more.push_fields(&fields(lines), &names(wanted));
            more.into_bytes()
        };
        let keys = [
            of(&[], &["x-a", "x-b"]),
            of(&[("x-a", "")], &["x-a", "x-b"]),
            of(&[("x-b", "")], &["x-a", "x-b"]),
            of(&[("x-a", "1")], &["x-a", "x-b"]),
            of(&[("x-b", "1")], &["x-a", "x-b"]),
            of(&[("x-a", "1"), ("x-a", "2")], &["x-a", "x-b"]),
            of(&[("x-a", "1, 2")], &["x-a", "x-b"]),
            of(&[("x-a", "1"), ("x-b", "2")], &["x-a", "x-b"]),
        ];
        for (at, key) in keys.iter().enumerate() {
            assert!(!keys[..at].contains(key), "{at}");
        }
    }
}
