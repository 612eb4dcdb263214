//! The primary key of a request (RFC 9111 §2, §4; HTTP URIs: RFC 9110 §4.2.3).

use super::authority::{authority, without_userinfo};
use super::request::Bypass;
use crate::path::{MAX_SEGMENTS, segments};
use crate::scope::Scope;
use crate::target::{uri, without_default_port};
use http::{HeaderMap, Uri};
use std::hash::Hasher;

/// A longer key is not looked up.
pub(crate) const MAX_KEY_BYTES: usize = 8 * 1024;

/// The parts of a request's key, borrowed from it. Scheme and authority are
/// compared and hashed without case, path and query byte by byte.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyParts<'a> {
    pub(crate) scope: Option<&'a Scope>,
    pub(crate) scheme: &'a str,
    /// Without userinfo and without the default port.
    pub(crate) authority: &'a str,
    pub(crate) path: &'a str,
    /// `/p?` has one, an empty one.
    pub(crate) query: Option<&'a str>,
    /// What else a route has in the key, told apart by itself. Mostly nothing.
    pub(crate) more: &'a [u8],
}

impl<'a> KeyParts<'a> {
    /// The parts of this request's key. The authority is the URI's, else the one
    /// `Host`, else empty: a partition of its own, for what HTTP/1.0 and callers in
    /// the same process send. A URI without a scheme is an `http` one.
    pub(crate) fn of(
        uri: &'a Uri,
        headers: &'a HeaderMap,
        scope: Option<&'a Scope>,
    ) -> Result<Self, Bypass> {
        let scheme = uri.scheme_str().unwrap_or("http");
        let parts = Self {
            scope,
            scheme,
            authority: authority(uri, headers, scheme)?,
            path: uri.path(),
            query: uri.query(),
            more: &[],
        };
        if !parts.path.starts_with('/') {
            return Err(Bypass::TargetForm);
        }
        if parts.text_len() > MAX_KEY_BYTES {
            return Err(Bypass::LongKey);
        }
        // An escaped slash divides nothing, so the segments are those as written.
        if segments(parts.path) > MAX_SEGMENTS {
            return Err(Bypass::DeepPath);
        }
        Ok(parts)
    }

    /// Whether the scheme and authority are this origin, up to their case.
    pub(crate) fn is_of_origin(&self, scheme: &str, authority: &str) -> bool {
        let authority = without_default_port(scheme, without_userinfo(authority));
        self.scheme.eq_ignore_ascii_case(scheme) && self.authority.eq_ignore_ascii_case(authority)
    }

    /// Whether it is the key of a stored response.
    pub(crate) fn same_as(&self, stored: &StoredKey) -> bool {
        let stored = stored.parts();
        self.path == stored.path
            && self.query == stored.query
            && self.authority.eq_ignore_ascii_case(stored.authority)
            && self.scheme.eq_ignore_ascii_case(stored.scheme)
            && self.scope == stored.scope
            && self.more == stored.more
    }

    /// Hashes the key, so that equal keys and only they write the same bytes: each
    /// part comes after its length.
    pub(crate) fn hash_into(&self, hasher: &mut impl Hasher) {
        hash_optional(self.scope.map(Scope::as_str), hasher);
        hash_without_case(self.scheme, hasher);
        hash_without_case(self.authority, hasher);
        hash_bytes(self.path.as_bytes(), hasher);
        hash_optional(self.query, hasher);
        if !self.more.is_empty() {
            hash_bytes(self.more, hasher);
        }
    }

    pub(crate) fn to_stored(self) -> StoredKey {
        let mut path_and_query = self.path.to_owned();
        if let Some(query) = self.query {
            path_and_query.push('?');
            path_and_query.push_str(query);
        }
        let text = uri(self.scheme, self.authority, &path_and_query);
        let path_at = text.len() - path_and_query.len();
        StoredKey {
            path_end: path_at + self.path.len(),
            path_at,
            scheme_end: self.scheme.len(),
            text,
            scope: self.scope.cloned(),
            more: self.more.into(),
        }
    }

    fn text_len(&self) -> usize {
        let query = self.query.map_or(0, |query| query.len() + 1);
        self.scheme.len() + 3 + self.authority.len() + self.path.len() + query
    }
}

/// The key of a stored response: its URI, normalised, its scope, and what else a route
/// has in it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct StoredKey {
    text: Box<str>,
    scheme_end: usize,
    /// Where the authority ends and the path begins.
    path_at: usize,
    path_end: usize,
    scope: Option<Scope>,
    more: Box<[u8]>,
}

