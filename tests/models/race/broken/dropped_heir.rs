//! Broken: a waiter that was to lead leaves, and nobody else is told.

use super::lead::{Lead, Place};
use super::listen::Step;
use super::tick::Tick;
use std::future::Future;
use std::hash::Hash;
use std::pin::Pin;
use std::task::{Context, Poll};
#[must_use = "a lead that is dropped has failed"]
pub(crate) enum Landing<K: Eq + Hash, T> {
    Shared(T),
    Again,
    Alone,
    Lead(Lead<K, T>),
}
#[must_use = "futures do nothing unless polled"]
pub(crate) struct Wait<K: Eq + Hash, T> {
    place: Option<Place<K, T>>,
    waiter: u64,
    reading: Tick,
}

impl<K: Eq + Hash, T> Wait<K, T> {
    pub(super) fn new(place: Place<K, T>, waiter: u64, reading: Tick) -> Self {
        Self {
            place: Some(place),
            waiter,
            reading,
        }
    }
}
impl<K: Eq + Hash, T> Unpin for Wait<K, T> {}

impl<K: Eq + Hash, T: Clone> Future for Wait<K, T> {
    type Output = Landing<K, T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(at) = &self.place else {
            return Poll::Ready(Landing::Alone);
        };
        let (step, waker) = at.flight.poll(self.waiter, self.reading, context.waker());
        drop(waker);
        let Poll::Ready(step) = step else {
            return Poll::Pending;
        };
        let place = self.place.take();
        Poll::Ready(match (step, place) {
            (Step::Shared(result), _) => Landing::Shared(result),
            (Step::Again, _) => Landing::Again,
            (Step::Lead, Some(place)) => Landing::Lead(Lead::new(place)),
            (Step::Alone | Step::Lead, _) => Landing::Alone,
        })
    }
}

impl<K: Eq + Hash, T> Drop for Wait<K, T> {
    fn drop(&mut self) {
        let Some(at) = self.place.take() else {
            return;
        };
        let mut waker = None;
        at.flights.hand_on(&at.key, || {
            let (heir, parked) = at.flight.leave(self.waiter);
            waker = parked;
            drop(heir);
            None
        });
    }
}
