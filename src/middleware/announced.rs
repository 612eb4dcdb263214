//! Writes whose route says first what they will make stale.

use crate::cache::Shared;
use crate::coherence::Announced;
use crate::concern::WriteConcern;
use crate::random;
use crate::target::Invalidate;
use crate::write_intent::{IntentId, WriteIntent};
use std::sync::Arc;
use std::time::Duration;

/// A write that the other instances may know of. Dropped, it has ended: what it made
/// stale has to be enqueued before.
pub(super) struct UnderWay {
    cache: Arc<Shared>,
    id: IntentId,
}

impl UnderWay {
    pub(super) fn new(cache: Arc<Shared>) -> Self {
        let id = IntentId(random::number());
        Self { cache, id }
    }

    /// Waits until the log has the intent, as long as for what is published at most
    /// by default.
    pub(super) async fn announce(&self, what: &Invalidate, time: Duration) -> Announced {
        let within = WriteConcern::PUBLISHED_WITHIN;
        let intent = WriteIntent {
            id: self.id,
            lasts: WriteIntent::lasts_for(time),
            targets: what.targets().to_vec(),
        };
        self.cache.coherence.announce(&intent, within).await
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.cache.coherence.ended(self.id);
    }
}
