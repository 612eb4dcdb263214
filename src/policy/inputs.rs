//! What of a request counts: what is in its key, and what handlers do not see.

use super::Policy;
use http::{Extensions, request};
use std::fmt;
use std::sync::Arc;

/// Parameters that advertising and mail services add to links, and that are for
/// scripts in the browser.
const TRACKING: [&str; 12] = [
    "utm_*", "gclid", "gclsrc", "gbraid", "wbraid", "dclid", "fbclid", "msclkid", "twclid",
    "ttclid", "mc_cid", "mc_eid",
];

/// Which part of the query is in the key. What is not, the handler of a fill does not
/// see: neither in the URI of the request nor in axum's `OriginalUri`.
///
/// Pairs are what stands between two `&`. A name is compared as a form decodes it, with
/// its case; one that ends in `*` stands for all names that begin so. Pairs that are
/// kept are kept byte by byte, and in their order. If none is left, there is no query.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Query {
    /// All of it, byte by byte. The default.
    #[default]
    All,
    /// The pairs of these names.
    Only(Vec<String>),
    /// All pairs but those of these names.
    Without(Vec<String>),
    /// All of it, the pairs sorted by their names. Pairs of one name stay in their
    /// order, since a handler may read them as a list.
    Sorted,
}

impl Query {
    /// The pairs of these names, and no others.
    #[must_use]
    pub fn only<N: Into<String>>(names: impl IntoIterator<Item = N>) -> Self {
        Self::Only(names.into_iter().map(Into::into).collect())
    }

    /// All pairs but those of these names.
    #[must_use]
    pub fn without<N: Into<String>>(names: impl IntoIterator<Item = N>) -> Self {
        Self::Without(names.into_iter().map(Into::into).collect())
    }

    /// All but what advertising and mail services add to links: `utm_*`, `gclid`,
    /// `gclsrc`, `gbraid`, `wbraid`, `dclid`, `fbclid`, `msclkid`, `twclid`, `ttclid`,
    /// `mc_cid`, `mc_eid`.
    #[must_use]
    pub fn without_tracking() -> Self {
        Self::without(TRACKING)
    }
}

/// What becomes of cookies, or of other request fields. What is hidden, the handler of a
/// fill does not see, so a response that depends on it is visibly wrong at once, and not
/// somebody else's later. Requests that bypass reach their handlers as they are.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Inputs {
    /// A request that has any bypasses the cache.
    Bypass,
    /// They are hidden, and count for nothing.
    Hide,
    /// Those of these names are in the key, with their values, and are seen; others are
    /// hidden.
    Key(Vec<String>),
    /// A request that has one of these names bypasses the cache; all others are hidden.
    BypassOn(Vec<String>),
}

impl Inputs {
    /// These are in the key.
    #[must_use]
    pub fn key<N: Into<String>>(names: impl IntoIterator<Item = N>) -> Self {
        Self::Key(names.into_iter().map(Into::into).collect())
    }

    /// With one of these a request bypasses.
    #[must_use]
    pub fn bypass_on<N: Into<String>>(names: impl IntoIterator<Item = N>) -> Self {
        Self::BypassOn(names.into_iter().map(Into::into).collect())
    }
}

/// What becomes of `Authorization`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Authorization {
    /// What such a request gets is stored, and answers such requests, only with `public`,
    /// `s-maxage` or `must-revalidate` (RFC 9111 §3.5). The default.
    #[default]
    Rfc9111,
    /// The field is hidden from the handlers of fills, and counts for nothing. A handler
    /// that checks it refuses all.
    Hide,
    /// Everybody who comes this far may see the response: a layer outside has checked
    /// it. The field is hidden as by [`Hide`](Self::Hide). **Only with proof**: without
    /// [`Policy::requires`] it is as [`Rfc9111`](Self::Rfc9111), and building a cache with
    /// such a default policy is an error.
    AlreadyChecked,
}

/// What a policy says of inputs.
#[derive(Clone, Default)]
pub(crate) struct InputChoices {
    pub(crate) query: Query,
    pub(crate) headers: Option<Inputs>,
    pub(crate) cookies: Option<Inputs>,
    pub(crate) authorization: Authorization,
    pub(crate) requires: Option<fn(&Extensions) -> bool>,
    pub(crate) key_with: Option<Arc<KeyWith>>,
}

type KeyWith = dyn Fn(&request::Parts) -> Option<String> + Send + Sync;

