//! Who listens to the ring of a local bus.

use crate::bus::{Ring, Rings};
use std::sync::{Mutex, PoisonError};
use tokio::sync::mpsc;

/// How many rings may wait for one listener. The last place is kept for the
/// gap that a slow listener has to be told of.
const WAITING: usize = 1024;

#[derive(Debug, Default)]
pub(super) struct Ears(Mutex<Vec<Ear>>);

/// One listener.
#[derive(Debug)]
struct Ear {
    sender: mpsc::Sender<Ring>,
    hearing: Hearing,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Hearing {
    Fine,
    /// It was told of a gap, and has not made room since.
    Behind,
}

impl Ears {
    /// Opens one more.
    pub(super) fn open(&self) -> Rings {
        let (sender, receiver) = mpsc::channel(WAITING);
        let mut ears = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ears.retain(|ear| !ear.sender.is_closed());
        ears.push(Ear {
            sender,
            hearing: Hearing::Fine,
        });
        Rings { receiver }
    }

    /// Rings at all of them, and waits for none.
    pub(super) fn ring(&self, ring: &Ring) {
        let mut ears = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ears.retain_mut(|ear| ear.hear(ring));
    }
}

impl Ear {
    /// `false`: nobody listens any more.
    ///
    /// Only this sends, under the lock of all ears, so a place that is free when
    /// it is counted is free when it is used.
    fn hear(&mut self, ring: &Ring) -> bool {
        let heard = if self.sender.capacity() > 1 {
            self.hearing = Hearing::Fine;
            ring.clone()
        } else if self.hearing == Hearing::Fine {
            self.hearing = Hearing::Behind;
            Ring::Gap
        } else {
            return !self.sender.is_closed();
        };
        !matches!(
            self.sender.try_send(heard),
            Err(mpsc::error::TrySendError::Closed(_))
        )
    }
}
