//! The request-side handle: what a handler, or code deep below it, tells the cache.

use crate::cache::Shared;
use crate::scope::Scope;
use crate::tag::Tags;
use crate::target::Invalidate;
use crate::token::Token;
use http::Extensions;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What a handler, or code deep below it, tells the cache about its response.
///
/// The layer puts one into the extensions of each request that it passes on.
/// What is noted here counts however the request ends: when the handler returns,
/// fails with `?`, panics, or is dropped because its client has gone. A response
/// extension would be lost with the response.
///
/// With axum it is an extractor, which answers 500 on a route that no layer
/// wraps (axum leaves routes added after `.layer()` unwrapped). Elsewhere, take
/// it [`from_extensions`](Self::from_extensions).
///
/// Clones are handles to the same request. All methods take `&self`, none waits.
#[derive(Clone)]
pub struct CacheContext(Arc<Inner>);

struct Inner {
    /// `None` for a detached context.
    cache: Option<Arc<Shared>>,
    /// The scope of the request: marks stay inside it.
    scope: Option<Scope>,
    /// What the request came with.
    token: Option<Token>,
    marks: Mutex<Marks>,
}

/// What was noted so far.
#[derive(Default)]
pub(super) struct Marks {
    pub(super) tags: Tags,
    pub(super) invalidate: Invalidate,
    pub(super) storing: Storing,
    pub(super) at_most: Option<Duration>,
    stage: Stage,
}

/// Whether the handler lets its response be stored.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Storing {
    #[default]
    Allowed,
    Forbidden,
}

#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Stage {
    /// The layer will read the marks when the response head is there.
    #[default]
    Open,
    /// It has; what is invalidated from now on is invalidated at once.
    Read,
}

impl CacheContext {
    pub(super) fn new(cache: Arc<Shared>, scope: Option<Scope>, token: Option<Token>) -> Self {
        Self(Arc::new(Inner {
            cache: Some(cache),
            scope,
            token,
            marks: Mutex::default(),
        }))
    }

    /// A context that belongs to no cache, for tests of handlers: it takes marks
    /// and does nothing with them.
    #[must_use]
    pub fn detached() -> Self {
        Self(Arc::new(Inner {
            cache: None,
            scope: None,
            token: None,
            marks: Mutex::default(),
        }))
    }

    /// The context that a layer put into these request extensions. In a tonic
    /// service: `CacheContext::from_extensions(request.extensions())`.
    #[must_use]
    pub fn from_extensions(extensions: &Extensions) -> Option<&Self> {
        extensions.get()
    }

    /// Adds tags to the response, should it be stored. After the response head
    /// was returned this does nothing.
    pub fn tag(&self, tags: impl Into<Tags>) {
        self.marks().tags.extend(tags.into());
    }

    /// Notes that something became stale. It is invalid here before the response
    /// leaves, and sent to the other instances, whatever the response's status.
    /// After the response head was returned, it is invalidated at once.
    pub fn invalidate(&self, what: impl Into<Invalidate>) {
        let what = self.inside(what.into());
        let mut marks = self.marks();
        if marks.stage == Stage::Open {
            let noted = std::mem::take(&mut marks.invalidate);
            marks.invalidate = noted.and(what);
            return;
        }
        drop(marks);
        if let Some(cache) = &self.0.cache {
            cache.invalidate_now(&what);
        }
    }

    /// Keeps the response from being stored.
    pub fn do_not_store(&self) {
        self.marks().storing = Storing::Forbidden;
    }

    /// Keeps the response for this long at most.
    pub fn at_most(&self, lifetime: Duration) {
        let mut marks = self.marks();
        marks.at_most = Some(
            marks
                .at_most
                .map_or(lifetime, |before| before.min(lifetime)),
        );
    }

    /// The token that the request came with; several are joined. `None` also where no
    /// tokens are in use, see
    /// [`CacheBuilder::token_header`](crate::CacheBuilder::token_header).
    #[must_use]
    pub fn token(&self) -> Option<Token> {
        self.0.token.clone()
    }

    /// Takes the marks; from now on an invalidation counts at once.
    pub(super) fn read(&self) -> Marks {
        let mut marks = self.marks();
        std::mem::replace(
            &mut *marks,
            Marks {
                stage: Stage::Read,
                ..Marks::default()
            },
        )
    }

    /// There will be no response head: what was noted counts now, whoever else
    /// still holds the context.
    fn give_up(&self) {
        let noted = self.read().invalidate;
        if let Some(cache) = &self.0.cache {
            cache.invalidate_now(&noted);
        }
    }

    /// The targets, inside the scope of the request.
    pub(super) fn inside(&self, what: Invalidate) -> Invalidate {
        match &self.0.scope {
            Some(scope) => what.inside(scope),
            None => what,
        }
    }

    /// Whether this request already went through a layer of the same cache.
    pub(super) fn is_of(&self, cache: &Arc<Shared>) -> bool {
        self.0
            .cache
            .as_ref()
            .is_some_and(|own| Arc::ptr_eq(own, cache))
    }

    fn marks(&self) -> MutexGuard<'_, Marks> {
        self.0.marks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The layer's own handle while a handler runs. The handler may panic or be
/// dropped after its commit, while a task it started keeps the context: when this
/// is dropped and the marks were not read, they count.
pub(super) struct Listening(pub(super) CacheContext);

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.give_up();
    }
}

/// A handler that was dropped may have committed: what it noted counts.
impl Drop for Inner {
    fn drop(&mut self) {
        let marks = self.marks.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(cache) = &self.cache
            && !marks.invalidate.is_empty()
        {
            cache.invalidate_now(&marks.invalidate);
        }
    }
}

impl fmt::Debug for CacheContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheContext").finish_non_exhaustive()
    }
}
