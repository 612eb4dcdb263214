//! What a route says about storing, beside the fields of its responses.

use crate::semantics::reuse::RouteWindows;
use crate::semantics::targeted::{Expires, Instructions};
use http::header::SET_COOKIE;
use http::{HeaderMap, StatusCode};
use std::time::Duration;

/// What a route says about storing.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct RouteRules {
    pub(crate) lifetime: Option<Duration>,
    /// Lifetimes for statuses that `lifetime` is not for, with the first and the last
    /// status of each; the later counts.
    pub(crate) statuses: Vec<(u16, u16, Duration)>,
    /// For how long errors are kept at most, whatever they say.
    pub(crate) errors_at_most: Option<Duration>,
    pub(crate) overrides: Overrides,
    pub(crate) heuristics: Heuristics,
    pub(crate) windows: RouteWindows,
    pub(crate) cookies: Cookies,
}

/// What the lifetime of a route takes the place of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Overrides {
    /// Of nothing: it can only shorten what is declared.
    #[default]
    Nothing,
    /// Of what the fields say about time.
    Time,
    /// Of that, and of `no-store` and `private`.
    Prohibitions,
}

/// Whether a lifetime is guessed where nobody says one (RFC 9111 §4.2.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Heuristics {
    #[default]
    Off,
    On,
}

/// What becomes of a response that sets a cookie (RFC 9111 §7.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Cookies {
    /// It is not stored.
    #[default]
    Refused,
    /// It is, without the field.
    Stripped,
    Stored,
}

impl RouteRules {
    /// Takes out of what is stored what is for the first client only.
    pub(crate) fn strip(&self, stored: &mut HeaderMap) {
        if self.cookies == Cookies::Stripped {
            stored.remove(SET_COOKIE);
        }
    }

    /// What a response with this status gets if it declares nothing. An error only if
    /// the route names its status, and never one that says nothing of the resource:
    /// that the request was bad, or that the server is in trouble.
    pub(super) fn lifetime_of(&self, status: StatusCode) -> Option<Duration> {
        let code = status.as_u16();
        let named = self.statuses.iter().rev();
        let named = named.filter(|(first, last, _)| (*first..=*last).contains(&code));
        let named = named.map(|(_, _, lifetime)| *lifetime).next();
        let is_for_routes = matches!(code, 200 | 203 | 204 | 300 | 301 | 308);
        let may_be_named = !matches!(code, 206 | 304 | 400 | 413 | 414 | 431 | 500..);
        named
            .filter(|_| may_be_named)
            .or(self.lifetime.filter(|_| is_for_routes))
    }

    /// For how long the route lets a response with this status be fresh at most.
    pub(crate) fn longest_for(&self, status: StatusCode) -> Option<Duration> {
        self.lifetime_of(status).or(self.lifetime)
    }

    /// What is heeded of what such a response says to this cache.
    pub(super) fn heeded(&self, said: Instructions, status: StatusCode) -> Instructions {
        if self.overrides == Overrides::Nothing || self.lifetime_of(status).is_none() {
            return said;
        }
        let mut directives = said.directives;
        directives.no_cache = false;
        directives.max_age = None;
        directives.s_maxage = None;
        if self.overrides == Overrides::Prohibitions {
            directives.no_store = false;
            directives.private = false;
        }
        Instructions {
            directives,
            expires: Expires::Ignored,
        }
    }
}
