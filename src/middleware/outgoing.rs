//! What becomes of each response before it leaves, or is stored.

use crate::cache::{self, Rule, Shared};
use crate::semantics::{self, Instructions};
use http::{HeaderMap, Method};

/// Makes a response of the handler ready to leave. What is answered from memory is
/// ready as it is stored.
pub(super) fn finish(cache: &Shared, rule: &Rule, method: &Method, headers: &mut HeaderMap) {
    tell_downstream(cache, rule, method, headers);
    strip(cache, headers);
}

/// Tells those behind us what the route chooses, also of what is not stored here: how
/// much they keep is not to hang on that. A response that is for its client alone is
/// the handler's.
fn tell_downstream(cache: &Shared, rule: &Rule, method: &Method, headers: &mut HeaderMap) {
    let Some(than) = cache::stricter(rule.policy.downstream_choice()) else {
        return;
    };
    let targeted = &cache.settings.fields.targeted;
    // A POST that comes here reads: a write goes another way.
    let is_read = matches!(method.as_str(), "GET" | "HEAD" | "QUERY" | "POST");
    if is_read && !semantics::keeps_to_itself(&Instructions::of(headers, targeted).directives) {
        let cache_control = semantics::stricter(headers, than);
        cache::say(headers, cache_control);
    }
}

/// Takes out the fields that were for this cache.
pub(super) fn strip(cache: &Shared, headers: &mut HeaderMap) {
    let fields = &cache.settings.fields;
    semantics::strip_targeted(headers, &fields.targeted);
    if !fields.forward_tags {
        semantics::strip_tags(headers, &fields.tags);
    }
    if !fields.forward_groups {
        semantics::strip_groups(headers);
    }
}
