//! The handle of a cache.

use super::builder::CacheBuilder;
use super::events::Events;
use super::health::Health;
use super::shared::Shared;
use super::stats::Stats;
use crate::bus::Local;
use crate::concern::Receipt;
use crate::error::Error;
use crate::scope::Scope;
use crate::target::Invalidate;
use crate::telemetry;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// One instance's cache: its store and its ear on the bus.
///
/// A clone is a handle to the same cache. The background tasks end with the last
/// handle; layers and services made from the cache are handles too.
#[derive(Clone)]
pub struct Cache(Arc<Shared>);

impl Cache {
    pub(super) fn new(shared: Shared) -> Self {
        Self(Arc::new(shared))
    }

    /// Begins to make a cache.
    pub fn builder() -> CacheBuilder {
        CacheBuilder::default()
    }

    /// A cache with the defaults and an in-process bus of its own: one instance,
    /// no server, no runtime needed to make it.
    #[must_use]
    #[allow(clippy::missing_panics_doc, reason = "the defaults are possible")]
    pub fn local() -> Self {
        let cache = Self::builder().bus(Local::new()).build();
        cache.expect("the defaults are possible")
    }

    /// Invalidates: at once here, then on all other instances by the bus. Waits
    /// as far as the [`WriteConcern`](crate::WriteConcern) says. Trouble with the
    /// bus is not an error: what cannot be sent now is kept and retried.
    ///
    /// # Cancel safety
    ///
    /// It is applied here and queued before the first wait: dropping the future
    /// after its first poll ends the wait and loses nothing. A future that was
    /// never polled has done nothing.
    pub async fn invalidate(&self, what: impl Into<Invalidate>) -> Receipt {
        self.0.invalidate(what.into()).await
    }

    /// The same without waiting, for callbacks and `Drop`.
    pub fn invalidate_now(&self, what: impl Into<Invalidate>) {
        self.0.invalidate_now(&what.into());
    }

    /// One tenant of this cache.
    #[must_use]
    pub fn scope(&self, scope: impl Into<Scope>) -> ScopedCache {
        ScopedCache {
            cache: self.clone(),
            scope: scope.into(),
        }
    }

    /// Invalidations applied here from now on.
    #[must_use]
    pub fn events(&self) -> Events {
        self.0.applier.teller.listen()
    }

    /// Switches the cache off, or on again, on this instance: for when something is wrong
    /// and the handlers are to answer for themselves. It counts for requests that come
    /// from now on.
    pub fn set_mode(&self, mode: Mode) {
        let off = mode == Mode::Bypass;
        if self.0.switched_off.swap(off, Ordering::Relaxed) != off {
            telemetry::mode_changed(if off { "bypass" } else { "serve" });
        }
    }

    /// What was counted since the cache was made.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats::of(&self.0.applier, self.0.coherence.figures())
    }

    /// Whether this instance may answer from memory, and what its bus says.
    #[must_use]
    pub fn health(&self) -> Health {
        Health::of(&self.0)
    }

    /// Waits until this instance has proved that it has missed nothing within the
    /// staleness bound. Starts the background work if it is not running.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NoRuntime`](crate::ErrorKind::NoRuntime) if it is called
    /// outside a tokio runtime, where there is nothing to wait for.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the wait.
    pub async fn coherent(&self) -> Result<(), Error> {
        self.0.coherence.coherent().await
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.0
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("shared", &self.0).finish()
    }
}

/// What a cache does with requests, see [`Cache::set_mode`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Mode {
    /// It answers from memory. The default.
    #[default]
    Serve,
    /// It passes all requests on: nothing is answered from memory, nothing new is stored
    /// (`bypasses["switched-off"]`). Writes invalidate, here and elsewhere, and what
    /// others invalidate is heard: what is stored is as valid as ever when the cache is
    /// switched on again.
    Bypass,
}

/// One tenant of a [`Cache`]: what is invalidated through it stays inside its
/// [`Scope`]; [`Invalidate::everything`] is everything of that tenant.
#[derive(Clone, Debug)]
pub struct ScopedCache {
    cache: Cache,
    scope: Scope,
}

impl ScopedCache {
    /// As [`Cache::invalidate`], inside the scope.
    ///
    /// # Cancel safety
    ///
    /// As [`Cache::invalidate`].
    pub async fn invalidate(&self, what: impl Into<Invalidate>) -> Receipt {
        self.cache.invalidate(what.into().inside(&self.scope)).await
    }

    /// As [`Cache::invalidate_now`], inside the scope.
    pub fn invalidate_now(&self, what: impl Into<Invalidate>) {
        self.cache.invalidate_now(what.into().inside(&self.scope));
    }
}