impl StoredKey {
    /// The URI, as a URI target writes it.
    pub(crate) fn uri(&self) -> &str {
        &self.text
    }

    /// The origin, as groups have it.
    pub(crate) fn origin(&self) -> &str {
        &self.text[..self.path_at]
    }

    /// The path, as it was requested.
    pub(crate) fn path(&self) -> &str {
        &self.text[self.path_at..self.path_end]
    }

    pub(crate) fn scope(&self) -> Option<&Scope> {
        self.scope.as_ref()
    }

    pub(crate) fn parts(&self) -> KeyParts<'_> {
        KeyParts {
            scope: self.scope.as_ref(),
            scheme: &self.text[..self.scheme_end],
            authority: &self.text[self.scheme_end + 3..self.path_at],
            path: self.path(),
            query: self.text[self.path_end..].strip_prefix('?'),
            more: &self.more,
        }
    }

    /// Whether nothing else is in it.
    pub(crate) fn is_of_its_uri(&self) -> bool {
        self.more.is_empty()
    }

    /// How many bytes it takes. The name of a scope is shared, and not counted.
    pub(crate) fn weight(&self) -> usize {
        size_of::<Self>() + self.text.len() + self.more.len()
    }
}

fn hash_optional(text: Option<&str>, hasher: &mut impl Hasher) {
    match text {
        None => hasher.write_u8(0),
        Some(text) => {
            hasher.write_u8(1);
            hash_bytes(text.as_bytes(), hasher);
        }
    }
}

fn hash_bytes(bytes: &[u8], hasher: &mut impl Hasher) {
    hasher.write_usize(bytes.len());
    hasher.write(bytes);
}

