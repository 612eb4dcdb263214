//! The bus inside one process.

mod ears;
mod log;
mod members;
mod rules;

use self::ears::Ears;
use self::log::{Limits, Log, Spare, Weigh};
use self::rules::Identity;
use super::sealed::{AnyEngine, Sealed};
use super::{
    Answer, Appended, Bus, BusError, Census, Engine, InProcess, Inquiry, LogEntry, Question, Ring,
    Rings, RollCall, everything_payload,
};
use crate::error::Error;
use crate::position::Mark;
use crate::random;
use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt, ready};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A process is one server that never loses anything.
const HERE: Identity = Identity {
    run: 0,
    replication: 0,
};

const LIMITS: Limits = Limits {
    entries: 10_000,
    answer_entries: 1_024,
    answer_bytes: 4 << 20,
};

/// A bus inside one process: the default.
///
/// Caches that share one follow each other's invalidations, as instances do
/// through Redis. Clones are the same bus.
#[derive(Clone, Debug, Default)]
pub struct Local(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// Also held while an entry rings, so that the ring keeps the log's order.
    log: Mutex<Log<Bytes>>,
    ears: Ears,
}

impl Local {
    /// A bus of its own.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A log that begins anew rings too.
    fn begin(&self, log: &mut Log<Bytes>) {
        if let Some(everything) = log.begin(spare()) {
            self.0.ears.ring(&Ring::Entry(everything));
        }
    }

    fn census_now(&self, inquiry: &Inquiry) -> Census {
        let mut log = self.0.log.lock().unwrap_or_else(PoisonError::into_inner);
        self.begin(&mut log);
        if inquiry.call == RollCall::Ring {
            self.0.ears.ring(&Ring::RollCall);
        }
        log.census(spare(), inquiry)
    }

    fn append_now(&self, payload: Bytes, mark: Mark) -> Appended {
        self.add_now(|log| log.append(spare(), mark, payload))
    }

    fn add_now(&self, append: impl FnOnce(&mut Log<Bytes>) -> LogEntry) -> Appended {
        let mut log = self.0.log.lock().unwrap_or_else(PoisonError::into_inner);
        self.begin(&mut log);
        let entry = append(&mut log);
        let position = entry.position;
        self.0.ears.ring(&Ring::Entry(entry));
        let list = log.list().map(|list| list.born);
        Appended { position, list }
    }
}

impl Default for Shared {
    fn default() -> Self {
        Self {
            log: Mutex::new(Log::new(LIMITS)),
            ears: Ears::default(),
        }
    }
}

impl Weigh for Bytes {
    fn weight(&self) -> usize {
        self.len()
    }
}

impl Bus for Local {}

impl Sealed for Local {
    fn into_engine(self) -> Result<AnyEngine, Error> {
        Ok(AnyEngine(Arc::new(self)))
    }
}

impl InProcess for Local {
    fn answer(&self, question: &Question) -> Answer {
        let mut log = self.0.log.lock().unwrap_or_else(PoisonError::into_inner);
        self.begin(&mut log);
        log.sync(spare(), question)
    }
}

impl Engine for Local {
    fn name(&self) -> &'static str {
        "local"
    }

    fn append(&self, payload: Bytes, mark: Mark) -> BoxFuture<'_, Result<Appended, BusError>> {
        async move { Ok(self.append_now(payload, mark)) }.boxed()
    }

    fn announce(
        &self,
        payload: Bytes,
        mark: Mark,
        lasts: Duration,
    ) -> BoxFuture<'_, Result<Appended, BusError>> {
        async move { Ok(self.add_now(|log| log.announce(spare(), mark, payload, lasts))) }.boxed()
    }

    fn census(&self, inquiry: Inquiry) -> BoxFuture<'_, Result<Census, BusError>> {
        async move { Ok(self.census_now(&inquiry)) }.boxed()
    }

    fn sign_off(&self, member: u64, counter: u64) -> BoxFuture<'_, Result<(), BusError>> {
        let mut log = self.0.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.sign_off(member, counter);
        ready(Ok(())).boxed()
    }

    fn in_process(&self) -> Option<&dyn InProcess> {
        Some(self)
    }

    fn sync(&self, question: Question) -> BoxFuture<'_, Result<Answer, BusError>> {
        async move { Ok(self.answer(&question)) }.boxed()
    }

    fn rings(&self) -> BoxFuture<'_, Result<Rings, BusError>> {
        async move { Ok(self.0.ears.open()) }.boxed()
    }

    fn look(&self) -> BoxFuture<'_, Result<Vec<String>, BusError>> {
        ready(Ok(Vec::new())).boxed()
    }
}

fn spare() -> Spare<Bytes> {
    Spare {
        server: HERE,
        mark: Mark(random::number()),
        payload: everything_payload(),
    }
}

#[cfg(test)]
mod tests;
