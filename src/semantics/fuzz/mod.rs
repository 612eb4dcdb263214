//! Header fields edited at random, against second readings and what must hold
//! between two of them.

mod cache_control;
mod conditional;
mod dates;
mod groups;
mod key;
mod range;
mod targeted;

use http::{HeaderMap, HeaderName, HeaderValue};

/// Each line of the input as a line of the field; `None` if one is no value.
fn field(name: &HeaderName, bytes: &[u8]) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        headers.append(name, HeaderValue::from_bytes(line).ok()?);
    }
    Some(headers)
}
