//! The history of a run, and whether it keeps the promises.
//!
//! # What is known
//!
//! All times are of one clock, that of the machine ([`Moment`]).
//!
//! - A **commit** is known from the register, with its time: who asks the origin
//!   later sees it.
//! - A write is **acknowledged** when its response has reached the client.
//! - A write is **accepted** when the bus has its invalidation. That moment is
//!   inside Redis and nobody sees it. What is noted is the first moment at which
//!   somebody *knows*: the writer's instance found its outbox empty after the
//!   write's response had come out of the layer, or another instance applied the
//!   write's own tag, which it can only have from the bus. Both are later than the
//!   true moment, so what is called a violation is one.
//! - A write that nobody knows to be accepted has no bound: it waits in the outbox
//!   of an instance that is cut off, or it was lost with a killed process (P6 holds
//!   while the process lives). What is served meanwhile is stale and allowed; it is
//!   counted by itself.
//! - A read counts from when it **started** at the client. The instance decides
//!   later than that, so again what is called a violation is one.
//!
//! # What is checked
//!
//! | | |
//! |---|---|
//! | I1 | a write acknowledged as accepted: no read that started more than the bound after the acknowledgement shows an older version |
//! | I2 | a read with a token (P4), or after a write that was applied everywhere (P5): no older version at all |
//! | I3 | of one instance and key: no read shows an older version than one that had ended before it started; one with a token may have gone past the store, and binds no other |
//! | I4 | when all is quiet: every instance shows what the origin has |
//! | I5 | every instance applied every accepted write by its name, or everything after it, and told its listeners *everything* at least as often as it counts adoptions: nothing was missed in silence |
//! | P2 | no read on the writer's instance that started after the acknowledgement shows an older version |
//! | P3 | as I1, from when the write was accepted, acknowledged or not |
//! | intent | a write that was announced and lost with its process: no read on an instance that was coherent all the time shows an older version when the time of its intent and two bounds have passed since the commit; elsewhere, when that time and one bound have passed since it was coherent again |
//! | P6 | when all is quiet: nothing waits, and no write of a living instance is unknown to all |
//! | P7 | an instance that ran answered every read |
//! | origin | a read for which the handler ran shows what was committed before it; no read shows what was not committed |
//!
//! The bound is that of the instances, and nothing is added to it.
//!
//! # What is read from a replica
//!
//! The origin of some keys is a replica that lags, by no more than the settle window
//! of their route, which is shorter than the bound. For them:
//!
//! - What a handler says may lack what was committed within the lag before it was
//!   asked. P4 forbids what is older than the origin would now give, so a token counts
//!   from the commit and the lag on, as the origin itself does.
//! - A response that is not stored, because its handler began within the window, goes
//!   to those who wait for it, for the bound less the window from when it began. That
//!   handler began after the write, so it is not what the write made stale; but a
//!   history does not tell a response from the store and one that was waited for, so
//!   P2 and P5 count from the commit and the bound on.
//! - P3 and I1 stay as they are: what is stored is as fresh as any, and the two above
//!   show all that was committed a bound before.

use super::app::Heard;
use super::moment::Moment;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::Hash;
use std::time::Duration;

/// A response to a GET.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Read {
    pub key: u32,
    pub version: u64,
    pub started: Moment,
    pub ended: Moment,
    /// One process, from its start to its end.
    pub instance: u32,
    /// The handler did not run for it.
    pub hit: bool,
    /// The version of the write whose token it carried, on this key.
    pub token: Option<u64>,
}

/// A write that the register has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Write {
    pub id: u64,
    pub key: u32,
    pub version: u64,
    /// Where it was sent.
    pub instance: u32,
    pub committed: Moment,
    pub acknowledged: Option<Moment>,
    pub accepted: Option<Moment>,
    pub reach: Reach,
}

/// What a write's response said of the other instances.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reach {
    Unknown,
    /// None of them serves the old response any more.
    Everywhere,
}

