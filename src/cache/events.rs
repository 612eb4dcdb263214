//! Invalidations applied, as a stream.

use crate::target::Invalidate;
use std::sync::Arc;
use tokio::sync::broadcast;

/// How many events wait for a slow reader before it gets a gap.
const EVENTS_KEPT: usize = 1024;

/// Something that was applied on this instance.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Event {
    /// These targets became stale. A gap, whether on the bus or because this
    /// reader was too slow, reads [`Invalidate::everything`].
    Invalidated(Arc<Invalidate>),
}

/// Invalidations applied on this instance, from now on, in order: for memos,
/// templates or a CDN purge that ride on the bus.
///
/// Nothing is lost in silence: a reader that falls more than 1,024 events behind
/// gets *everything* in their place.
#[derive(Debug)]
pub struct Events(broadcast::Receiver<Arc<Invalidate>>);

impl Events {
    /// The next event; `None` when the cache is gone.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no event.
    pub async fn next(&mut self) -> Option<Event> {
        match self.0.recv().await {
            Ok(what) => Some(Event::Invalidated(what)),
            Err(broadcast::error::RecvError::Lagged(_)) => {
                Some(Event::Invalidated(Invalidate::everything().into()))
            }
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

/// Where events are told.
#[derive(Debug)]
pub(crate) struct Teller(broadcast::Sender<Arc<Invalidate>>);

impl Teller {
    pub(crate) fn new() -> Self {
        Self(broadcast::Sender::new(EVENTS_KEPT))
    }

    pub(crate) fn listen(&self) -> Events {
        Events(self.0.subscribe())
    }

    /// Makes the event only if somebody listens.
    pub(crate) fn tell(&self, what: impl FnOnce() -> Invalidate) {
        if self.0.receiver_count() > 0 {
            // An error would mean that the last reader has just gone.
            let _ = self.0.send(Arc::new(what()));
        }
    }
}
