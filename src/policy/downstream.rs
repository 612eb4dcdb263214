//! What those behind this cache are told.

use super::read::Policy;

/// What those behind this cache are told of the responses to the reads of a route:
/// browsers, and caches on the way to them.
///
/// They do not hear of writes. What they may keep without asking is stale for them
/// until that time is over, whatever this cache knows. No choice but
/// [`Regenerate`](Self::Regenerate) lets them keep anything for longer than the
/// handler says.
///
/// Fields for a CDN (`CDN-Cache-Control`, `Surrogate-Control`) pass on unchanged
/// whatever is chosen.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum Downstream {
    /// What the handler says, with the `Date` of the response and its `Age`: who is
    /// behind us counts from the same moment as this cache (RFC 9111 §4.2.3). The
    /// default.
    #[default]
    Transparent,
    /// As if the handler had answered just now, for responses that are kept here by a
    /// lifetime of the route or by a targeted field (RFC 9213 §2.3): a hit has the
    /// `Age` that the handler gave, which mostly is none, and `Date` and `Expires` are
    /// later by the time that the response was in memory. So `max-age=60` is a minute
    /// from each hit, and a client may be behind by the staleness bound and that minute.
    ///
    /// Where the lifetime is that of `Cache-Control` or `Expires`, and while this
    /// instance is deaf, it is as [`Transparent`](Self::Transparent): nobody would then
    /// have removed what was written meanwhile. With it, `If-Modified-Since` is compared
    /// with `Last-Modified` only. Costs one or two dates written for each hit.
    Regenerate,
    /// `Cache-Control: no-cache` instead of all that lets them keep the response, and no
    /// `Expires`: they ask each time, and mostly get a 304 from memory. Implies
    /// [`Policy::etag`]. What else the handler demands (`private`, `no-transform`) stays.
    ///
    /// Also what could not be stored here says so; but not what the handler itself
    /// forbids to be stored (`private`, `no-store`): that keeps its fields. The advice
    /// for browsers.
    Revalidate,
    /// `Cache-Control: no-store` instead, and no `Expires`: nobody but this cache keeps
    /// it. To the same responses as [`Revalidate`](Self::Revalidate).
    NoStore,
}

impl Policy {
    /// What those behind this cache are told, see [`Downstream`]. Unless said, what the
    /// handler says.
    pub fn downstream(mut self, choice: Downstream) -> Self {
        self.downstream = choice;
        self
    }

    pub(crate) fn downstream_choice(&self) -> Downstream {
        self.downstream
    }
}
