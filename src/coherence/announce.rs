//! Writes that are announced before their handlers run: those of this instance, and
//! those of others.

use super::driver::Coherence;
use super::intents::{Begun, Due, Heard, Intents, Order};
use super::lately::HeardBy;
use super::shared::Shared;
use crate::bus::LogEntry;
use crate::clock::nanos;
use crate::position::Mark;
use crate::target::Target;
use crate::telemetry;
use crate::wire::Message;
use crate::write_intent::{IntentId, WriteIntent};
use crate::{random, wire};
use std::sync::{MutexGuard, PoisonError};
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

impl Shared {
    /// What the entry makes stale now. What this instance has sent was applied here
    /// before, and its own writes it sees to itself.
    pub(super) fn heard(
        &self,
        entry: &LogEntry,
        message: Message,
        order: Order,
        by: HeardBy,
    ) -> Vec<Target> {
        let own = self.sent.holds(entry.position.mark);
        let Message {
            mut targets,
            begun,
            ended,
            ..
        } = message;
        self.note(entry.position, targets.len(), own, by);
        if own {
            targets.clear();
        }
        let begun = begun.filter(|_| !own);
        let now = self.clock.now();
        let heard = Heard {
            begun: begun.map(|begun| Begun {
                id: begun.id,
                lasts: nanos(begun.lasts),
                weight: begun.targets.iter().map(Target::weight).sum(),
                targets: begun.targets,
            }),
            ended,
            everything: targets.contains(&Target::everything()),
        };
        // Cut off, this instance hears late of a write that may be over: what it has
        // stored was not served meanwhile, and is not now.
        if let Some(begun) = &heard.begun
            && self.heard_until().is_none_or(|until| until < now)
        {
            targets.extend_from_slice(&begun.targets);
        }
        self.intents().hear(heard, order, now.0);
        targets
    }

    pub(super) fn intents(&self) -> MutexGuard<'_, Intents<Target>> {
        self.intents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What writes would have made stale that began elsewhere, and of whose end nobody
    /// has heard in time.
    pub(super) fn ran_out(&self) -> Vec<Target> {
        let due = self.intents().due(self.clock.now().0);
        let targets = match due {
            Due::Targets(targets) if targets.is_empty() => return targets,
            Due::Targets(targets) => targets,
            Due::Everything => vec![Target::everything()],
        };
        self.figures().intents_ran_out += 1;
        telemetry::intents_ran_out(targets.len());
        targets
    }
}
