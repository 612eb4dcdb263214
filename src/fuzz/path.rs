//! Paths: the canonical form against the segments as a second reading has them.

use super::{Target, texts};
use crate::path::{CanonicalPath, ancestors, canonical, segments};
use proptest::prelude::*;

fn target() -> Target {
    Target {
        name: "path",
        cases: 60_000,
        corpus: texts(&[
            "",
            "/",
            "a",
            "/products/7",
            "/products/%37/",
            "/a%2Fb//c/%00/%zz%",
            "/%7Euser/%c3%a9/é",
            "/a/./b/../c;v=1/@:!$&'()*+,=",
            "/%25zz/%%41",
        ]),
        words: &[
            "/", "%", "%2", "%2F", "%2f", "%41", "%25", "%C3%A9", "é", "//", "~", "?", "#", "a",
        ],
    }
}

/// The segments with every escape undone.
fn decoded(path: &str) -> Vec<Vec<u8>> {
    let path = path.strip_prefix('/').unwrap_or(path);
    path.split('/')
        .map(|segment| undo(segment.as_bytes()))
        .collect()
}

fn undo(segment: &[u8]) -> Vec<u8> {
    let (mut plain, mut at) = (Vec::new(), 0);
    while at < segment.len() {
        let digits = segment.get(at + 1..at + 3);
        let digits = digits.filter(|two| two.iter().all(u8::is_ascii_hexdigit));
        let value = digits
            .filter(|_| segment[at] == b'%')
            .and_then(|two| std::str::from_utf8(two).ok())
            .and_then(|two| u8::from_str_radix(two, 16).ok());
        plain.push(value.unwrap_or(segment[at]));
        at += if value.is_some() { 3 } else { 1 };
    }
    plain
}

/// Unreserved characters, sub-delimiters, `:`, `@` and whole escapes in upper case.
fn is_canonical(form: &str) -> bool {
    let mut bytes = form.bytes();
    while let Some(byte) = bytes.next() {
        let upper = |byte: Option<u8>| {
            byte.is_some_and(|byte| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte))
        };
        let fine = match byte {
            b'%' => upper(bytes.next()) && upper(bytes.next()),
            byte => byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=:@".contains(&byte),
        };
        if !fine {
            return false;
        }
    }
    true
}

#[test]
fn a_path_has_one_form_for_its_decoded_segments_and_no_other() {
    target().holds(|bytes| {
        let Ok(text) = std::str::from_utf8(bytes) else {
            return Ok(false);
        };
        // Two paths, to be told apart or not.
        let (one, other) = text.split_once('#').unwrap_or((text, "/products/7"));
        for path in [one, other] {
            let form = canonical(path);
            prop_assert!(form.starts_with('/') && is_canonical(&form), "{}", form);
            prop_assert!(form.len() <= 3 * path.len() + 1);
            prop_assert_eq!(&*canonical(&form), &*form);
            prop_assert_eq!(decoded(&form), decoded(path));
            prop_assert_eq!(ancestors(&form).count(), segments(&form));
            prop_assert!(ancestors(&form).all(|above| form[above.len()..].starts_with('/')));
            let prefix = CanonicalPath::prefix(path);
            prop_assert!(!prefix.as_str().ends_with('/') && form.starts_with(prefix.as_str()));
        }
        let equal = CanonicalPath::new(one) == CanonicalPath::new(other);
        prop_assert_eq!(equal, decoded(one) == decoded(other));
        Ok(true)
    });
}
