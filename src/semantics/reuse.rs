//! What may be done with a response that is not fresh any more (RFC 9111 §4.2.4,
//! §5.2.2.2, §5.2.2.4, RFC 5861).

use super::CacheControl;
use super::freshness::is_fresh;
use super::validation::Validators;
use http::StatusCode;
use std::time::Duration;

/// For how long after it became stale a response may still answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Windows {
    /// While it is fetched anew in the background (RFC 5861 §3).
    pub(crate) while_revalidate: Duration,
    /// Where fetching it anew fails (RFC 5861 §4).
    pub(crate) if_error: Duration,
}

/// What a route says of these windows; it counts where the response says nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct RouteWindows {
    pub(crate) while_revalidate: Option<Duration>,
    pub(crate) if_error: Option<Duration>,
}

/// How a stored response may be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Reuse {
    /// Never without the handler's word that it still holds (RFC 9111 §5.2.2.4).
    pub(crate) always_ask: bool,
    /// Whether nothing forbids to serve it stale.
    pub(crate) may_be_stale: bool,
    pub(crate) windows: Windows,
    /// From this age on it is fetched anew although it is fresh.
    pub(crate) ahead_after: Duration,
}

impl Reuse {
    /// What forbids to serve it stale wins over every window, whoever opens it:
    /// `s-maxage` does too (RFC 9111 §5.2.2.10).
    pub(crate) fn of(directives: &CacheControl, route: RouteWindows) -> Self {
        let never_stale = directives.no_cache
            || directives.must_revalidate
            || directives.proxy_revalidate
            || directives.s_maxage.is_some();
        if never_stale {
            return Self {
                always_ask: directives.no_cache,
                may_be_stale: false,
                windows: Windows::default(),
                ahead_after: Duration::MAX,
            };
        }
        let while_revalidate = directives.while_revalidate.or(route.while_revalidate);
        let if_error = directives.if_error.or(route.if_error);
        Self {
            always_ask: false,
            may_be_stale: true,
            windows: Windows {
                while_revalidate: while_revalidate.unwrap_or_default(),
                if_error: if_error.unwrap_or_default(),
            },
            ahead_after: Duration::MAX,
        }
    }
}

impl Reuse {
    /// Whether a response of this age is worth a place: it is fresh, it may still
    /// answer, or the handler can be asked about it.
    pub(crate) fn is_useful(
        self,
        lifetime: Duration,
        age: Duration,
        validators: Validators,
    ) -> bool {
        let fresh = is_fresh(lifetime, age) && !self.always_ask;
        let stale_for = age.saturating_sub(lifetime);
        fresh || stale_for < self.windows.longest() || !validators.is_empty()
    }
}

impl Windows {
    /// The longer one.
    pub(crate) fn longest(self) -> Duration {
        self.while_revalidate.max(self.if_error)
    }

    /// No longer than this.
    pub(crate) fn at_most(self, most: Duration) -> Self {
        Self {
            while_revalidate: self.while_revalidate.min(most),
            if_error: self.if_error.min(most),
        }
    }
}

/// The statuses for which a stale response may stand in (RFC 5861 §4).
pub(crate) fn is_stale_for(status: StatusCode) -> bool {
    matches!(status.as_u16(), 500 | 502 | 503 | 504)
}

/// Whether a response says nothing of what it was asked for: that the server is in
/// trouble or busy, or that nobody was named who may see it.
pub(crate) fn says_nothing(status: StatusCode, anonymous: bool) -> bool {
    let refused = matches!(status.as_u16(), 401 | 403 | 407);
    status.is_server_error() || status.as_u16() == 429 || (anonymous && refused)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderMap;
    use http::header::CACHE_CONTROL;

    const HOUR: Duration = Duration::from_secs(3600);
    const ROUTE: RouteWindows = RouteWindows {
        while_revalidate: Some(HOUR),
        if_error: Some(HOUR),
    };

    fn of(line: &'static str, route: RouteWindows) -> Reuse {
        let mut headers = HeaderMap::new();
        headers.insert(CACHE_CONTROL, http::HeaderValue::from_static(line));
        Reuse::of(&CacheControl::of(&headers), route)
    }

    fn windows(line: &'static str, route: RouteWindows) -> (u64, u64) {
        let windows = of(line, route).windows;
        let [one, other] = [windows.while_revalidate, windows.if_error];
        (one.as_secs(), other.as_secs())
    }

    #[test]
    fn a_response_opens_its_windows_itself_or_its_route_does() {
        let both = "max-age=1, stale-while-revalidate=2, stale-if-error=3";
        assert_eq!(windows(both, RouteWindows::default()), (2, 3));
        assert_eq!(windows(both, ROUTE), (2, 3));
        assert_eq!(windows("max-age=1", RouteWindows::default()), (0, 0));
        assert_eq!(windows("max-age=1", ROUTE), (3600, 3600));
        let shut = "max-age=1, stale-while-revalidate=0";
        assert_eq!(windows(shut, ROUTE), (0, 3600));
        // What is no number of seconds is no window.
        assert_eq!(windows("stale-if-error=x", ROUTE), (3600, 0));
    }

    #[test]
    fn what_forbids_stale_responses_wins_over_every_window() {
        for line in [
            "must-revalidate",
            "proxy-revalidate",
            "s-maxage=5",
            "no-cache",
            "no-cache=\"x\"",
        ] {
            let line = format!("max-age=1, {line}, stale-while-revalidate=9, stale-if-error=9");
            assert_eq!(windows(line.leak(), ROUTE), (0, 0));
        }
        assert!(of("no-cache", ROUTE).always_ask);
        assert!(!of("must-revalidate", ROUTE).always_ask);
    }

    #[test]
    fn only_trouble_of_the_server_is_stood_in_for_and_says_nothing_of_what_is_stored() {
        for (code, stands_in, nothing, nothing_to_nobody) in [
            (500, true, true, true),
            (501, false, true, true),
            (504, true, true, true),
            (429, false, true, true),
            (401, false, false, true),
            (403, false, false, true),
            (404, false, false, false),
            (200, false, false, false),
        ] {
            let status = StatusCode::from_u16(code).unwrap();
            assert_eq!(is_stale_for(status), stands_in, "{code}");
            assert_eq!(says_nothing(status, false), nothing, "{code}");
            assert_eq!(says_nothing(status, true), nothing_to_nobody, "{code}");
        }
    }
}
