//! Which writes are known to be applied here, for those who carry their tokens.

pub(super) mod rules;
mod satisfied;

use super::driver::Coherence;
use super::outbox::Ticket;
use super::shared::Shared;
use crate::clock::nanos;
use crate::position::Position;
use crate::token::{Part, Token};
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, Semaphore};

pub(crate) use satisfied::Satisfied;

/// How many entries are remembered, about. A token of an older one costs its
/// bearer the answer from memory, no more.
const SLOTS: usize = 4096;

/// Entries whose fingerprints end alike share this many slots.
const WAYS: usize = 4;

/// How many may wait at once.
const MOST_WAITERS: usize = 1024;

/// The shortest time between two questions that tokens ask for: who makes tokens
/// up is not to set the pace.
const ASK_EVERY: Duration = Duration::from_millis(50);

/// The entries that were applied here, as far as is remembered.
///
/// An entry gets in *after* the cells were raised, and only if all that the log
/// had before it was applied too: it joined the follower's chain. What this
/// instance has sent itself was applied here before that. So it is never
/// cleared: what was applied stays applied.
pub(super) struct Applied {
    /// Fingerprints of entries; zero for none. In each set the newest first.
    slots: Box<[AtomicU64]>,
    keys: RandomState,
    /// Something got in.
    changed: Notify,
    places: Semaphore,
    /// When a token last asked the log, in nanoseconds.
    asked: AtomicU64,
    /// Random for each start: what a token without a position is known by.
    instance: u64,
}

impl Applied {
    pub(super) fn new() -> Self {
        let keys = RandomState::new();
        Self {
            slots: (0..SLOTS).map(|_| AtomicU64::new(0)).collect(),
            instance: keys.hash_one("instance"),
            keys,
            changed: Notify::new(),
            places: Semaphore::new(MOST_WAITERS),
            asked: AtomicU64::new(0),
        }
    }

    /// Called after the cells were raised.
    pub(super) fn record(&self, positions: impl IntoIterator<Item = Position>) {
        let mut any = false;
        for position in positions {
            any = true;
            let fingerprint = self.fingerprint(position);
            let mut moved = fingerprint;
            for slot in self.set(fingerprint) {
                // Whoever reads it sees the cells raised, whichever thread moved it.
                moved = slot.swap(moved, Ordering::AcqRel);
                if moved == 0 || moved == fingerprint {
                    break;
                }
            }
        }
        if any {
            self.changed.notify_waiters();
        }
    }

    fn holds(&self, position: Position) -> bool {
        let fingerprint = self.fingerprint(position);
        let mut set = self.set(fingerprint).iter();
        set.any(|slot| slot.load(Ordering::Acquire) == fingerprint)
    }

    /// Never zero.
    fn fingerprint(&self, position: Position) -> u64 {
        self.keys.hash_one(rules::name(position)).max(1)
    }

    fn set(&self, fingerprint: u64) -> &[AtomicU64] {
        let sets = u64::try_from(SLOTS / WAYS).unwrap_or(1);
        let set = usize::try_from(fingerprint % sets).unwrap_or(0);
        self.slots.chunks_exact(WAYS).nth(set).unwrap_or_default()
    }

    fn satisfies(&self, token: &Token) -> Satisfied {
        satisfied::by(token, self.instance, |position| self.holds(position))
    }

    /// Whether a token may ask the log now.
    fn may_ask(&self, now: u64) -> bool {
        let asked = self.asked.load(Ordering::Relaxed);
        let relaxed = Ordering::Relaxed;
        now.saturating_sub(asked) >= nanos(ASK_EVERY)
            && self
                .asked
                .compare_exchange(asked, now, relaxed, relaxed)
                .is_ok()
    }
}

impl Coherence {
    /// The token of what the ticket stands for, and of all that this instance took
    /// before it.
    pub(crate) fn token_of(&self, ticket: Ticket) -> Token {
        let landed = self.shared.outbox.landed(ticket);
        Token::of(landed.map_or_else(
            || Part::Here {
                instance: self.shared.applied.instance,
                ticket: ticket.number(),
            },
            |landed| Part::At(landed.position),
        ))
    }

