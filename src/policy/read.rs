//! How the responses of a route are cached.

use super::choosing::Choosing;
use super::classify::Classify;
use super::directives::ClientDirectives;
use super::downstream::Downstream;
use super::inputs::InputChoices;
use super::jitter::Jitter;
use super::stale::Stale;
use super::storing::Storing;
use crate::eviction::Eviction;
use crate::scope::Scope;
use crate::tag::Tags;
use crate::template::{Facts, Templates};
use http::{request, response};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How the responses of a route are cached.
///
/// The default, [`from_headers`](Self::from_headers), stores only what the
/// handler's `Cache-Control` (or `Expires`) says may be stored. Unless the policy
/// says otherwise by name, `no-store`, `private` and `Set-Cookie` are never stored;
/// whatever it says, a response to a request with cookies or credentials is only if
/// it says `public` or `s-maxage`. A field that speaks to this cache alone takes the place of
/// `Cache-Control`, see
/// [`targeted_fields`](crate::CacheBuilder::targeted_fields).
///
/// ```
/// use std::time::Duration;
/// use tower_coherence::policy::Policy;
/// let policy = Policy::lifetime(Duration::from_secs(300)).tags(["products"]);
/// # let _ = policy;
/// ```
#[derive(Clone, Default)]
#[must_use = "a policy does nothing until it is given to a layer or a cache"]
pub struct Policy {
    pub(super) lifetime: Option<Duration>,
    pub(super) tags: Templates,
    pub(super) tag_with: Option<Arc<TagWith>>,
    pub(super) scope: Option<Arc<ScopeOf>>,
    pub(super) own_store: Option<OwnStore>,
    pub(super) store: Option<Box<str>>,
    pub(super) while_deaf: Option<WhileDeaf>,
    pub(super) settle: Duration,
    pub(super) stale: Stale,
    pub(super) jitter: Jitter,
    pub(super) idle: Option<Duration>,
    pub(super) choosing: Choosing,
    pub(super) body_key: Option<u64>,
    pub(super) classify: Classify,
    pub(super) inputs: Option<Box<InputChoices>>,
    pub(super) client_directives: ClientDirectives,
    pub(super) etag: bool,
    pub(super) status: StatusHeader,
    pub(super) downstream: Downstream,
    pub(super) bypass: bool,
    pub(super) storing: Storing,
    /// Its requests are gRPC calls.
    pub(super) calls: bool,
}

type TagWith = dyn Fn(&request::Parts, &response::Parts) -> Tags + Send + Sync;
pub(crate) type ScopeOf = dyn Fn(&request::Parts) -> Option<Scope> + Send + Sync;

/// A store of its own for the responses of one policy: what others store does
/// not push them out, and they do not push out what others store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct OwnStore {
    pub(crate) max_bytes: u64,
    pub(crate) eviction: Eviction,
}

impl OwnStore {
    /// Nothing fits.
    pub(crate) const NOTHING: Self = Self {
        max_bytes: 0,
        eviction: Eviction::Lru,
    };
}

/// What a route does while this instance is *deaf*: while it cannot prove that
/// it has heard every invalidation within the staleness bound.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum WhileDeaf {
    /// Answers from memory only with what was fetched within the staleness bound:
    /// that is no older than the promise, whatever was not heard. So the handlers
    /// see about one request for each key and bound. After ten bounds without a
    /// proof, and before the first one, nothing is answered from memory. The
    /// default, and what the promises are made for.
    #[default]
    Bypass,
    /// Answers from memory for this long after the staleness bound. On this
    /// route staleness is then bounded by the bound plus this duration.
    ServeFor(Duration),
    /// Answers from memory until the responses expire. Gives the bound up on
    /// this route: staleness is bounded by the lifetime only.
    ServeUntilExpiry,
}

/// Whether responses say in `Cache-Status` (RFC 9211) what the cache did.
///
/// It tells a stranger who asked before, and how long ago. On a public listener
/// that may be more than its clients should know.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum StatusHeader {
    /// They do not. The default.
    #[default]
    Off,
    /// They do: `tower-coherence; hit; ttl=59`, or why the handler was asked.
    On,
    /// They also say in a word of this cache why, as [`Stats`](crate::Stats) counts it:
    /// why there was nothing to serve (`invalidated`, `deaf`), why the cache was passed
    /// by, or why the response was not stored (`set-cookie`, `no-lifetime`). For
    /// development.
    WithDetail,
}

