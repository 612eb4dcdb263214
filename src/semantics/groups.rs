//! Cache groups (RFC 9875).

use super::list::combined;
use crate::target::{Target, What};
use http::{HeaderMap, HeaderName, Method};
use sfv::{BareItem, List, ListEntry, Parser};

/// What a response is in.
const CACHE_GROUPS: HeaderName = HeaderName::from_static("cache-groups");

/// What a write made stale.
const INVALIDATION: HeaderName = HeaderName::from_static("cache-group-invalidation");

/// The most groups of one response. The RFC asks for 32 at least.
const MAX_GROUPS: usize = 128;

/// The longest name of a group. The RFC asks for 32 at least.
const MAX_GROUP_BYTES: usize = 256;

/// A response is in more groups than are kept, or in one with a longer name. To
/// drop one would make an entry that nobody can purge by it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct TooManyGroups;

/// The groups that a response is in (RFC 9875 §2), each once. They belong to the
/// origin of its URI.
pub(crate) fn groups(response: &HeaderMap) -> Result<Vec<Box<str>>, TooManyGroups> {
    let names = strings(response, &CACHE_GROUPS);
    let long = names.iter().any(|name| name.len() > MAX_GROUP_BYTES);
    if long || names.len() > MAX_GROUPS {
        return Err(TooManyGroups);
    }
    Ok(names)
}

/// Takes out of a response what groups it is in, and which it invalidates.
pub(crate) fn strip_groups(response: &mut HeaderMap) {
    response.remove(CACHE_GROUPS);
    response.remove(INVALIDATION);
}

/// The groups that a response to this method invalidates (RFC 9875 §3), whatever
/// its status. `origin` is that of the request's URI.
pub(crate) fn invalidated_groups(
    method: &Method,
    response: &HeaderMap,
    origin: &str,
) -> Vec<Target> {
    if matches!(
        method.as_str(),
        "GET" | "HEAD" | "OPTIONS" | "TRACE" | "QUERY"
    ) {
        return Vec::new();
    }
    strings(response, &INVALIDATION)
        .into_iter()
        .map(|name| {
            Target::hard(What::Group {
                origin: origin.into(),
                name,
            })
        })
        .collect()
}

/// All lines of the field as a List of Strings, sorted, each once. Parameters are
/// ignored. A field that is something else is ignored as a whole.
fn strings(headers: &HeaderMap, name: &HeaderName) -> Vec<Box<str>> {
    let field = combined(headers, name).unwrap_or_default();
    let Ok(list) = Parser::new(&field).parse::<List>() else {
        return Vec::new();
    };
    let strings: Option<Vec<Box<str>>> = list.iter().map(string).collect();
    let mut strings = strings.unwrap_or_default();
    strings.sort_unstable();
    strings.dedup();
    strings
}

fn string(entry: &ListEntry) -> Option<Box<str>> {
    match entry {
        ListEntry::Item(item) => match &item.bare_item {
            BareItem::String(text) => Some(text.as_str().into()),
            _ => None,
        },
        ListEntry::InnerList(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn field(name: &HeaderName, lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(name, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        headers
    }

    fn of(lines: &[&str]) -> Result<Vec<String>, TooManyGroups> {
        let names = groups(&field(&CACHE_GROUPS, lines))?;
        Ok(names.into_iter().map(String::from).collect())
    }

    #[test]
    fn groups_are_a_list_of_strings_over_all_lines() {
        assert_eq!(of(&[]).unwrap(), [""; 0]);
        assert_eq!(of(&[""]).unwrap(), [""; 0]);
        assert_eq!(of(&["\"b\", \"a\";x=1;y"]).unwrap(), ["a", "b"]);
        assert_eq!(of(&["\"a\"", "\"B\",\"a\""]).unwrap(), ["B", "a"]);
        assert_eq!(of(&[r#""a, \"b\\""#]).unwrap(), [r#"a, "b\"#]);
        assert_eq!(of(&["\"\""]).unwrap(), [""]);
    }

    #[test]
    fn a_field_that_is_anything_else_is_ignored_as_a_whole() {
        for line in [
            "a",
            "\"a\", b",
            "\"a\", 1",
            "\"a\", (\"b\")",
            "\"a\", :YQ==:",
            "\"a\", ?1",
            "\"a\",",
            "\"a\" \"b\"",
            "\"a",
            "'a'",
            "\"\u{e9}\"",
        ] {
            assert_eq!(of(&[line]).unwrap(), [""; 0], "{line}");
            assert_eq!(of(&["\"z\"", line]).unwrap(), [""; 0], "{line}");
        }
    }

    #[test]
    fn more_than_the_cap_is_an_error_and_not_a_shorter_list() {
        let all = |count| {
            let names: Vec<_> = (0..count).map(|n| format!("\"{n}\"")).collect();
            names.join(",")
        };
        assert_eq!(of(&[&all(128)]).unwrap().len(), 128);
        assert_eq!(of(&[&all(129)]), Err(TooManyGroups));
        let long = |bytes| format!("\"{}\"", "x".repeat(bytes));
        assert_eq!(of(&[&long(256)]).unwrap().len(), 1);
        assert_eq!(of(&[&long(257)]), Err(TooManyGroups));
    }

    #[test]
    fn a_write_invalidates_groups_of_its_origin_without_a_cap() {
        let names: Vec<_> = (0..200).map(|n| format!("\"{n}\"")).collect();
        let headers = field(&INVALIDATION, &[&names.join(",")]);
        let targets = invalidated_groups(&Method::POST, &headers, "http://h");
        assert_eq!(targets.len(), 200);
        let first = What::Group {
            origin: "http://h".into(),
            name: "0".into(),
        };
        assert_eq!(targets[0], Target::hard(first));
    }

    #[test]
    fn a_safe_method_invalidates_no_group() {
        let headers = field(&INVALIDATION, &["\"a\""]);
        for method in ["GET", "HEAD", "OPTIONS", "TRACE", "QUERY"] {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            assert_eq!(invalidated_groups(&method, &headers, "http://h"), []);
        }
        for method in ["POST", "PUT", "DELETE", "PATCH", "M-SEARCH"] {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            assert_eq!(invalidated_groups(&method, &headers, "http://h").len(), 1);
        }
    }
}
