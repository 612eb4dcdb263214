//! What is taken out of each response before it leaves, or is stored.

use crate::cache::Shared;
use crate::semantics;
use http::HeaderMap;

/// Takes out the fields that were for this cache.
pub(super) fn strip(cache: &Shared, headers: &mut HeaderMap) {
    let fields = &cache.settings.fields;
    semantics::strip_targeted(headers, &fields.targeted);
    if !fields.forward_tags {
        semantics::strip_tags(headers, &fields.tags);
    }
}
