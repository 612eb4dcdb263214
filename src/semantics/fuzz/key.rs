//! Authorities, keys, and the references of `Location`.

use crate::fuzz::{Target as Fuzz, texts};
use crate::path::{CanonicalPath, MAX_SEGMENTS};
use crate::semantics::authority::{authority, without_userinfo};
use crate::semantics::key::KeyParts;
use crate::semantics::request::Bypass;
use crate::semantics::{StoredKey, made_stale};
use crate::target::{Invalidate, What, without_default_port};
use http::header::{CONTENT_LOCATION, HOST, LOCATION};
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Uri};
use proptest::prelude::*;
use std::hash::{DefaultHasher, Hasher};

const WORDS: &[&str] = &[
    "http://",
    "https://",
    "HTTP://",
    "h",
    "H",
    "example.com",
    ":80",
    ":443",
    ":8080",
    ":",
    "@",
    "user:pw@",
    "[::1]",
    "[",
    "]",
    "/",
    "//",
    "/p",
    "/a/b",
    "?",
    "?q",
    "#",
    "%2F",
    "%41",
    "..",
    "/../",
    "\n",
    " ",
    "*",
    "a",
];

/// A request line's URI, and a line for each `Host`.
fn request(text: &[u8]) -> Option<(Uri, HeaderMap)> {
    let mut lines = text.split(|byte| *byte == b'\n');
    let uri = Uri::try_from(lines.next()?).ok()?;
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append(HOST, HeaderValue::from_bytes(line).ok()?);
    }
    Some((uri, headers))
}

fn authorities() -> Fuzz {
    Fuzz {
        name: "authority",
        cases: 50_000,
        corpus: texts(&[
            "/\nh",
            "/\nExample.com:80",
            "/p\n[::1]:443",
            "https://user:pw@Example.com:443/p",
            "http://h:8080/p?q\nh:8080",
            "http://h:80/\nH",
            "h:80\nh",
            "*\na_b-c.d~e%20!",
            "/",
        ]),
        words: WORDS,
    }
}

#[test]
fn an_authority_is_one_host_without_the_default_port_whatever_its_case() {
    authorities().holds(|bytes| {
        let Some((uri, headers)) = request(bytes) else {
            return Ok(false);
        };
        let scheme = uri.scheme_str().unwrap_or("http");
        let hosts: Vec<_> = headers.get_all(HOST).iter().collect();
        let read = authority(&uri, &headers, scheme);
        if hosts.len() > 1 {
            prop_assert_eq!(read, Err(Bypass::RepeatedHost));
        }
        let Ok(host) = read else {
            return Ok(false);
        };
        prop_assert_eq!(
            host.is_empty(),
            uri.authority().is_none() && hosts.is_empty()
        );
        prop_assert_eq!(without_default_port(scheme, host), host);
        prop_assert_eq!(without_userinfo(host), host);
        // `http` has a second opinion of names, but never takes an escape.
        let plain = host.replace('%', "x");
        let checked = !host.is_empty() && !host.starts_with('[');
        prop_assert!(!checked || plain.parse::<Authority>().is_ok(), "{}", host);
        // Written in another case, and with the port that goes without saying.
        let port = if scheme.eq_ignore_ascii_case("https") {
            443
        } else {
            80
        };
        let explicit = if host.contains("]:") || (host.contains(':') && !host.ends_with(']')) {
            host.to_ascii_uppercase()
        } else {
            format!("{}:{port}", host.to_ascii_uppercase())
        };
        if !host.is_empty() {
            let value = HeaderValue::from_str(&explicit).expect("a host is printable");
            let other = HeaderMap::from_iter([(HOST, value)]);
            let again = authority(&uri, &other, scheme);
            prop_assert!(
                again.is_ok_and(|again| again.eq_ignore_ascii_case(host)),
                "{}",
                explicit
            );
        }
        Ok(true)
    });
}

/// Two requests, divided by a byte 0x01.
fn keys() -> Fuzz {
    // As long as a key may be.
    let path = "x".repeat(8 * 1024 - "http://h/".len());
    let long = format!("/\nh\u{1}http://h/{path}");
    Fuzz {
        name: "keys",
        cases: 40_000,
        corpus: texts(&[
            "/p?q\nh\u{1}http://H:80/p?q",
            &long,
            "https://h/p\u{1}/p\nh",
            "http://user@example.com/A/b?\u{1}http://EXAMPLE.com/A/b",
            "/a%2Fb\u{1}/a/b",
            "/\n[::1]:80\u{1}http://[::1]/",
            "/a/b/c/d?x=1&y=2\nh:8080\u{1}/a/b/c/d?x=1&y=2\nH:8080",
        ]),
        words: WORDS,
    }
}

