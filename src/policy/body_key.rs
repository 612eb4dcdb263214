//! Requests with content in their key.

use super::Policy;

impl Policy {
    /// Stores what `QUERY` requests get (RFC 10008): their content, with its
    /// `Content-Type` and `Content-Encoding`, is in the key. Off unless asked for; the
    /// layer also has to be told how a request body is made of bytes, see
    /// [`CacheLayer::replay`](crate::CacheLayer::replay).
    ///
    /// Only where the length of the content is known before it is read and is at most
    /// `max_bytes`; the content is then read before the look-up, and the handler gets the
    /// same bytes. All else is passed on unread: content that is longer or of unknown
    /// length, or without a `Content-Type`. The bytes are kept with the stored response
    /// and weighed. Content that ends with an error is answered 400, and content that
    /// takes longer than a fill may 408.
    ///
    /// Such a response is neither asked about by its tag nor fetched in the background:
    /// when it expires the handler runs. Trailers of such a request are lost. A `QUERY`
    /// invalidates nothing, with this or without.
    ///
    /// A `POST` stays a write: only [`classify`](Self::classify) can say which one reads,
    /// and then this is how long its content may be.
    pub fn body_key(mut self, max_bytes: u64) -> Self {
        self.body_key = Some(max_bytes);
        self
    }
}
