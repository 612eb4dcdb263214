//! What a write made stale, as far as HTTP says (RFC 9111 §4.4).

use super::key::KeyParts;
use crate::path::CanonicalPath;
use crate::target::{Target, What};
use http::HeaderMap;
use http::header::{CONTENT_LOCATION, LOCATION};

/// The paths that a write made stale: its own, and those that `Location` and
/// `Content-Location` name on the same origin, each with all its queries. RFC 9111
/// asks for it after 2xx and 3xx; that is the caller's to decide.
///
/// `path` is the request's; `key` is absent if the request has no usable
/// authority, and then only references without an authority are followed. There are no
/// `headers` where nobody saw how the write ended.
pub(crate) fn made_stale(
    path: &str,
    key: Option<&KeyParts<'_>>,
    headers: Option<&HeaderMap>,
) -> Vec<Target> {
    let mut targets = Vec::new();
    note(&mut targets, path);
    for target in headers.map_or_else(Vec::new, |headers| named(path, key, headers)) {
        if !targets.contains(&target) {
            targets.push(target);
        }
    }
    targets
}

/// Only what the response names.
pub(crate) fn named(path: &str, key: Option<&KeyParts<'_>>, headers: &HeaderMap) -> Vec<Target> {
    let mut targets = Vec::new();
    for path in named_paths(path, key, headers) {
        note(&mut targets, &path);
    }
    targets
}

fn note(targets: &mut Vec<Target>, path: &str) {
    let target = Target::hard(What::Path(CanonicalPath::new(path)));
    if !targets.contains(&target) {
        targets.push(target);
    }
}

fn named_paths(
    base: &str,
    key: Option<&KeyParts<'_>>,
    headers: &HeaderMap,
) -> impl Iterator<Item = String> {
    let locations = headers.get_all(LOCATION).iter();
    locations
        .chain(headers.get_all(CONTENT_LOCATION))
        .filter_map(|line| std::str::from_utf8(line.as_bytes()).ok())
        .filter_map(move |reference| same_origin_path(reference.trim(), base, key))
}

/// The path of a reference to the same origin, resolved against the request's
/// (RFC 3986 §5.2). `None` for another origin.
fn same_origin_path(reference: &str, base: &str, key: Option<&KeyParts<'_>>) -> Option<String> {
    let end = reference.find(['?', '#']).unwrap_or(reference.len());
    let hierarchy = &reference[..end];
    let (scheme, rest) = match scheme_of(hierarchy) {
        Some(scheme) => (Some(scheme), &hierarchy[scheme.len() + 1..]),
        None => (None, hierarchy),
    };
    if let Some(rest) = rest.strip_prefix("//") {
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let key = key?;
        let here = key.is_of_origin(scheme.unwrap_or(key.scheme), authority);
        return here.then(|| without_dots(path));
    }
    match (scheme, rest) {
        (Some(_), _) => None,
        (None, "") => Some(base.to_owned()),
        (None, path) if path.starts_with('/') => Some(without_dots(path)),
        (None, path) => {
            let directory = base.rfind('/').map_or("/", |slash| &base[..=slash]);
            Some(without_dots(&format!("{directory}{path}")))
        }
    }
}

/// The scheme that a reference begins with (RFC 3986 §3.1).
fn scheme_of(reference: &str) -> Option<&str> {
    let (scheme, _) = reference.split_once(':')?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    let begins = scheme.bytes().next()?.is_ascii_alphabetic();
    (begins && scheme.bytes().all(plain)).then_some(scheme)
}

/// RFC 3986 §5.2.4, for a path that is empty or begins with a slash.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                if last {
                    kept.push("");
                }
            }
            segment => kept.push(segment),
        }
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::Invalidate;
    use http::header::HOST;
    use http::{HeaderName, HeaderValue, Uri};

    fn stale(lines: &[(HeaderName, &str)]) -> Vec<Target> {
        let uri = Uri::from_static("/a/b?q");
        let mut request = HeaderMap::new();
        request.insert(HOST, HeaderValue::from_static("h"));
        let key = KeyParts::of(&uri, &request, None).unwrap();
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        made_stale("/a/b", Some(&key), Some(&headers))
    }

    fn paths(paths: &[&str]) -> Vec<Target> {
        let all = paths
            .iter()
            .fold(Invalidate::nothing(), |all, path| all.and_path(path));
        all.targets().to_vec()
    }

    #[test]
    fn the_own_path_is_stale_whatever_is_known_of_the_response() {
        assert_eq!(stale(&[]), paths(&["/a/b"]));
        assert_eq!(made_stale("/a/b", None, None), paths(&["/a/b"]));
        assert_eq!(named("/a/b", None, &HeaderMap::new()), []);
    }

    #[test]
    fn locations_on_the_same_origin_are_stale_too() {
        for (reference, path) in [
            ("/c?x#y", "/c"),
            ("c", "/a/c"),
            ("./c", "/a/c"),
            ("../c", "/c"),
            ("../../../c", "/c"),
            ("/x/./y/../z", "/x/z"),
            ("..", "/"),
            (".", "/a/"),
            ("c:d/e", ""),
            ("./c:d", "/a/c:d"),
            ("", "/a/b"),
            ("?other", "/a/b"),
            ("#part", "/a/b"),
            ("//h/c", "/c"),
            ("//H:80/c", "/c"),
            ("http://h", "/"),
            ("HTTP://u@H:80/%63?x", "/c"),
            ("http://h?x", "/"),
            ("/\u{e9}", "/%C3%A9"),
            ("https://h/c", ""),
            ("http://h:81/c", ""),
            ("http://h2/c", ""),
            ("//h@h2/c", ""),
            ("http:/c", ""),
            ("mailto:h", ""),
        ] {
            let expected = match path {
                "" => paths(&["/a/b"]),
                path => paths(&["/a/b", path]),
            };
            for name in [LOCATION, CONTENT_LOCATION] {
                assert_eq!(stale(&[(name, reference)]), expected, "{reference}");
            }
        }
    }

    #[test]
    fn all_lines_of_both_fields_count_once() {
        let lines = [
            (LOCATION, "/c"),
            (LOCATION, "/d"),
            (CONTENT_LOCATION, "/c"),
            (CONTENT_LOCATION, "/e"),
        ];
        assert_eq!(stale(&lines), paths(&["/a/b", "/c", "/d", "/e"]));
    }

    #[test]
    fn without_an_authority_only_plain_references_are_followed() {
        let mut headers = HeaderMap::new();
        headers.append(LOCATION, HeaderValue::from_static("http://h/c"));
        headers.append(LOCATION, HeaderValue::from_static("d"));
        assert_eq!(made_stale("*", None, Some(&headers)), paths(&["*", "/d"]));
        assert_eq!(named("*", None, &headers), paths(&["/d"]));
    }

    proptest::proptest! {
        #[test]
        fn no_reference_panics(reference in "\\PC{0,30}", base in "[/a.?:]{0,8}") {
            same_origin_path(&reference, &base, None);
            same_origin_path(&base, &reference, None);
        }
    }
}