/// The key as one text: equal keys and only they have equal ones.
fn text(parts: &KeyParts<'_>) -> String {
    let (scheme, host) = (parts.scheme, parts.authority);
    let query = parts.query.map(|query| format!("?{query}"));
    let query = query.unwrap_or_default();
    let origin = format!("{scheme}://{host}").to_ascii_lowercase();
    format!("{origin}{}{query}", parts.path)
}

fn hash(parts: &KeyParts<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    parts.hash_into(&mut hasher);
    hasher.finish()
}

fn check(parts: &KeyParts<'_>) -> Result<StoredKey, TestCaseError> {
    let stored = parts.to_stored();
    let expected = text(parts);
    prop_assert_eq!(stored.uri(), &expected);
    prop_assert!(expected.len() <= 8 * 1024);
    prop_assert!(parts.path.starts_with('/'));
    prop_assert!(parts.path.split('/').count() - 1 <= MAX_SEGMENTS);
    prop_assert_eq!(stored.path(), parts.path);
    prop_assert!(expected.starts_with(stored.origin()));
    prop_assert!(parts.same_as(&stored));
    prop_assert_eq!(text(&stored.parts()), expected);
    // A URI target names it.
    let named = Invalidate::uri(stored.uri());
    prop_assert_eq!(&named.targets()[0].what, &What::Uri(stored.uri().into()));
    Ok(stored)
}

#[test]
fn two_requests_have_one_key_where_their_normal_texts_are_one_and_nowhere_else() {
    keys().holds(|bytes| {
        let mut halves = bytes.splitn(2, |byte| *byte == 1);
        let (Some(one), Some(other)) = (
            halves.next().and_then(request),
            halves.next().and_then(request),
        ) else {
            return Ok(false);
        };
        let (Ok(one), Ok(other)) = (
            KeyParts::of(&one.0, &one.1, None),
            KeyParts::of(&other.0, &other.1, None),
        ) else {
            return Ok(false);
        };
        let (one_stored, other_stored) = (check(&one)?, check(&other)?);
        let equal = text(&one) == text(&other);
        prop_assert_eq!(one.same_as(&other_stored), equal);
        prop_assert_eq!(one_stored == other_stored, equal);
        prop_assert_eq!(hash(&one) == hash(&other_stored.parts()), equal);
        Ok(true)
    });
}

fn references() -> Fuzz {
    Fuzz {
        name: "locations",
        cases: 30_000,
        corpus: texts(&[
            "/a/./b/../c?q#f",
            "http://H:80/x/%41",
            "//h/p",
            "../up/.",
            "?q",
            "",
            "mailto:x@h",
            "http://other/p",
            "é/ü",
        ]),
        words: WORDS,
    }
}

/// Whether it has an origin, and not `http://h`. `http` also takes
/// schemes that are none (RFC 3986 §3.1): `0http`, `htt~p`.
fn is_elsewhere(uri: &Uri) -> bool {
    let (Some(scheme), Some(host)) = (uri.scheme_str(), uri.host()) else {
        return false;
    };
    let is_scheme =
        scheme.starts_with(|first: char| first.is_ascii_alphabetic()) && !scheme.contains('~');
    let port = uri.port_u16().unwrap_or(80);
    is_scheme && (scheme != "http" || !host.eq_ignore_ascii_case("h") || port != 80)
}

#[test]
fn a_location_adds_paths_in_canonical_form_and_only_of_this_origin() {
    let (uri, headers) = (Uri::from_static("http://h/base/x"), HeaderMap::new());
    let key = KeyParts::of(&uri, &headers, None).expect("a key");
    references().holds(|bytes| {
        let Ok(value) = HeaderValue::from_bytes(bytes) else {
            return Ok(false);
        };
        let fields = [(LOCATION, value.clone()), (CONTENT_LOCATION, value)];
        let response = HeaderMap::from_iter(fields);
        let targets = made_stale(uri.path(), Some(&key), Some(&response));
        let without = made_stale(uri.path(), None, Some(&response));
        prop_assert!((1..=2).contains(&targets.len()), "{:?}", targets);
        prop_assert!(without.iter().all(|target| targets.contains(target)));
        let absolute = Uri::try_from(bytes).ok();
        let elsewhere = absolute.is_some_and(|uri| is_elsewhere(&uri));
        prop_assert!(!elsewhere || targets.len() == 1, "{:?}", targets);
        for target in &targets {
            let What::Path(path) = &target.what else {
                return Err(TestCaseError::fail(format!("{target:?}")));
            };
            prop_assert_eq!(&CanonicalPath::new(path.as_str()), path);
            prop_assert!(path.as_str().len() <= 3 * (bytes.len() + uri.path().len()) + 1);
        }
        Ok(targets.len() > 1)
    });
}
