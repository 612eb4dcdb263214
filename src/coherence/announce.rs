//! Writes of this instance, announced to the others before their handlers run.

use super::driver::Coherence;
use crate::clock::nanos;
use crate::position::Mark;
use crate::write_intent::{IntentId, WriteIntent};
use crate::{random, wire};
use std::time::Duration;

/// Whether the others will invalidate what a write makes stale even if this process
/// ends in the middle of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Announced {
    Yes,
    /// The log did not say in time that it has the intent. It may have.
    Unknown,
}

impl Coherence {
    /// Writes of this instance are announced for this long: so may those of others be
    /// that it did not hear of.
    pub(crate) fn uses_intents(&self, lasts: Duration) {
        self.shared.intents().learn(nanos(lasts));
    }

    /// Says what a write will make stale, and waits until the log has it; not at all
    /// while the bus is known to be down. Whatever comes of it,
    /// [`ended`](Self::ended) is to be called in the end.
    ///
    /// # Cancel safety
    ///
    /// The log may have it all the same.
    pub(crate) async fn announce(&self, intent: &WriteIntent, within: Duration) -> Announced {
        let shared = &self.shared;
        let announced = if self.can_wait() {
            let mark = Mark(random::number());
            shared.sent.remember(mark);
            let payload = wire::encode_intent(intent);
            let append = shared.engine.announce(payload, mark, intent.lasts);
            matches!(shared.clock.timeout(within, append).await, Some(Ok(_)))
        } else {
            false
        };
        let mut figures = shared.figures();
        if announced {
            figures.intents += 1;
            Announced::Yes
        } else {
            figures.intents_untold += 1;
            Announced::Unknown
        }
    }

    /// A write has ended, and all that it made stale was enqueued.
    pub(crate) fn ended(&self, id: IntentId) {
        self.shared.outbox.end(id);
    }
}