/// One process.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Life {
    pub instance: u32,
    /// From here on it noted what it heard.
    pub began: Moment,
    /// What it heard until the end; `None` if it was killed.
    pub heard: Option<Vec<Heard>>,
    /// What waited to be sent at the end.
    pub outbox: u64,
    /// How often it counts to have adopted a position.
    pub adoptions: u64,
    /// When it was coherent again, or everything was invalidated: it may have missed
    /// something before.
    pub returned: Vec<Moment>,
}

/// What an instance shows for a key when all is quiet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Last {
    pub instance: u32,
    pub key: u32,
    pub version: u64,
}

/// A read that had no answer, or an error.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    pub instance: u32,
    pub started: Moment,
    pub ended: Moment,
    pub why: String,
}

/// A time in which an instance was stopped or dead, by the hand of the test.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Down {
    pub instance: u32,
    pub from: Moment,
    pub until: Moment,
}

/// All that happened.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct History {
    pub bound: Duration,
    pub reads: Vec<Read>,
    pub writes: Vec<Write>,
    pub lives: Vec<Life>,
    pub last: Vec<Last>,
    pub failures: Vec<Failure>,
    pub downs: Vec<Down>,
    /// By how much the origin of a key lags at most; not at all unless it is here.
    pub lags: HashMap<u32, Duration>,
    /// For how long the writes of a key count as begun; not at all unless it is here.
    pub intents: HashMap<u32, Duration>,
}

/// What was found, by the name of what it breaks.
pub type Violations = BTreeMap<&'static str, Vec<String>>;

impl History {
    /// Every invariant and promise is in it, with what breaks it.
    pub fn violations(&self) -> Violations {
        let mut found = Violations::new();
        found.insert("I1", self.older_than(&self.acknowledged_and_accepted()));
        found.insert("I2", self.older_than_asked());
        found.insert("I3", self.going_back());
        found.insert("I4", self.unsettled());
        found.insert("I5", self.silently_missed());
        found.insert("intent", self.outliving_an_intent());
        found.insert("P2", self.older_than_own());
        found.insert("P3", self.older_than(&self.accepted()));
        found.insert("P6", self.dropped());
        found.insert("P7", self.unanswered());
        found.insert("origin", self.impossible());
        found
    }

    /// Writes that were committed, and lost with their process before the bus was
    /// known to have them.
    pub fn lost(&self) -> usize {
        self.writes
            .iter()
            .filter(|write| self.is_lost(**write))
            .count()
    }

    fn is_lost(&self, write: Write) -> bool {
        write.accepted.is_none() && !self.lives_on(write.instance)
    }

    fn lives_on(&self, instance: u32) -> bool {
        let mut lives = self.lives.iter();
        lives.any(|life| life.instance == instance && life.heard.is_some())
    }

    /// I1: from the acknowledgement of what was accepted.
    fn acknowledged_and_accepted(&self) -> Floors<u32> {
        let due = |write: &Write| {
            let since = write.acknowledged?.max(write.accepted?);
            Some((write.key, since.plus(self.bound), write.version))
        };
        Floors::of(self.writes.iter().filter_map(due))
    }

    /// P3: from when it was accepted.
    fn accepted(&self) -> Floors<u32> {
        let due = |write: &Write| {
            let due = write.accepted?.plus(self.bound);
            Some((write.key, due, write.version))
        };
        Floors::of(self.writes.iter().filter_map(due))
    }

    /// From when on nothing older goes even to those who wait for a handler that
    /// began after it.
    fn gone(&self, write: &Write) -> Moment {
        match self.lags.contains_key(&write.key) {
            true => write.committed.plus(self.bound),
            false => write.committed,
        }
    }

    /// From when on the origin shows it.
    fn shown(&self, write: &Write) -> Moment {
        let lag = self.lags.get(&write.key);
        write.committed.plus(lag.copied().unwrap_or_default())
    }

    fn older_than(&self, floors: &Floors<u32>) -> Vec<String> {
        let offends = |read: &&Read| read.version < floors.at(read.key, read.started);
        let offends = self.reads.iter().filter(offends);
        offends.map(|read| self.tell(read)).collect()
    }