impl Policy {
    /// Which part of the query is in the key, see [`Query`]. All of it unless said.
    ///
    /// Writes still reach what is stored by its path, which is with all queries.
    /// [`Invalidate::uri`](crate::Invalidate::uri) with any query reaches all that
    /// this policy stores of that path on that host: an invalidation does not know
    /// how a route reduces its queries.
    pub fn query(mut self, query: Query) -> Self {
        self.choose().query = query;
        self
    }

    /// What becomes of cookies, see [`Inputs`]. Unless said, the handlers see them, and
    /// what a request with a `Cookie` gets is stored, and answers such requests, only with
    /// `public` or `s-maxage`.
    ///
    /// With [`Inputs::Hide`] and [`Inputs::Key`] such a request is as one without: it is
    /// answered with what others got. A session that is hidden is no session. Names have a
    /// case; of a name that is there twice both count.
    pub fn cookies(mut self, cookies: Inputs) -> Self {
        self.choose().cookies = Some(cookies);
        self
    }

    /// What becomes of other request fields, see [`Inputs`]. Unless said the handlers see
    /// all of them, and have to say in `Vary` by which their responses differ.
    ///
    /// - [`Inputs::Hide`]: handlers see `Host`, `Accept` and its like, `Content-Type`,
    ///   `User-Agent`, and what the choices for cookies and `Authorization` leave.
    /// - [`Inputs::Key`]: the fields of these names are in the key. Hidden are those that
    ///   name a client or another resource than the URI does, unless they are named here:
    ///   `Forwarded`, `X-Forwarded-*`, `X-Real-Ip`, `X-Client-Ip`, `X-Original-*`,
    ///   `X-Rewrite-*`, `X-Http-Method*`, `X-Method-Override`, `X-Request-Id`,
    ///   `X-Correlation-Id`, `X-B3-*`, `B3`, `Traceparent`, `Tracestate` and `Baggage`.
    /// - [`Inputs::Bypass`] and [`Inputs::BypassOn`]: a request that has one of these, or
    ///   one of the names that are given, bypasses; nothing is hidden.
    ///
    /// A `Vary` that names what is hidden makes no variants: no handler saw it.
    pub fn headers(mut self, headers: Inputs) -> Self {
        self.choose().headers = Some(headers);
        self
    }

    /// What becomes of `Authorization`, see [`Authorization`].
    pub fn authorization(mut self, choice: Authorization) -> Self {
        self.choose().authorization = choice;
        self
    }

    /// Requests without a `T` among their extensions bypass the cache
    /// (`bypasses["unproven"]`): the layer outside that puts it there, when it has checked
    /// who asks, was not passed. The proof for [`Authorization::AlreadyChecked`].
    pub fn requires<T: Send + Sync + 'static>(mut self) -> Self {
        self.choose().requires = Some(|extensions| extensions.get::<T>().is_some());
        self
    }

    /// Adds what this makes of a request to its key; where it makes nothing, the request
    /// bypasses (`bypasses["key-with"]`). It runs for every read; if it panics, that panic
    /// is the caller's. What it reads is not hidden by it.
    pub fn key_with<F>(mut self, text: F) -> Self
    where
        F: Fn(&request::Parts) -> Option<String> + Send + Sync + 'static,
    {
        self.choose().key_with = Some(Arc::new(text));
        self
    }

    /// What cannot be meant.
    pub(super) fn mistake(&self) -> Option<&'static str> {
        let inputs = self.inputs()?;
        let unproven = inputs.authorization == Authorization::AlreadyChecked;
        (unproven && inputs.requires.is_none()).then_some(
            "`Authorization::AlreadyChecked` needs the proof of `Policy::requires::<T>()`",
        )
    }

    /// The choices of inputs, if there are any.
    pub(crate) fn inputs(&self) -> Option<&InputChoices> {
        self.inputs.as_deref()
    }

    /// Whether several queries may have one key.
    pub(crate) fn reduces_query(&self) -> bool {
        self.inputs()
            .is_some_and(|inputs| inputs.query != Query::All)
    }

    fn choose(&mut self) -> &mut InputChoices {
        self.inputs.get_or_insert_default()
    }
}

impl fmt::Debug for InputChoices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InputChoices")
            .field("query", &self.query)
            .field("headers", &self.headers)
            .field("cookies", &self.cookies)
            .field("authorization", &self.authorization)
            .field("requires", &self.requires.is_some())
            .field("key_with", &self.key_with.is_some())
            .finish()
    }
}
