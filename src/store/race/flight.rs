//! One flight: who leads, who waits, how it ended.

use super::lock::lock;
use super::primitives::Mutex;
use super::verdict::Verdict;
use std::collections::BTreeMap;
use std::task::Waker;

/// ```text
///             leader gone, someone waits
///        +--------------------------------+
///        |                                v
///      Led <---- that waiter polls ---- Handed(waiter)
///       | \                               | waiter gone: the next one,
///       |  +-- release --> Released       | or out of the table
///       +----- land -----> Landed         v
/// ```
///
/// A flight is in the table exactly while it is `Led` or `Handed`: the table's
/// mutex is held over every step between the two kinds, so who joins finds a
/// flight that will still end, or none.
pub(super) struct Flight<T> {
    /// Taken after the table's mutex where both are needed.
    pub(super) state: Mutex<State<T>>,
}

pub(super) struct State<T> {
    pub(super) phase: Phase<T>,
    next_waiter: u64,
    /// In the order of arrival. A waker is stored by a poll that found nothing to
    /// do, under the same lock as every change of the phase: no wake-up is lost.
    pub(super) waiting: BTreeMap<u64, Option<Waker>>,
}

pub(super) enum Phase<T> {
    Led,
    /// The leader is gone and this waiter shall lead.
    Handed(u64),
    Landed(T, Verdict),
    Released,
}

/// Who follows a leader that is gone.
pub(super) enum Heir {
    /// A waiter, to be woken once the locks are free.
    Waiter(Option<Waker>),
    Nobody,
}

impl<T> Flight<T> {
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::new(State {
                phase: Phase::Led,
                next_waiter: 0,
                waiting: BTreeMap::new(),
            }),
        }
    }

    /// Another request waits. The caller holds the table's mutex.
    pub(super) fn wait(&self) -> u64 {
        let mut state = lock(&self.state);
        let waiter = state.next_waiter;
        state.next_waiter += 1;
        state.waiting.insert(waiter, None);
        waiter
    }

    /// The result is there. The caller holds the table's mutex, has taken the
    /// flight out of the table and wakes the waiters afterwards.
    pub(super) fn land(&self, result: T, verdict: Verdict) -> Vec<Waker> {
        self.end(Phase::Landed(result, verdict))
    }

    /// There is nothing to share. As [`land`](Self::land).
    pub(super) fn release(&self) -> Vec<Waker> {
        self.end(Phase::Released)
    }

    fn end(&self, phase: Phase<T>) -> Vec<Waker> {
        let mut state = lock(&self.state);
        state.phase = phase;
        state
            .waiting
            .values_mut()
            .filter_map(Option::take)
            .collect()
    }

    /// The leader is gone without a result: the longest waiting one is to lead.
    /// The caller holds the table's mutex and takes the flight out of the table if
    /// there is nobody.
    pub(super) fn hand_on(&self) -> Heir {
        lock(&self.state).hand_on()
    }

    /// A waiter is gone. If it was to lead, the next one is; the caller does as
    /// for [`hand_on`](Self::hand_on), and drops the waker when the locks are free.
    pub(super) fn leave(&self, waiter: u64) -> (Option<Heir>, Option<Waker>) {
        let mut state = lock(&self.state);
        let waker = state.waiting.remove(&waiter).flatten();
        let heir = matches!(state.phase, Phase::Handed(to) if to == waiter);
        (heir.then(|| state.hand_on()), waker)
    }
}

impl<T> State<T> {
    fn hand_on(&mut self) -> Heir {
        match self.waiting.first_entry() {
            Some(mut first) => {
                self.phase = Phase::Handed(*first.key());
                Heir::Waiter(first.get_mut().take())
            }
            None => Heir::Nobody,
        }
    }
}