impl Policy {
    /// Stores what the handler's header fields allow, for as long as they say.
    /// The default.
    pub fn from_headers() -> Self {
        Self::default()
    }

    /// Stores successful responses for this long, also when the handler declares
    /// nothing; less a twentieth at most, by chance, see [`jitter`](Self::jitter). Where it does declare a lifetime, the shorter counts, unless the policy
    /// says [`override_headers`](Self::override_headers). Of statuses
    /// only 200, 203, 204, 300, 301 and 308 get a lifetime that the handler did
    /// not declare.
    pub fn lifetime(lifetime: Duration) -> Self {
        Self {
            lifetime: Some(lifetime),
            ..Self::default()
        }
    }

    /// Stores nothing and answers nothing from memory. Writes still invalidate.
    pub fn bypass() -> Self {
        Self {
            bypass: true,
            ..Self::default()
        }
    }

    /// Adds these tags to everything that is stored. A text with a hole (`product:{id:int}`)
    /// is a template, see [Templates](crate::policy#templates); a brace in a name is `{{` or
    /// `}}`.
    ///
    /// A response for which a hole has nothing that fits is not stored, which is counted as
    /// `template` in [`Stats::refusals`](crate::Stats::refusals): without the
    /// tag nobody could invalidate it.
    pub fn tags(mut self, tags: impl Into<Tags>) -> Self {
        tags.into()
            .iter()
            .for_each(|tag| self.tags.add(tag.as_str()));
        self
    }

    /// Adds the tags that this makes of a request and its response. It runs once
    /// for each response that may be stored, not on hits.
    pub fn tag_with<F>(mut self, tags: F) -> Self
    where
        F: Fn(&request::Parts, &response::Parts) -> Tags + Send + Sync + 'static,
    {
        self.tag_with = Some(Arc::new(tags));
        self
    }

    /// Partitions keys, tags, paths and purges by what this finds in a request.
    /// A request in which it finds nothing bypasses the cache; a write in which
    /// it finds nothing invalidates outside all scopes. It runs for every request;
    /// if it panics, that panic is the caller's.
    pub fn scope<F>(mut self, scope: F) -> Self
    where
        F: Fn(&request::Parts) -> Option<Scope> + Send + Sync + 'static,
    {
        self.scope = Some(Arc::new(scope));
        self
    }

    /// The same by a closure that others have too.
    pub(crate) fn scope_by(mut self, scope: Arc<ScopeOf>) -> Self {
        self.scope = Some(scope);
        self
    }

    /// Keeps the responses of this policy in a store of their own, with this many
    /// bytes and this order of eviction. Each layer that is given the policy has
    /// one, shared by the clones of that layer. With 0 bytes nothing is stored.
    pub fn own_store(mut self, max_bytes: u64, eviction: Eviction) -> Self {
        self.own_store = Some(OwnStore {
            max_bytes,
            eviction,
        });
        self
    }

    /// What to do while this instance is deaf, see [`WhileDeaf`]. Default: that
    /// of the cache.
    pub fn while_deaf(mut self, choice: WhileDeaf) -> Self {
        self.while_deaf = Some(choice);
        self
    }

    /// For handlers that read a replica which may lag behind by as much as this.
    /// A response whose handler began within this time after something it bears was
    /// invalidated here is not stored: it may be the old one. It goes out, and to
    /// those who wait for it.
    ///
    /// The first such time is when the cache starts. While this instance is deaf, a
    /// response counts as fetched this much earlier. Choose it shorter than the
    /// staleness bound: with a longer one, requests that wait for a response which
    /// is not stored each run the handler after all.
    pub fn settle(mut self, lag: Duration) -> Self {
        self.settle = lag;
        self
    }

    /// Makes a strong `ETag` for each stored 200 whose handler gives none: a hash of its
    /// bytes, the same on every instance. Clients that come again with it get a 304
    /// from memory. Off unless asked for: it costs a SHA-256 of each body that is stored.
    ///
    /// The tag is known when the body is whole. So hits have it and those who waited for
    /// a fill; the first client has had the head by then, unless it asked for less
    /// than the whole response: then it is answered when the body is whole.
    ///
    /// The tag is of the bytes as they are stored. A layer that changes them (one that
    /// compresses) belongs inside the cache: outside, it would send other bytes
    /// under the same tag. With a body that differs in each run (a time, a nonce) the
    /// tags differ too, and a client is told to fetch anew whatever did not change.
    pub fn etag(mut self) -> Self {
        self.etag = true;
        self
    }

