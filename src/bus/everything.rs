//! The entry that every log begins with.

use bytes::Bytes;

/// The payload that invalidates everything, in the JSON form of `wire`: the
/// bytes that the scripts of a bus append when the log is new, was wiped, or
/// belongs to another server than before.
pub(crate) fn everything_payload() -> Bytes {
    Bytes::from_static(br#"{"v":1,"everything":true}"#)
}
