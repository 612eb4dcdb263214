//! An origin, a simple shelf, and what must be true of each answer.

use super::super::bind::Unbound;
use super::super::bond::{Bond, Validity};
use super::super::core::Core;
use super::super::name::{Name, Raise, Strength};
use shuttle::rand::{Rng, thread_rng};
use shuttle::sync::{Arc, Mutex};
use shuttle::thread::yield_now;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

/// The names that the entries of a key bear.
const NAMES: [&[usize]; 3] = [&[1, 0], &[2, 0], &[1]];
const ALL: usize = 3;

/// One version for each name.
pub(crate) type Versions = [u64; ALL];

/// Versions that only the model sees: no step of the schedule.
#[derive(Default)]
struct Ghost([AtomicU64; ALL]);

impl Ghost {
    fn read(&self) -> Versions {
        std::array::from_fn(|name| self.0[name].load(Ordering::Relaxed))
    }

    fn raise(&self, to: Versions) {
        for (version, to) in self.0.iter().zip(to) {
            version.fetch_max(to, Ordering::Relaxed);
        }
    }
}

pub(crate) struct Entry {
    pub(crate) bond: Bond,
    pub(crate) content: Versions,
}

/// What a request may not be answered with anything older than: what had been
/// applied when it arrived.
#[derive(Clone, Copy)]
pub(crate) struct Arrival {
    hard: Versions,
    soft: Versions,
}

pub(crate) struct World {
    pub(crate) core: Arc<Core>,
    origin: Ghost,
    hard: Ghost,
    soft: Ghost,
    shelf: Mutex<HashMap<usize, Arc<Entry>>>,
}

impl World {
    pub(crate) fn new(max_cells: usize) -> Arc<Self> {
        Arc::new(Self {
            core: Arc::new(Core::new(max_cells)),
            origin: Ghost::default(),
            hard: Ghost::default(),
            soft: Ghost::default(),
            shelf: Mutex::new(HashMap::new()),
        })
    }

    /// A write: the origin changes, then the invalidation is applied, then the
    /// response leaves.
    pub(crate) fn write(&self, name: Name, strength: Strength) {
        let written = std::array::from_fn(|changed| {
            if name == Name::Everything || name == target(changed) {
                self.change(changed)
            } else {
                0
            }
        });
        self.core.apply(&[Raise { name, strength }]);
        match strength {
            Strength::Hard => self.hard.raise(written),
            Strength::Soft => self.soft.raise(written),
        }
    }

    pub(crate) fn arrive(&self) -> Arrival {
        Arrival {
            hard: self.hard.read(),
            soft: self.soft.read(),
        }
    }

    /// Runs the handler and binds and stores what it answers.
    pub(crate) fn fill(&self, key: usize) -> Versions {
        let fill = self.core.begin_fill();
        let content = self.handler();
        if let Ok(bond) = self.core.bind(&fill, &names(key)) {
            self.put(key, Entry { bond, content });
        }
        content
    }

    /// Has what is stored confirmed by the handler, which goes by a date in whole
    /// seconds and so confirms it whatever has changed. What is stale by a soft
    /// invalidation is confirmed by a tag, which changes with the content. Which
    /// names it bears is said in part only.
    pub(crate) fn renew(&self, key: usize) {
        let arrival = self.arrive();
        let found = self.shelf.lock().unwrap().get(&key).cloned();
        let live = found.filter(|old| self.core.validity(&old.bond) != Validity::Dead);
        let Some(old) = live else { return };
        yield_now();
        let fill = self.core.begin_fill();
        let may = self.core.may_renew(&fill, &old.bond);
        let now = self.handler();
        let same = NAMES[key].iter().all(|&name| now[name] == old.content[name]);
        let confirmed = match may {
            Validity::Valid => true,
            Validity::Soft => same,
            Validity::Dead => false,
        };
        let (bond, content) = if confirmed {
            let said = &names(key)[..1];
            (self.core.renew(&fill, &old.bond, said), old.content)
        } else {
            (self.core.bind(&fill, &names(key)), now)
        };
        // The request looked before anything was invalidated, or has all of it anew.
        arrival.allows(key, content, Validity::Soft);
        if let Ok(bond) = bond {
            self.put(key, Entry { bond, content });
        }
    }

    pub(crate) fn handler(&self) -> Versions {
        yield_now();
        let content = self.origin.read();
        yield_now();
        content
    }

    /// Stores, and evicts at random: the new one, the others, or none.
    pub(crate) fn put(&self, key: usize, entry: Entry) -> Arc<Entry> {
        let entry = Arc::new(entry);
        let mut shelf = self.shelf.lock().unwrap();
        shelf.insert(key, Arc::clone(&entry));
        match chance(6) {
            0 => shelf.retain(|other, _| *other == key),
            1 => drop(shelf.remove(&key)),
            _ => {}
        }
        entry
    }

    /// What the shelf answers, judged by what had been applied at arrival.
    pub(crate) fn hit(&self, key: usize, arrival: Arrival) -> Option<Versions> {
        let entry = self.shelf.lock().unwrap().get(&key).cloned()?;
        match self.core.validity(&entry.bond) {
            Validity::Valid => {
                arrival.allows(key, entry.content, Validity::Valid);
                Some(entry.content)
            }
            Validity::Soft => {
                arrival.allows(key, entry.content, Validity::Soft);
                None
            }
            Validity::Dead => None,
        }
    }

    /// A request: from the shelf, or else a fill of its own.
    pub(crate) fn request(&self, key: usize) {
        let arrival = self.arrive();
        if self.hit(key, arrival).is_none() {
            let content = self.fill(key);
            arrival.allows(key, content, Validity::Valid);
        }
    }

    /// Binds some name of no key, which takes a cell.
    pub(crate) fn press(&self) -> Result<Bond, Unbound> {
        let fill = self.core.begin_fill();
        self.core.bind(&fill, &[u128::from(90 + chance(2))])
    }

    pub(crate) fn origin(&self) -> Versions {
        self.origin.read()
    }

    /// The origin changes; its new version.
    pub(crate) fn change(&self, name: usize) -> u64 {
        self.origin.0[name].fetch_add(1, Ordering::Relaxed) + 1
    }
}

impl Arrival {
    /// P1 and P2 for a request that came at this moment.
    pub(crate) fn allows(self, key: usize, content: Versions, as_what: Validity) {
        for &name in NAMES[key] {
            let got = content[name];
            let hard = self.hard[name];
            assert!(got >= hard, "P1: {name} is at {got}, {hard} was applied");
            let soft = self.soft[name];
            let fresh = as_what == Validity::Soft || got >= soft;
            assert!(fresh, "P1: {name} is at {got}, {soft} was applied softly");
        }
    }
}

pub(crate) fn names(key: usize) -> Vec<u128> {
    NAMES[key].iter().map(|name| *name as u128).collect()
}

pub(crate) fn target(name: usize) -> Name {
    Name::Target(name as u128)
}

/// A number below the bound.
pub(crate) fn chance(bound: u32) -> u32 {
    thread_rng().gen_range(0..bound)
}
