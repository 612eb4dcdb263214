//! What a route says about storing, beyond a lifetime.

use super::Policy;
use std::ops::{Bound, RangeBounds};
use std::time::Duration;

/// What a route says about storing, beyond a lifetime.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Storing {
    pub(crate) overrides_headers: bool,
    pub(crate) ignores_no_store: bool,
    pub(crate) set_cookie: SetCookie,
    pub(crate) heuristics: bool,
    /// The first and the last status of each, and how long those are fresh.
    pub(crate) statuses: Vec<(u16, u16, Duration)>,
    pub(crate) errors_at_most: Duration,
}

impl Default for Storing {
    fn default() -> Self {
        Self {
            overrides_headers: false,
            ignores_no_store: false,
            set_cookie: SetCookie::Refuse,
            heuristics: false,
            statuses: Vec::new(),
            errors_at_most: Duration::from_secs(60),
        }
    }
}

/// What becomes of a response that sets a cookie, see [`Policy::set_cookie`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum SetCookie {
    /// It is not stored. The default.
    #[default]
    Refuse,
    /// It is stored without the field: the client whose request ran the handler gets
    /// the cookie, those who wait for it and all later ones do not. For handlers that
    /// set a cookie beside a response that is the same for everybody.
    ///
    /// If the body has something of the cookie's session (a CSRF token, a name), all
    /// clients get that.
    Strip,
    /// It is stored as it is, and each client gets the first one's cookie, as
    /// RFC 9111 §7.3 has it.
    ///
    /// **Dangerous**: a cookie that names a session logs everybody in as the first
    /// client. Only for cookies with the same value for all.
    Store,
}

impl Policy {
    /// Lets the lifetime of this policy take the place of what the response says about
    /// time: of `max-age` and `s-maxage`, of `no-cache` and of `Expires`, or of the
    /// field that speaks to this cache alone. So it may be longer than what the handler
    /// declares. Without it the shorter of both counts.
    ///
    /// It is for the statuses that have a lifetime by this policy; without
    /// [`lifetime`](Self::lifetime) it does nothing. What forbids storing still does:
    /// `no-store`, `private`, `Set-Cookie`, cookies and credentials of the request. So
    /// does the age that a response has already. What leaves the process is unchanged:
    /// browsers and caches on the way go by the handler's own fields.
    ///
    /// RFC 9111 §4.2.1 would have the declared lifetime; a cache inside an origin may
    /// be told otherwise by that origin (RFC 9111 §3, §4.2.4).
    pub fn override_headers(mut self) -> Self {
        self.storing.overrides_headers = true;
        self
    }

    /// Together with [`override_headers`](Self::override_headers), and only then: takes
    /// no notice of `no-store` and `private` either. `Set-Cookie`, cookies and
    /// credentials still keep a response out.
    ///
    /// **Dangerous**: the handler says that the response is for one client, and all
    /// clients get it. Only for handlers that say so by habit, of responses that are
    /// the same for everybody (against RFC 9111 §5.2.2.5 and §5.2.2.7).
    pub fn ignore_no_store(mut self) -> Self {
        self.storing.ignores_no_store = true;
        self
    }

    /// What becomes of a response that sets a cookie. Not stored unless said. It
    /// needs a lifetime and everything else as any response does.
    pub fn set_cookie(mut self, choice: SetCookie) -> Self {
        self.storing.set_cookie = choice;
        self
    }

    /// Guesses for how long a response is fresh where nobody says it: a tenth of the time
    /// since it was last modified, at most a day (RFC 9111 §4.2.2). Only with a
    /// `Last-Modified`, and for the statuses that HTTP allows it for, or with `public`.
    /// Off unless said: a handler that says nothing mostly means that nothing is kept.
    pub fn heuristics(mut self) -> Self {
        self.storing.heuristics = true;
        self
    }

    /// A lifetime for responses with these statuses that declare none: for *negative*
    /// answers, `.statuses(404..=404, ..)`. Where the response does declare one the shorter
    /// counts, as for [`lifetime`](Self::lifetime). Said more than once they add up, and
    /// the later counts where they overlap. None unless said.
    ///
    /// Never for 206 and 304, nor for what says nothing of the resource: 400, 413, 414,
    /// 431 and all of 5xx. One client with a request that is too large would
    /// make it so for all. These are left out of any range.
    pub fn statuses(mut self, statuses: impl RangeBounds<u16>, lifetime: Duration) -> Self {
        let first = match statuses.start_bound() {
            Bound::Included(first) => *first,
            Bound::Excluded(before) => before.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let last = match statuses.end_bound() {
            Bound::Included(last) => *last,
            Bound::Excluded(after) => after.saturating_sub(1),
            Bound::Unbounded => u16::MAX,
        };
        self.storing.statuses.push((first, last, lifetime));
        self
    }

    /// For how long a 4xx or 5xx is fresh at most, whatever it declares: 60 s unless
    /// said. What [`statuses`](Self::statuses) says is not capped.
    pub fn errors_at_most(mut self, lifetime: Duration) -> Self {
        self.storing.errors_at_most = lifetime;
        self
    }

    pub(crate) fn storing(&self) -> &Storing {
        &self.storing
    }
}