    /// Whether the token's writes are applied here. What is looked up after this
    /// said [`Satisfied::Yes`] is not older than they are.
    pub(crate) fn satisfies(&self, token: &Token) -> Satisfied {
        self.shared.applied.satisfies(token)
    }

    /// Waits until the token's writes are applied here, at most this long, and not
    /// at all while the bus is down or very many wait. Returns whether they are.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the wait.
    pub(crate) async fn wait_for(&self, token: &Token, limit: Duration) -> bool {
        let shared = &self.shared;
        let place = shared.applied.places.try_acquire();
        if place.is_err() || !self.can_wait() {
            return self.satisfies(token) == Satisfied::Yes;
        }
        let satisfied = shared.clock.timeout(limit, told(shared, token)).await;
        satisfied.unwrap_or_else(|| self.satisfies(token) == Satisfied::Yes)
    }
}

/// Asks the log and looks again until it is decided.
async fn told(shared: &Shared, token: &Token) -> bool {
    loop {
        // Before the look, so that nothing gets in unseen between the two.
        let changed = shared.applied.changed.notified();
        match shared.applied.satisfies(token) {
            Satisfied::Yes => return true,
            Satisfied::Never => return false,
            Satisfied::NotYet => {}
        }
        if shared.applied.may_ask(shared.clock.now().0) && !shared.ask_now() {
            shared.due.notify_one();
        }
        shared.clock.timeout(ASK_EVERY, changed).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::position::{Mark, Sequence};

    fn position(number: u64) -> Position {
        let sequence = Sequence { millis: 1, number };
        let mark = Mark(number);
        Position { sequence, mark }
    }

    #[test]
    fn the_last_thousand_are_held_and_nothing_else_is() {
        let applied = Applied::new();
        applied.record((0..100_000).map(position));
        let last = (99_000..100_000).filter(|&n| applied.holds(position(n)));
        assert!(last.count() > 900);
        assert!((100_000..200_000).all(|n| !applied.holds(position(n))));
        let other = Position {
            mark: Mark(1),
            ..position(99_999)
        };
        assert!(applied.holds(position(99_999)) && !applied.holds(other));
    }

    #[test]
    fn an_entry_that_comes_twice_takes_one_slot() {
        let applied = Applied::new();
        for _ in 0..100 {
            applied.record([position(1)]);
        }
        let used = applied.slots.iter();
        let used = used.filter(|slot| slot.load(Ordering::Relaxed) != 0);
        assert_eq!(used.count(), 1);
    }

    #[test]
    fn a_token_is_as_satisfied_as_its_least_satisfied_part() {
        let applied = Applied::new();
        applied.record([position(1)]);
        let here = |instance| {
            let ticket = 1;
            Token::of(Part::Here { instance, ticket })
        };
        let (known, unknown) = (
            Token::of(Part::At(position(1))),
            Token::of(Part::At(position(2))),
        );
        let own = here(applied.instance);
        let other = here(applied.instance ^ 1);
        let satisfies = |token: Token| applied.satisfies(&token);
        assert_eq!(satisfies(known.clone().join(own.clone())), Satisfied::Yes);
        assert_eq!(satisfies(known.join(unknown.clone())), Satisfied::NotYet);
        assert_eq!(satisfies(unknown.join(other)), Satisfied::Never);
        assert_eq!(
            satisfies(own.join(Token::of(Part::Nowhere))),
            Satisfied::Never
        );
    }

    #[test]
    fn tokens_ask_the_log_once_in_fifty_milliseconds() {
        let applied = Applied::new();
        let start = 3_600_000_000_000;
        assert!(applied.may_ask(start));
        assert!(!applied.may_ask(start) && !applied.may_ask(start + 49_999_999));
        assert!(applied.may_ask(start + 50_000_000));
    }
}
