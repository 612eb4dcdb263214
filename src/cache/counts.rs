//! What one route counts.

use super::counter::Counter;
use super::tally::Tally;
use crate::telemetry;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// So many responses that were not stored are worth a warning, where none was.
const WORTH_A_WARNING: u64 = 100;

/// So many targets are told apart. A table can be replaced any number of times by one
/// that names others.
const MOST_TARGETS: usize = 1_000;

/// What a route is for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum RouteKind {
    /// Reads.
    Read,
    /// Writes.
    Write,
}

impl RouteKind {
    /// `read` or `write`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

/// By what a route is known: also after its table was replaced.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct RouteName {
    pub(super) kind: RouteKind,
    /// `None`: what has no route, and layers with a policy of their own.
    pub(super) pattern: Option<String>,
    /// The methods it is for, if not for all of its kind: in order, with commas.
    pub(super) methods: String,
}

/// What one route counts. Each number goes up only.
///
/// A hit adds to one number. The rest is off the hit path, and may take a lock.
#[derive(Debug)]
pub(crate) struct Counts {
    pub(super) name: RouteName,
    pub(crate) hits: Counter,
    /// Those of them that were answered with what is stale, by reason.
    pub(crate) stale: Tally,
    /// Requests of the cache itself, that fetch anew what was served.
    pub(crate) refreshes: Counter,
    /// Stored responses that the handler has confirmed.
    pub(crate) confirmed: Counter,
    /// Look-ups that found nothing to serve, by reason.
    pub(crate) misses: Tally,
    /// Requests that were passed on without a look-up, by reason.
    pub(crate) bypasses: Tally,
    /// Those that were passed on after they had missed, by reason.
    pub(crate) unfilled: Tally,
    pub(crate) fills: Counter,
    /// Requests that waited for somebody else's fill.
    pub(crate) waiters: Counter,
    pub(crate) stored: Counter,
    /// Responses that were not stored, by reason.
    pub(super) refusals: Tally,
    /// How many there were.
    refused: Counter,
    /// Said once.
    warned: AtomicBool,
    pub(crate) writes: Counter,
    /// Unsafe requests answered without the handler, since the bus was down.
    pub(crate) refused_writes: Counter,
    /// Times that a write made more stale than its route names.
    pub(crate) templates_widened: Counter,
    /// What its policy names, and whether anything here bore it.
    targets: Mutex<BTreeMap<String, TargetStats>>,
}

/// How often the writes of a route named something, and how often that was there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct TargetStats {
    /// Writes that named it.
    pub named: u64,
    /// Those of them that something stored on this instance bore.
    pub met: u64,
}

impl Counts {
    pub(super) fn new(name: RouteName) -> Self {
        Self {
            name,
            hits: Counter::default(),
            stale: Tally::default(),
            refreshes: Counter::default(),
            confirmed: Counter::default(),
            misses: Tally::default(),
            bypasses: Tally::default(),
            unfilled: Tally::default(),
            fills: Counter::default(),
            waiters: Counter::default(),
            stored: Counter::default(),
            refusals: Tally::default(),
            refused: Counter::default(),
            warned: AtomicBool::new(false),
            writes: Counter::default(),
            refused_writes: Counter::default(),
            templates_widened: Counter::default(),
            targets: Mutex::default(),
        }
    }

    /// A response was not stored.
    pub(crate) fn refuse(&self, reason: &'static str) {
        self.refusals.add(reason);
        if self.refused.next() == WORTH_A_WARNING && !self.has_stored() {
            self.warned.store(true, Ordering::Relaxed);
            let (reason, _) = self.refusals.most().unwrap_or_default();
            telemetry::route_never_stores(&self.name, reason);
        }
    }

    fn has_stored(&self) -> bool {
        self.stored.get() > 0 || self.confirmed.get() > 0
    }

    /// What it was warned of, in a sentence.
    pub(super) fn warning(&self) -> Option<String> {
        if !self.warned.load(Ordering::Relaxed) || self.has_stored() {
            return None;
        }
        let (reason, times) = self.refusals.most()?;
        let (name, all) = (&self.name, self.refused.get());
        Some(format!(
            "{name}: of {all} responses none was stored, {times} of them by reason of `{reason}`"
        ))
    }

    /// A write named this; `met`: something stored here bore it.
    pub(crate) fn named(&self, what: String, met: bool) {
        let mut targets = self.targets.lock().unwrap_or_else(PoisonError::into_inner);
        if targets.len() >= MOST_TARGETS && !targets.contains_key(&what) {
            return;
        }
        let target = targets.entry(what).or_default();
        target.named += 1;
        target.met += u64::from(met);
    }

    pub(super) fn targets(&self) -> BTreeMap<String, TargetStats> {
        self.targets
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl fmt::Display for RouteName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kind,
            pattern,
            methods,
        } = self;
        let kind = kind.as_str();
        match (pattern, methods.as_str()) {
            (None, _) => write!(f, "{kind} without a route"),
            (Some(pattern), "") => write!(f, "{kind} {pattern:?}"),
            (Some(pattern), methods) => write!(f, "{kind} {methods} {pattern:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_targets_than_are_told_apart_are_not_counted_and_the_others_are() {
        let counts = Counts::new(RouteName {
            kind: RouteKind::Write,
            pattern: None,
            methods: String::new(),
        });
        for at in 0..MOST_TARGETS + 10 {
            counts.named(format!("tag {at}"), false);
        }
        counts.named("tag 0".to_owned(), true);
        let targets = counts.targets();
        assert_eq!(targets.len(), MOST_TARGETS);
        assert_eq!(targets["tag 0"], TargetStats { named: 2, met: 1 });
    }
}
