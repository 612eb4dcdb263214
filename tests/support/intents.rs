//! Writes that were announced, and lost with the process that made them.

use super::{Down, History, Life, Read, Write};
use std::time::Duration;

impl History {
    /// Whether others invalidate what it made stale though its process was killed. Not
    /// where that was stopped before the commit: the handler may have taken longer
    /// than it said.
    pub(super) fn is_covered(&self, write: &Write) -> bool {
        let Some(intent) = self.intents.get(&write.key) else {
            return false;
        };
        let slow = |down: &Down| {
            down.instance == write.instance
                && down.from < write.committed
                && down.until.plus(*intent) > write.committed
        };
        !self.downs.iter().any(slow)
    }

    /// Reads that show less than a write whose intent has run out.
    pub(super) fn outliving_an_intent(&self) -> Vec<String> {
        let lost = self.lost_though_announced();
        let offends = |read: &&Read| {
            lost.iter().any(|write| {
                let older = read.key == write.key && read.version < write.version;
                older && self.has_run_out(write, read)
            })
        };
        let offends = self.reads.iter().filter(offends);
        offends.map(|read| self.tell(read)).collect()
    }

    fn has_run_out(&self, write: &Write, read: &Read) -> bool {
        let intent = self.intents[&write.key];
        let due = write.committed.plus(intent + self.bound * 2);
        let life = |life: &&Life| life.instance == read.instance;
        let returned = self
            .lives
            .iter()
            .filter(life)
            .flat_map(|life| &life.returned);
        let before = returned.filter(|at| **at <= read.started).max();
        let again = before.map(|at| at.plus(intent + self.bound));
        read.started > due && again.is_none_or(|again| read.started > again)
    }

    /// Writes that were announced, and lost with their process.
    pub fn lost_though_announced(&self) -> Vec<&Write> {
        let lost = self.writes.iter().filter(|write| self.is_lost(**write));
        lost.filter(|write| self.is_covered(write)).collect()
    }

    /// The longest time from the commit of such a write to a read that did not show it.
    pub fn longest_uncovered(&self) -> Duration {
        let mut longest = Duration::ZERO;
        for write in self.lost_though_announced() {
            let older = self.reads.iter();
            let older = older.filter(|read| read.key == write.key && read.version < write.version);
            let ages = older.map(|read| read.started.since(write.committed));
            longest = ages.max().unwrap_or_default().max(longest);
        }
        longest
    }
}
