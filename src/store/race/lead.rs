//! The leader of a flight.

use super::flight::Flight;
use super::flights::Flights;
use super::primitives::Arc;
use super::verdict::Verdict;
use std::hash::Hash;

/// Where a flight is found.
pub(super) struct Place<K, T> {
    pub(super) flights: Arc<Flights<K, T>>,
    pub(super) key: K,
    pub(super) flight: Arc<Flight<T>>,
}

/// The right, and the duty, to fill for a key. While it lives all other requests
/// for the key wait. Dropped without a result, exactly one of them leads next.
#[must_use = "a lead that is dropped has failed"]
pub(crate) struct Lead<K: Eq + Hash, T> {
    /// Gone when the flight has ended.
    place: Option<Place<K, T>>,
}

impl<K: Eq + Hash, T> Lead<K, T> {
    pub(super) fn new(place: Place<K, T>) -> Self {
        Self { place: Some(place) }
    }

    /// Ends the flight with a result. The verdict is the one taken when the answer
    /// was bound: what is invalidated between that and now is newer than the clock
    /// it knows, so requests that come after get nothing from it.
    pub(crate) fn land(mut self, result: T, verdict: Verdict) {
        if let Some(at) = self.place.take() {
            at.flights.end(&at.key, || at.flight.land(result, verdict));
        }
    }

    /// Ends the flight without a result to share: all who wait go on at once.
    pub(crate) fn release(mut self) {
        if let Some(at) = self.place.take() {
            at.flights.end(&at.key, || at.flight.release());
        }
    }
}

impl<K: Eq + Hash, T> Drop for Lead<K, T> {
    fn drop(&mut self) {
        if let Some(at) = self.place.take() {
            at.flights.hand_on(&at.key, || Some(at.flight.hand_on()));
        }
    }
}
