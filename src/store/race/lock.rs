//! Locking.

use super::primitives::{Mutex, MutexGuard};
use std::sync::PoisonError;

/// Locks, whether or not a holder has panicked. Every state behind a mutex of the
/// core is whole between any two statements, or is made whole before anything
/// that is not ours can run.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