    /// I2 is P4 and P5.
    fn older_than_asked(&self) -> Vec<String> {
        let everywhere = self.writes.iter().filter(|w| w.reach == Reach::Everywhere);
        let due = |write: &Write| {
            let since = write.acknowledged?.max(self.gone(write));
            Some((write.key, since, write.version))
        };
        let mut found = self.older_than(&Floors::of(everywhere.filter_map(due)));
        let shown = self.writes.iter();
        let shown: HashMap<_, _> = shown
            .map(|write| ((write.key, write.version), self.shown(write)))
            .collect();
        let offends = |read: &&Read| {
            read.token.is_some_and(|token| {
                let lagged = self.lags.contains_key(&read.key)
                    && shown
                        .get(&(read.key, token))
                        .is_some_and(|at| *at >= read.started);
                read.version < token && !lagged
            })
        };
        found.extend(
            self.reads
                .iter()
                .filter(offends)
                .map(|read| self.tell(read)),
        );
        found
    }

    fn older_than_own(&self) -> Vec<String> {
        let due = |write: &Write| {
            let place = (write.instance, write.key);
            let since = write.acknowledged?.max(self.gone(write));
            Some((place, since, write.version))
        };
        let floors = Floors::of(self.writes.iter().filter_map(due));
        let offends =
            |read: &&Read| read.version < floors.at((read.instance, read.key), read.started);
        let offends = self.reads.iter().filter(offends);
        offends.map(|read| self.tell(read)).collect()
    }

    fn going_back(&self) -> Vec<String> {
        let seen = |read: &Read| ((read.instance, read.key), read.ended, read.version);
        let without = self.reads.iter().filter(|read| read.token.is_none());
        let floors = Floors::of(without.map(seen));
        let offends =
            |read: &&Read| read.version < floors.at((read.instance, read.key), read.started);
        let offends = self.reads.iter().filter(offends);
        offends.map(|read| self.tell(read)).collect()
    }

    /// A key whose newest version was lost with its process may show that or what
    /// was before it, unless the write was announced; every other key must show its newest.
    fn unsettled(&self) -> Vec<String> {
        let keys = self.by_version();
        let mut found = Vec::new();
        for last in &self.last {
            let writes = keys.get(&last.key).map_or(&[][..], Vec::as_slice);
            let newest = writes.last().map_or(0, |write| write.version);
            let gone = |write: &Write| self.is_lost(*write) && !self.is_covered(write);
            let kept = writes.iter().rev().find(|write| !gone(write));
            let kept = kept.map_or(0, |write| write.version);
            if !(kept..=newest).contains(&last.version) {
                found.push(format!("{last:?}, the origin has {newest}"));
            }
        }
        found
    }

    fn silently_missed(&self) -> Vec<String> {
        let mut found = Vec::new();
        for life in &self.lives {
            let Some(heard) = &life.heard else { continue };
            let told = heard.iter().filter(|h| matches!(h, Heard::Everything(_)));
            let (told, adopted) = (told.count() as u64, life.adoptions);
            if told < adopted {
                let instance = life.instance;
                found.push(format!(
                    "instance {instance}: {adopted} adoptions, {told} told"
                ));
            }
            let heard = Ears::of(heard);
            for write in &self.writes {
                let due = write.accepted.is_some() && write.committed > life.began;
                if due && !heard.has(write) {
                    found.push(format!("instance {} missed {write:?}", life.instance));
                }
            }
        }
        found
    }

    fn dropped(&self) -> Vec<String> {
        let mut found = Vec::new();
        for life in self.lives.iter().filter(|life| life.outbox > 0) {
            let waiting = life.outbox;
            found.push(format!("instance {}: {waiting} still wait", life.instance));
        }
        let ears = self.lives.iter().filter_map(|life| life.heard.as_ref());
        let ears: Vec<Ears> = ears.map(|heard| Ears::of(heard)).collect();
        for write in &self.writes {
            let known = write.accepted.is_some() || ears.iter().any(|ears| ears.has(write));
            if !known && self.lives_on(write.instance) {
                found.push(format!("nobody heard of {write:?}"));
            }
        }
        found
    }

