//! What a waiter hears of its flight.

use super::flight::{Flight, Phase, State};
use super::lock::lock;
use super::tick::Tick;
use std::task::{Poll, Waker};

/// What a waiter found.
pub(super) enum Step<T> {
    Shared(T),
    Again,
    Alone,
    Lead,
}

impl<T: Clone> Flight<T> {
    /// Looks for news, and leaves the waker where there is none. The waker that
    /// was there before comes back, to be dropped when the lock is free.
    pub(super) fn poll(
        &self,
        waiter: u64,
        reading: Tick,
        waker: &Waker,
    ) -> (Poll<Step<T>>, Option<Waker>) {
        let mut state = lock(&self.state);
        let step = match &state.phase {
            Phase::Landed(result, verdict) if verdict.covers(reading) => {
                Step::Shared(result.clone())
            }
            Phase::Landed(..) => Step::Again,
            Phase::Released => Step::Alone,
            Phase::Handed(to) if *to == waiter => {
                state.phase = Phase::Led;
                Step::Lead
            }
            Phase::Led | Phase::Handed(_) => return (Poll::Pending, state.park(waiter, waker)),
        };
        let waker = state.waiting.remove(&waiter).flatten();
        (Poll::Ready(step), waker)
    }
}

impl<T> State<T> {
    fn park(&mut self, waiter: u64, waker: &Waker) -> Option<Waker> {
        let place = self.waiting.entry(waiter).or_default();
        match place {
            Some(parked) if parked.will_wake(waker) => None,
            _ => place.replace(waker.clone()),
        }
    }
}
