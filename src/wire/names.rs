//! From the names in a message, of either form, to what they name.

use crate::target::{Invalidate, What, origin};

/// The one thing that a single-target invalidation names.
fn only(invalidate: &Invalidate) -> Option<What> {
    match invalidate.targets() {
        [target] => Some(target.what.clone()),
        _ => None,
    }
}

pub(super) fn uri(text: &str) -> Option<What> {
    only(&Invalidate::uri(text))
}

pub(super) fn path(text: &str) -> Option<What> {
    only(&Invalidate::path(text))
}

pub(super) fn prefix(text: &str) -> Option<What> {
    only(&Invalidate::prefix(text))
}

/// A group; `None` if the first text is no `scheme://authority`.
pub(super) fn group(text: &str, name: &str) -> Option<What> {
    let (scheme, authority) = text.split_once("://")?;
    let authority = authority.strip_suffix('/').unwrap_or(authority);
    if scheme.is_empty() || authority.is_empty() || authority.contains(['/', '?', '#']) {
        return None;
    }
    Some(What::Group {
        origin: origin(scheme, authority).into(),
        name: name.into(),
    })
}