/// In lower case, piece by piece.
fn hash_without_case(text: &str, hasher: &mut impl Hasher) {
    hasher.write_usize(text.len());
    for piece in text.as_bytes().chunks(64) {
        let mut lower = [0; 64];
        let lower = &mut lower[..piece.len()];
        lower.copy_from_slice(piece);
        lower.make_ascii_lowercase();
        hasher.write(lower);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::{Invalidate, What};
    use http::HeaderValue;
    use http::header::HOST;
    use std::hash::DefaultHasher;

    fn hosts(lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(HOST, HeaderValue::from_str(line).unwrap());
        }
        headers
    }

    fn stored(uri: &str, host: &[&str]) -> Result<StoredKey, Bypass> {
        let uri = uri.parse().unwrap();
        KeyParts::of(&uri, &hosts(host), None).map(KeyParts::to_stored)
    }

    fn hash(parts: &KeyParts<'_>) -> u64 {
        let mut hasher = DefaultHasher::new();
        parts.hash_into(&mut hasher);
        hasher.finish()
    }

    fn same(one: &str, host: &[&str], other: &StoredKey) -> bool {
        let (uri, headers) = (one.parse().unwrap(), hosts(host));
        let parts = KeyParts::of(&uri, &headers, None).unwrap();
        let equal = parts.same_as(other);
        assert_eq!(parts.to_stored() == *other, equal);
        assert_eq!(hash(&parts) == hash(&other.parts()), equal);
        equal
    }

    #[test]
    fn both_versions_of_http_give_one_key() {
        let key = stored("/P?Q=1", &["Example.com:80"]).unwrap();
        assert_eq!(key.uri(), "http://example.com/P?Q=1");
        assert_eq!((key.origin(), key.path()), ("http://example.com", "/P"));
        assert!(same("http://EXAMPLE.com/P?Q=1", &[], &key));
        assert!(same("http://example.com:80/P?Q=1", &["example.com"], &key));
        assert!(same("http://user:pw@example.com/P?Q=1", &[], &key));
        assert!(same("/P?Q=1", &["example.com:"], &key));
    }

    #[test]
    fn every_part_of_the_uri_counts() {
        let key = stored("https://h:8443/p?q", &[]).unwrap();
        for other in [
            "http://h:8443/p?q",
            "https://h/p?q",
            "https://h2:8443/p?q",
            "https://h:8443/P?q",
            "https://h:8443/p/?q",
            "https://h:8443/p?Q",
            "https://h:8443/p",
            "https://h:8443/p?",
            "https://h:8443/%70?q",
        ] {
            assert!(!same(other, &[], &key), "{other}");
        }
        let empty = stored("http://h/p?", &[]).unwrap();
        assert!(!same("http://h/p", &[], &empty));
        assert!(same("http://h/p?", &[], &empty));
        let ported = stored("http://h:443/", &[]).unwrap();
        assert!(!same("http://h/", &[], &ported));
    }

    #[test]
    fn the_scope_is_part_of_the_key() {
        let (uri, headers) = (Uri::from_static("/p"), hosts(&["h"]));
        let scopes = [None, Some(Scope::new("")), Some(Scope::new("t"))];
        let parts = |scope: &'static Option<Scope>| scope.as_ref();
        let leaked: &'static [Option<Scope>; 3] = Box::leak(Box::new(scopes));
        for one in leaked {
            for other in leaked {
                let one_key = KeyParts::of(&uri, &headers, parts(one)).unwrap();
                let other_key = KeyParts::of(&uri, &headers, parts(other)).unwrap();
                let equal = one_key.same_as(&other_key.to_stored());
                assert_eq!(equal, one == other);
                assert_eq!(hash(&one_key) == hash(&other_key), equal);
                assert_eq!(one_key.to_stored().scope(), one.as_ref());
            }
        }
    }

    #[test]
    fn the_hash_keeps_the_parts_apart() {
        let keys = [
            ("/a", "hb"),
            ("/ab", "h"),
            ("/a?b", "h"),
            ("/?ab", "h"),
            ("/a%3Fb", "h"),
        ];
        let hashes: std::collections::HashSet<u64> = keys
            .iter()
            .map(|(uri, host)| hash(&stored(uri, &[host]).unwrap().parts()))
            .collect();
        assert_eq!(hashes.len(), keys.len());
    }

    #[test]
    fn a_request_without_a_host_has_a_key_that_no_host_has() {
        let key = stored("/p?q", &[]).unwrap();
        assert_eq!(key.uri(), "http:///p?q");
        assert_eq!((key.origin(), key.path()), ("http://", "/p"));
        assert!(same("/p?q", &[], &key));
        for host in ["h", "p"] {
            assert!(!same("/p?q", &[host], &key), "{host}");
        }
    }

    #[test]
    fn a_request_with_two_hosts_or_a_broken_one_bypasses() {
        for (uri, host, reason) in [
            ("/", &["h", "h"][..], Bypass::RepeatedHost),
            ("http://h/", &["h", "i"], Bypass::RepeatedHost),
            ("http://h/", &["i"], Bypass::TwoHosts),
            ("http://h/", &["h:81"], Bypass::TwoHosts),
            ("/", &[""], Bypass::InvalidHost),
            ("/", &[":80"], Bypass::InvalidHost),
            ("/", &["u@h"], Bypass::InvalidHost),
            ("/", &["h/p"], Bypass::InvalidHost),
            ("/", &["h, i"], Bypass::InvalidHost),
            ("/", &["h i"], Bypass::InvalidHost),
            ("/", &["h:x"], Bypass::InvalidHost),
            ("/", &["h:1:2"], Bypass::InvalidHost),
            ("/", &["[::1"], Bypass::InvalidHost),
            ("/", &["[::1]x"], Bypass::InvalidHost),
            ("/", &["[]"], Bypass::InvalidHost),
            ("/", &["h?"], Bypass::InvalidHost),
            ("/", &["\u{e9}"], Bypass::InvalidHost),
            ("h:80", &[], Bypass::TargetForm),
            ("*", &["h"], Bypass::TargetForm),
        ] {
            assert_eq!(stored(uri, host), Err(reason), "{uri} {host:?}");
        }
        for host in ["h", "H.example.", "1.2.3.4:5", "[::1]", "[::1]:80", "a_b-c"] {
            assert!(stored("/", &[host]).is_ok(), "{host}");
        }
    }

    #[test]
    fn long_and_deep_paths_bypass() {
        let long = format!("/{}", "x".repeat(MAX_KEY_BYTES));
        assert_eq!(stored(&long, &["h"]), Err(Bypass::LongKey));
        let deep = "/a".repeat(MAX_SEGMENTS);
        assert!(stored(&deep, &["h"]).is_ok());
        assert_eq!(stored(&format!("{deep}/"), &["h"]), Err(Bypass::DeepPath));
    }

    #[test]
    fn a_uri_target_names_the_key() {
        for (uri, host) in [
            ("/p?q", "H:80"),
            ("/", "h"),
            ("https://h:443/a%2Fb", "h"),
            ("http://[::1]:8080/?", "[::1]:8080"),
            ("/p?q", ""),
        ] {
            let hosts: &[&str] = if host.is_empty() { &[] } else { &[host] };
            let key = stored(uri, hosts).unwrap();
            let target = Invalidate::uri(key.uri());
            assert_eq!(target.targets()[0].what, What::Uri(key.uri().into()));
            assert!(key.weight() > key.uri().len());
        }
    }
}
