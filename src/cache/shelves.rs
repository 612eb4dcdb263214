//! The shelves of one cache: the shared one, and one for each policy that asked
//! for its own.

use super::slot::Slot;
use crate::eviction::Eviction;
use crate::policy::OwnStore;
use crate::store::Shelf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Tells apart the flights of one key on different shelves.
pub(crate) type ShelfId = u32;

#[derive(Debug)]
pub(crate) struct Shelves {
    shared: Arc<Shelf<Slot>>,
    /// A layer owns its own shelf: when the last one is gone, so is the shelf.
    own: Mutex<Vec<Weak<Shelf<Slot>>>>,
    next: AtomicU32,
}

impl Shelves {
    pub(crate) fn new(max_bytes: u64, eviction: Eviction) -> Self {
        let shared = Arc::new(Shelf::new(max_bytes, eviction));
        Self {
            shared,
            own: Mutex::default(),
            next: AtomicU32::new(1),
        }
    }

    pub(crate) fn of(&self, own: Option<OwnStore>) -> (ShelfId, Arc<Shelf<Slot>>) {
        let Some(own) = own else {
            return (0, self.shared.clone());
        };
        let shelf = Arc::new(Shelf::new(own.max_bytes, own.eviction));
        let mut list = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        list.retain(|shelf| shelf.strong_count() > 0);
        list.push(Arc::downgrade(&shelf));
        (self.next.fetch_add(1, Ordering::Relaxed), shelf)
    }

    /// All shelves that are in use.
    pub(crate) fn all(&self) -> Vec<Arc<Shelf<Slot>>> {
        let list = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        std::iter::once(self.shared.clone())
            .chain(list.iter().filter_map(Weak::upgrade))
            .collect()
    }
}
