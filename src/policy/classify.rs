//! One URL that reads and writes: what a request is for, by its content.

use super::Policy;
use super::alike::same;
use bytes::Bytes;
use http::request;
use std::fmt;
use std::sync::Arc;

/// The longest content that is read where a route has [`Policy::classify`] and no
/// [`Policy::body_key`]: 64 KiB.
const LONGEST: u64 = 64 * 1024;

/// What a request is for, see [`Policy::classify`].
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Class {
    /// It reads: it is looked up, and what it gets may be stored.
    ///
    /// Two requests with one `key` get one response. So everything of the content that the
    /// response depends on belongs into the key: for GraphQL the operation, its name and
    /// its variables. In the key anyway are the URI and the inputs as for any read, the
    /// method (HEAD is as GET), and of a request with content its `Content-Type` and
    /// `Content-Encoding`.
    Read {
        /// What of the content counts, in a form of the route's own: equal where the
        /// content means the same. A longer one than the content may be bypasses
        /// (`bypasses["long-key"]`). An empty one adds nothing to the key of a GET.
        key: String,
    },
    /// It writes: as any unsafe request, whatever its method. It invalidates its own path
    /// and what the [`WritePolicy`](crate::policy::WritePolicy) of its route says.
    Write,
    /// Neither is known: it passes the cache by (`bypasses["classify"]`).
    ///
    /// A POST of this class runs to its end as a write does, also if its client hangs up,
    /// and is refused where those are; what its handler notes and the groups that its
    /// response names count. Its own path and what its route says do not: an operation
    /// that may write without noting what is a [`Write`](Self::Write).
    Bypass,
}

type ClassOf = dyn Fn(&request::Parts, &Bytes) -> Class + Send + Sync;

/// The closure of a route, if it has one.
#[derive(Clone, Default)]
pub(crate) struct Classify(Option<Arc<ClassOf>>);

impl Policy {
    /// Decides by its content what a request is for: for one URL that reads and writes,
    /// such as a GraphQL endpoint. The closure is asked about each GET, HEAD, POST and
    /// QUERY; a gRPC call and every other method are as without it.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tower_coherence::policy::{Class, Policy};
    /// let policy = Policy::lifetime(Duration::from_secs(60)).classify(|_, content| {
    ///     match std::str::from_utf8(content) {
    ///         Ok(text) if text.starts_with("query ") => Class::Read { key: text.to_owned() },
    ///         _ => Class::Write,
    ///     }
    /// });
    /// # let _ = policy;
    /// ```
    ///
    /// The content of a POST or QUERY is read first, if its length is known before and is
    /// at most that of [`body_key`](Self::body_key), 64 KiB unless said; the handler gets
    /// the same bytes. Trailers of the request are lost. The layer has to be told how a
    /// request body is made of bytes, see
    /// [`CacheLayer::replay`](crate::CacheLayer::replay); a GET or HEAD has none to read.
    /// A POST that cannot be read (longer, of unknown length, with `Upgrade`, or by a layer
    /// that was not told) is a write, and its content goes to the handler untouched
    /// (`bypasses["unread-content"]`). So is one for which the closure panics
    /// (`bypasses["classify-panicked"]`); of the others such a one passes by. Content that
    /// ends with an error is answered 400, and content that takes longer than a fill may
    /// 408: no handler has run.
    ///
    /// A POST that reads is as a GET with these differences. With a `Cookie` it passes by
    /// unless the policy says what becomes of [`cookies`](Self::cookies): a page of another
    /// site can send one. With a condition or a range it goes to the handler: those have no
    /// meaning for a cache but on GET and HEAD (RFC 9110 §13.1, §14.2). And when its response
    /// has expired the handler runs: nothing is fetched in the background, nor asked about
    /// by its tag. RFC 9111 §3 lets no cache store it; this one may be told so by the origin
    /// that it is a part of.
    ///
    /// Costs the closure for each such request, hits too.
    pub fn classify<F>(mut self, class: F) -> Self
    where
        F: Fn(&request::Parts, &Bytes) -> Class + Send + Sync + 'static,
    {
        self.classify = Classify(Some(Arc::new(class)));
        self
    }

    pub(crate) fn classifies(&self) -> bool {
        self.classify.0.is_some()
    }

    /// What the closure says, which may panic. Without one nobody asks.
    pub(crate) fn class_of(&self, request: &request::Parts, content: &Bytes) -> Class {
        let class = self.classify.0.as_ref();
        class.map_or(Class::Bypass, |class| class(request, content))
    }

    /// Up to which length the content of a request is read.
    pub(crate) fn longest_content(&self) -> Option<u64> {
        self.body_key.or(self.classifies().then_some(LONGEST))
    }
}

impl Classify {
    /// Whether both say the same of every request.
    pub(super) fn is_like(&self, old: &Self) -> bool {
        same(self.0.as_ref(), old.0.as_ref())
    }
}

impl fmt::Debug for Classify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Classify").field(&self.0.is_some()).finish()
    }
}
