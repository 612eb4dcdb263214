//! How stale the reads of a history were, within what is allowed.

use super::{History, Moment, Write};
use std::collections::HashMap;
use std::time::Duration;

/// Reads that showed something older than the origin had when they started.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Staleness {
    /// The bus had a newer version, for no longer than the bound.
    pub accepted: u64,
    /// The longest time from when it had one to a read that did not show it.
    pub longest: Duration,
    /// The bus was not known to have a newer version.
    pub unaccepted: u64,
    /// The longest time from the commit of the next version to such a read.
    pub longest_unaccepted: Duration,
    /// Of these, reads of what was lost with a killed process.
    pub lost: u64,
}

impl History {
    /// How stale reads were.
    pub fn staleness(&self) -> Staleness {
        let keys = self.by_version();
        // The first moment at which this version or a later one was accepted.
        let firsts: HashMap<u32, Vec<Option<Moment>>> = keys
            .iter()
            .map(|(&key, writes)| (key, first_accepted(writes)))
            .collect();
        let mut staleness = Staleness::default();
        for read in &self.reads {
            let Some(writes) = keys.get(&read.key) else {
                continue;
            };
            let next = writes.partition_point(|write| write.version <= read.version);
            let newer = writes[next..].iter();
            let newer = newer.take_while(|write| write.committed < read.started);
            let Some(oldest) = newer.clone().next() else {
                continue;
            };
            let accepted = firsts[&read.key][next].filter(|at| *at < read.started);
            if let Some(accepted) = accepted {
                let age = read.started.since(accepted);
                staleness.accepted += u64::from(age <= self.bound);
                staleness.longest = staleness.longest.max(age);
                continue;
            }
            let age = read.started.since(oldest.committed);
            staleness.unaccepted += 1;
            staleness.longest_unaccepted = staleness.longest_unaccepted.max(age);
            staleness.lost += u64::from(newer.copied().all(|write| self.is_lost(write)));
        }
        staleness
    }
}

/// For each write, when it or a later one was first accepted. They are sorted.
fn first_accepted(writes: &[Write]) -> Vec<Option<Moment>> {
    let mut first = None;
    let mut firsts: Vec<Option<Moment>> = writes
        .iter()
        .rev()
        .map(|write| {
            first = first.into_iter().chain(write.accepted).min();
            first
        })
        .collect();
    firsts.reverse();
    firsts.push(None);
    firsts
}
