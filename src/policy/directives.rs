//! Whether the clients of a route have a say.

use super::Policy;

/// Whether the `Cache-Control` of a request counts, see [`Policy::client_directives`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum ClientDirectives {
    /// It changes nothing but for `no-store`, which keeps what this request gets out of
    /// the store. The default: a client must not be able to make the handlers work.
    #[default]
    Ignore,
    /// What RFC 9111 §5.2.1 gives to clients: `no-cache` and `max-age` demand that the
    /// handler is asked, by the stored tag or date where there is one; `min-fresh` and
    /// `max-stale` say how fresh is fresh enough (never over `must-revalidate`,
    /// `proxy-revalidate`, `s-maxage` and `no-cache` of the response);
    /// `only-if-cached` is answered 504 where nothing can be served; `stale-if-error`
    /// (RFC 5861 §4) opens that window for the one request. `Pragma: no-cache` counts
    /// where there is no `Cache-Control` (RFC 9111 §5.4).
    ///
    /// Any client can then have the handler run for each of its requests, and nobody
    /// waits for such a one.
    Heed,
}

impl Policy {
    /// Whether the `Cache-Control` of requests counts, see [`ClientDirectives`]. Unless
    /// said it does not.
    pub fn client_directives(mut self, choice: ClientDirectives) -> Self {
        self.client_directives = choice;
        self
    }

    pub(crate) fn heeds_clients(&self) -> bool {
        self.client_directives == ClientDirectives::Heed
    }
}
