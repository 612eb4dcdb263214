//! What a policy says about storing, in the words of the rules of HTTP.

use crate::policy::{Policy, SetCookie, Stale};
use crate::semantics::{Cookies, Heuristics, Overrides, RouteRules, RouteWindows};

/// The floors below know nothing of each other.
pub(super) fn route_rules(policy: &Policy) -> RouteRules {
    let storing = policy.storing();
    let Stale {
        while_revalidate,
        if_error,
        ..
    } = policy.stale_windows();
    RouteRules {
        lifetime: policy.declared_lifetime(),
        statuses: storing.statuses.clone(),
        errors_at_most: Some(storing.errors_at_most),
        overrides: match (storing.overrides_headers, storing.ignores_no_store) {
            (false, _) => Overrides::Nothing,
            (true, false) => Overrides::Time,
            (true, true) => Overrides::Prohibitions,
        },
        heuristics: if storing.heuristics {
            Heuristics::On
        } else {
            Heuristics::Off
        },
        windows: RouteWindows {
            while_revalidate,
            if_error,
        },
        cookies: match storing.set_cookie {
            SetCookie::Refuse => Cookies::Refused,
            SetCookie::Strip => Cookies::Stripped,
            SetCookie::Store => Cookies::Stored,
        },
    }
}
