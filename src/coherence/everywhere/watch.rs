//! Who may still serve what an entry covers, as far as one process has observed.

use super::rules;
use crate::bus::{Census, List, Report};
use crate::clock::nanos;
use crate::position::Mark;
use std::collections::BTreeMap;
use std::time::Duration;

/// What this process has seen of the list of members, and when by its own clock.
///
/// Without input, output or clock: instants are handed in. Two arguments end a wait.
///
/// - *By report.* The list is older than `ALONE_FOR` times the largest bound:
///   whoever serves has a proof that is younger than the list, so it is on it. Each
///   member on it has reported the entry or a later one of the same log, or has not
///   reported for that many of its own bounds, and so serves nothing.
/// - *By time.* The largest bound has passed since the log took the entry. That is
///   the promise of bounded staleness itself.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Watch {
    /// The largest bound that anybody is known to use, in nanoseconds. Never goes
    /// down; `u64::MAX`: somebody uses none.
    largest: u64,
    log: LogOf,
    /// The mark of the list, and when an answer first named it.
    list: Option<(Mark, u64)>,
    /// Whether anything was heard yet.
    heard: bool,
    /// Those who were missing in the last census, and since when their report is
    /// the same.
    silent: BTreeMap<u64, (Report, u64)>,
}

/// Where the log is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum LogOf {
    /// In this process: its first list was there before anybody who could be on it.
    ThisProcess,
    AServer,
}

/// What a census says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Judgement {
    pub(crate) verdict: Verdict,
    /// How many have reported.
    pub(crate) by: usize,
    /// Who has not, and may still serve.
    pub(crate) missing: Vec<u64>,
    /// Whose report is so old that they serve nothing.
    pub(crate) gone: Vec<Report>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// Nobody serves what the entry covers.
    Everywhere,
    NotYet,
}

impl Watch {
    /// `bound` is the largest in use here.
    pub(crate) fn new(bound: Duration, log: LogOf) -> Self {
        Self {
            largest: nanos(bound),
            log,
            list: None,
            heard: false,
            silent: BTreeMap::new(),
        }
    }

    /// A larger bound than before is in use here.
    pub(crate) fn widen(&mut self, bound: Duration) {
        self.largest = self.largest.max(nanos(bound));
    }

    /// An answer that came at `now` named this list.
    pub(crate) fn saw(&mut self, list: Option<List>, now: u64) {
        self.heard = true;
        if let Some(list) = list {
            self.widen(list.largest);
        }
        let born = list.map(|list| list.born);
        if self.list.map(|(born, _)| born) != born {
            let first = self.log == LogOf::ThisProcess && self.list.is_none();
            let since = if first { 0 } else { now };
            self.list = born.map(|born| (born, since));
        }
    }

    /// What a census says that was asked for at `sent` and came at `received`.
    pub(crate) fn judge(&mut self, census: &Census, sent: u64, received: u64) -> Judgement {
        self.saw(census.list, received);
        let known = std::mem::take(&mut self.silent);
        for report in &census.missing {
            let since = match known.get(&report.member) {
                Some((before, since)) if before == report => *since,
                _ => received,
            };
            self.silent.insert(report.member, (*report, since));
        }
        let silent = self.silent.values();
        let (gone, missing): (Vec<_>, Vec<_>) =
            silent.partition(|(report, since)| rules::is_gone(*since, sent, nanos(report.bound)));
        let whole = self
            .list
            .is_some_and(|(_, since)| rules::is_whole(since, sent, self.largest));
        let all = missing.is_empty() && census.more == 0;
        Judgement {
            verdict: if whole && all && rules::reports_count(census.entry) {
                Verdict::Everywhere
            } else {
                Verdict::NotYet
            },
            by: census.past,
            missing: missing.iter().map(|(report, _)| report.member).collect(),
            gone: gone.iter().map(|(report, _)| *report).collect(),
        }
    }

    /// When the largest bound will have passed since the log took an entry. `None`:
    /// never, or it is not known.
    pub(crate) fn passes(&self, taken: u64) -> Option<u64> {
        (self.heard && self.largest != u64::MAX).then(|| rules::passes(taken, self.largest))
    }
}