    /// Where the test had stopped or killed the instance, nothing can be asked of
    /// it.
    fn unanswered(&self) -> Vec<String> {
        let excused = |failure: &Failure| {
            self.downs.iter().any(|down| {
                down.instance == failure.instance
                    && down.from <= failure.ended
                    && failure.started <= down.until
            })
        };
        let failures = self.failures.iter().filter(|failure| !excused(failure));
        failures.map(|failure| format!("{failure:?}")).collect()
    }

    fn impossible(&self) -> Vec<String> {
        let committed = |write: &Write| (write.key, write.committed, write.version);
        let committed = Floors::of(self.writes.iter().map(committed));
        let shown = |write: &Write| (write.key, self.shown(write), write.version);
        let shown = Floors::of(self.writes.iter().map(shown));
        let offends = |read: &&Read| {
            let skipped = !read.hit && read.version < shown.at(read.key, read.started);
            skipped || read.version > committed.at(read.key, read.ended)
        };
        let offends = self.reads.iter().filter(offends);
        offends.map(|read| self.tell(read)).collect()
    }

    fn by_version(&self) -> HashMap<u32, Vec<Write>> {
        let mut keys: HashMap<u32, Vec<Write>> = HashMap::new();
        for write in &self.writes {
            keys.entry(write.key).or_default().push(*write);
        }
        for writes in keys.values_mut() {
            writes.sort_by_key(|write| write.version);
        }
        keys
    }

    /// The read, and the writes that it does not show, as times before it.
    fn tell(&self, read: &Read) -> String {
        let newer = self.writes.iter().filter(|write| {
            let known = write.committed <= read.ended;
            known && write.key == read.key && write.version > read.version
        });
        let when = |at: Moment| match at > read.started {
            true => format!("{:?} later", at.since(read.started)),
            false => format!("{:?} before", read.started.since(at)),
        };
        let newer: Vec<String> = newer
            .take(3)
            .map(|write| {
                format!(
                    "version {} on instance {} committed {}, accepted {:?}, acknowledged {:?}",
                    write.version,
                    write.instance,
                    when(write.committed),
                    write.accepted.map(when),
                    write.acknowledged.map(when),
                )
            })
            .collect();
        format!("{read:?} although {newer:?}")
    }
}

/// From when on a version is the oldest that may be shown.
struct Floors<K>(HashMap<K, Vec<(Moment, u64)>>);

impl<K: Copy + Hash + Eq> Floors<K> {
    fn of(dues: impl IntoIterator<Item = (K, Moment, u64)>) -> Self {
        let mut floors: HashMap<K, Vec<(Moment, u64)>> = HashMap::new();
        for (key, due, version) in dues {
            floors.entry(key).or_default().push((due, version));
        }
        for floors in floors.values_mut() {
            floors.sort_unstable();
            let mut highest = 0;
            for (_, version) in floors {
                highest = highest.max(*version);
                *version = highest;
            }
        }
        Self(floors)
    }

    /// The floor of what starts at this moment. What is due at the same moment is
    /// not yet due.
    fn at(&self, key: K, moment: Moment) -> u64 {
        let Some(floors) = self.0.get(&key) else {
            return 0;
        };
        let before = floors.partition_point(|(due, _)| *due < moment);
        before.checked_sub(1).map_or(0, |at| floors[at].1)
    }
}

/// What one instance heard.
struct Ears {
    writes: HashSet<u64>,
    everything: Option<Moment>,
}

impl Ears {
    fn of(heard: &[Heard]) -> Self {
        let mut ears = Self {
            writes: HashSet::new(),
            everything: None,
        };
        for heard in heard {
            match *heard {
                Heard::Write(id, _) => {
                    ears.writes.insert(id);
                }
                Heard::Everything(at) => ears.everything = ears.everything.max(Some(at)),
            }
        }
        ears
    }

    /// The write by its name, or everything after its commit.
    fn has(&self, write: &Write) -> bool {
        let everything = self.everything.is_some_and(|at| at >= write.committed);
        everything || self.writes.contains(&write.id)
    }
}

#[path = "intents.rs"]
mod intents;
#[path = "staleness.rs"]
mod staleness;

#[cfg(test)]
#[path = "history_tests.rs"]
mod tests;