    pub(crate) fn makes_etags(&self) -> bool {
        self.etag || self.downstream == Downstream::Revalidate
    }

    /// Adds what the cache did to the `Cache-Status` of responses, after what the
    /// handler's response says there, see [`StatusHeader`]. Off unless said.
    ///
    /// `stored` is said only where that is known when the head leaves: of a response
    /// whose body was whole at once, not of one that streams. The member of this cache
    /// is not stored; its name is
    /// [`CacheBuilder::status_name`](crate::CacheBuilder::status_name).
    pub fn cache_status(mut self, choice: StatusHeader) -> Self {
        self.status = choice;
        self
    }

    pub(crate) fn status_header(&self) -> StatusHeader {
        self.status
    }

    pub(crate) fn settle_window(&self) -> Duration {
        self.settle
    }

    pub(crate) fn declared_lifetime(&self) -> Option<Duration> {
        self.lifetime
    }

    pub(crate) fn is_bypass(&self) -> bool {
        self.bypass
    }

    pub(crate) fn own(&self) -> Option<OwnStore> {
        self.own_store
    }

    pub(crate) fn deaf_choice(&self) -> Option<WhileDeaf> {
        self.while_deaf
    }

    /// The tags for this response by the templates. `None`: one of them cannot be made.
    pub(crate) fn tags_of(&self, facts: &Facts<'_>) -> Option<Tags> {
        Some(self.tags.texts(facts).ok()?.into_iter().collect())
    }

    /// The tags for this response by the closure.
    pub(crate) fn tags_by_closure(
        &self,
        request: &request::Parts,
        response: &response::Parts,
    ) -> Tags {
        let tag_with = self.tag_with.as_ref();
        tag_with.map_or_else(Tags::new, |tag_with| tag_with(request, response))
    }

    /// What is wrong with it where the path has these parameters, and there are these
    /// stores.
    pub(crate) fn mistakes(&self, parameters: &[&str], stores: &[&str]) -> Vec<String> {
        let mut mistakes = self.tags.mistakes(parameters);
        mistakes.extend(self.mistake().map(str::to_owned));
        mistakes.extend(self.store_mistake(stores));
        mistakes
    }

    /// What its tags look like, see [`Templates::shapes`].
    pub(crate) fn tag_shapes(&self) -> impl Iterator<Item = String> {
        self.tags.shapes().map(|(_, shape)| shape)
    }

    /// Whether a closure gives tags too.
    pub(crate) fn has_tag_closure(&self) -> bool {
        self.tag_with.is_some()
    }

    /// The partition of this request.
    pub(crate) fn partition(&self, request: &request::Parts) -> Partition {
        match &self.scope {
            None => Partition::Whole,
            Some(scope) => scope(request).map_or(Partition::NotFound, Partition::Scope),
        }
    }
}

/// Where a request belongs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Partition {
    /// The policy knows no scopes.
    Whole,
    Scope(Scope),
    /// It does, but this request has none.
    NotFound,
}

impl Partition {
    pub(crate) fn scope(&self) -> Option<&Scope> {
        match self {
            Self::Scope(scope) => Some(scope),
            Self::Whole | Self::NotFound => None,
        }
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy")
            .field("lifetime", &self.lifetime)
            .field("tags", &self.tags)
            .field("own_store", &self.own_store)
            .field("store", &self.store)
            .field("while_deaf", &self.while_deaf)
            .field("settle", &self.settle)
            .field("stale", &self.stale)
            .field("jitter", &self.jitter)
            .field("idle", &self.idle)
            .field("choosing", &self.choosing)
            .field("body_key", &self.body_key)
            .field("classify", &self.classify)
            .field("inputs", &self.inputs)
            .field("client_directives", &self.client_directives)
            .field("etag", &self.etag)
            .field("status", &self.status)
            .field("downstream", &self.downstream)
            .field("bypass", &self.bypass)
            .field("storing", &self.storing)
            .field("calls", &self.calls)
            .finish_non_exhaustive()
    }
}
