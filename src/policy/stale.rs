//! For how long a route serves what is not fresh any more.

use super::Policy;
use std::time::Duration;

/// What a route says of stale responses; `None` is nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Stale {
    pub(crate) while_revalidate: Option<Duration>,
    pub(crate) if_error: Option<Duration>,
}

impl Policy {
    /// For this long after its lifetime a response still answers, while one request of the
    /// cache itself fetches it anew in the background (RFC 5861 §3). What is older than
    /// that is fetched first. Off unless said, by the response
    /// (`stale-while-revalidate`) or here; where both do, the response's counts.
    ///
    /// Never over `no-cache`, `must-revalidate`, `proxy-revalidate` and `s-maxage`, and
    /// never over an invalidation, unless that was a
    /// [soft](crate::Invalidate::soft) one: the time then counts from when this instance
    /// noticed it, about a second at most. A request with a
    /// [token](crate::Token) is not answered with what was softly invalidated.
    ///
    /// The request in the background is a GET with the fields of the one that set it off,
    /// less `Cookie`, `Authorization` and all that is for that client only. Where `Vary`
    /// names one of those, the response is fetched first.
    pub fn stale_while_revalidate(mut self, window: Duration) -> Self {
        self.stale.while_revalidate = Some(window);
        self
    }

    /// For this long after its lifetime a response answers where the handler fails: with
    /// its own error, a panic, 500, 502, 503, 504, or no answer within the time of a
    /// fill (RFC 5861 §4). Off unless said, by the response (`stale-if-error`) or here;
    /// where both do, the response's counts.
    ///
    /// Never over what [`stale_while_revalidate`](Self::stale_while_revalidate) is not
    /// used over. Each request asks the handler before, one at a time; those who wait
    /// for it are answered with it.
    pub fn stale_if_error(mut self, window: Duration) -> Self {
        self.stale.if_error = Some(window);
        self
    }

    pub(crate) fn stale_windows(&self) -> Stale {
        self.stale
    }
}
