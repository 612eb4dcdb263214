//! Entity tags for what has none (RFC 9110 §8.8.3).

use http::header::{CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue};
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// What tells two representations with the same bytes apart (RFC 9110 §8.8.1).
const BESIDE_THE_BYTES: [HeaderName; 3] = [CONTENT_TYPE, CONTENT_ENCODING, CONTENT_LANGUAGE];

/// Of the 256 bits of the hash, so many bytes are in the tag.
const BYTES: usize = 20;

/// A strong tag of a whole representation: the same on every instance, and another
/// one for anything else. The hash has no key, so it has to be one for which nobody
/// finds two bodies with the same.
pub(crate) fn made_etag(headers: &HeaderMap, body: &[u8]) -> HeaderValue {
    let mut hash = Sha256::new();
    for name in &BESIDE_THE_BYTES {
        for value in headers.get_all(name) {
            part(&mut hash, value.as_bytes());
        }
        // No value begins like this: a length of them all.
        hash.update(u64::MAX.to_le_bytes());
    }
    part(&mut hash, body);
    let mut text = String::with_capacity(2 * BYTES + 2);
    text.push('"');
    for byte in hash.finalize().iter().take(BYTES) {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text.push('"');
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("W/\"\""))
}

/// With its length before it, so that no two lists of parts are the same bytes.
fn part(hash: &mut Sha256, bytes: &[u8]) {
    hash.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_le_bytes());
    hash.update(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: &[(&'static str, &'static str)], body: &str) -> HeaderValue {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        made_etag(&headers, body.as_bytes())
    }

    #[test]
    fn the_tag_is_of_the_bytes_and_of_what_they_mean() {
        let typed = [("content-type", "text/a")];
        let same = of(&typed, "body");
        assert_eq!(
            same,
            of(&[typed[0], ("date", "today"), ("x-a", "1")], "body")
        );
        let others = [
            of(&typed, "Body"),
            of(&typed, ""),
            of(&[], "body"),
            of(&[("content-type", "text/b")], "body"),
            of(&[("content-language", "text/a")], "body"),
            of(&[typed[0], ("content-encoding", "gzip")], "body"),
            of(&[typed[0], ("content-type", "")], "body"),
        ];
        for (at, other) in others.iter().enumerate() {
            assert_ne!(&same, other, "{at}");
            assert!(!others[..at].contains(other), "{at}");
        }
    }

    #[test]
    fn every_instance_makes_the_same_strong_tag_of_160_bits() {
        // Another one here makes every client of a rolling deploy fetch anew.
        assert_eq!(
            of(&[("content-type", "text/plain")], "hello"),
            "\"99fa6dd6adaabad2fb8357c58cf08da60f27852c\""
        );
    }
}
