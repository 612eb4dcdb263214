//! The flights by key.

use super::flight::{Flight, Heir};
use super::lead::{Lead, Place};
use super::lock::lock;
use super::primitives::{Arc, Mutex};
use super::tick::Tick;
use super::wait::Wait;
use std::collections::HashMap;
use std::hash::Hash;
use std::task::Waker;

/// All flights: at most one for each key, with one leader.
///
/// No code of others runs under these locks, except `Hash`, `Eq` and `Clone` of
/// the key and `Clone` of the result and of wakers. Wakers are called and dropped
/// when the locks are free.
pub(crate) struct Flights<K, T> {
    /// Taken before the mutex of a flight.
    table: Mutex<HashMap<K, Arc<Flight<T>>>>,
}

/// A place in a flight.
#[must_use = "a place that is dropped is given up"]
pub(crate) enum Seat<K: Eq + Hash, T> {
    Lead(Lead<K, T>),
    Wait(Wait<K, T>),
}

impl<K: Eq + Hash, T> Default for Flights<K, T> {
    fn default() -> Self {
        Self {
            table: Mutex::new(HashMap::new()),
        }
    }
}

impl<K: Eq + Hash + Clone, T: Clone> Flights<K, T> {
    /// Leads a flight for the key, or waits for the one under way. The reading is
    /// the clock when the request arrived, or later.
    pub(crate) fn join(self: &Arc<Self>, key: K, reading: Tick) -> Seat<K, T> {
        let mut table = lock(&self.table);
        if let Some(flight) = table.get(&key) {
            let (flight, waiter) = (Arc::clone(flight), flight.wait());
            drop(table);
            return Seat::Wait(Wait::new(self.place(key, flight), waiter, reading));
        }
        let flight = Arc::new(Flight::new());
        table.insert(key.clone(), Arc::clone(&flight));
        drop(table);
        Seat::Lead(Lead::new(self.place(key, flight)))
    }

    fn place(self: &Arc<Self>, key: K, flight: Arc<Flight<T>>) -> Place<K, T> {
        Place {
            flights: Arc::clone(self),
            key,
            flight,
        }
    }
}

impl<K: Eq + Hash, T> Flights<K, T> {
    /// How many flights there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        lock(&self.table).len()
    }

    /// Takes a flight out of the table and ends it, in one step for those who join.
    pub(super) fn end(&self, key: &K, end: impl FnOnce() -> Vec<Waker>) {
        let mut table = lock(&self.table);
        let removed = table.remove_entry(key);
        let wakers = end();
        drop(table);
        drop(removed);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Hands a flight on, or takes it out of the table if nobody waits.
    pub(super) fn hand_on(&self, key: &K, heir: impl FnOnce() -> Option<Heir>) {
        let mut table = lock(&self.table);
        let heir = heir();
        let removed = match heir {
            Some(Heir::Nobody) => table.remove_entry(key),
            _ => None,
        };
        drop(table);
        drop(removed);
        if let Some(Heir::Waiter(Some(waker))) = heir {
            waker.wake();
        }
    }
}
