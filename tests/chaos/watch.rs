//! Looks at each instance all the time: what it heard, what of its writes the bus
//! has, and how soon it notices a fault.
//!
//! # What detection means
//!
//! The time from just before a fault strikes until a look at the affected instance
//! shows a sign of it that was not there at the last look before. Looks are
//! [`PAUSE`] apart and take a request each, and that is in the number. The signs:
//!
//! | fault | sign |
//! |---|---|
//! | Redis killed, stopped or another one, black holes, delay, throttle, reset, cut | it is deaf, or a call to the bus failed, or the ring was connected anew |
//! | subscribers killed | the ring was connected anew |
//! | flushed, trimmed | the position was adopted anew, with everything invalidated |
//! | garbage | it was counted |
//! | instance killed | its successor, from when it listens: it is coherent |
//! | instance stopped | as for Redis, from when it goes on |
//!
//! Measured is only where the instance was well before: coherent, its last call to
//! the bus answered, and not stopped by another fault before a sign could be seen.
//! A fault whose sign does not come within two bounds is counted as unnoticed: where
//! it held for less than the limits of the bus (a quarter of a second for a reply
//! here) there was nothing to notice. A fault of another lane may have the same sign.

use crate::fleet::{Fleet, INSTANCES};
use crate::kind::Kind;
use crate::support::app::{Heard, News, Since};
use crate::support::client::Client;
use crate::support::history::Life;
use crate::support::moment::Moment;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinSet;

/// Between two looks.
pub(crate) const PAUSE: Duration = Duration::from_millis(20);
const LIMIT: Duration = Duration::from_secs(1);

pub(crate) struct Watch {
    bound: Duration,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    struck: BTreeMap<Kind, usize>,
    noticed: BTreeMap<Kind, Vec<Duration>>,
    unnoticed: BTreeMap<Kind, usize>,
    lost: BTreeMap<Kind, usize>,
    /// Stopped or dead, by the hand of the test.
    down: [bool; INSTANCES],
    /// Faults that wait for their sign.
    open: Vec<Open>,
    /// The last look at each.
    signs: [Option<Signs>; INSTANCES],
    lives: HashMap<u32, Known>,
}

struct Open {
    kind: Kind,
    slot: usize,
    at: Moment,
    before: Option<Signs>,
}

/// What is known of one process.
struct Known {
    began: Moment,
    heard: Vec<Heard>,
    accepted: Vec<(u64, Moment)>,
    stats: Value,
    /// When it was found coherent again, or everything was invalidated.
    returned: Vec<Moment>,
}

/// What changes when something is noticed.
#[derive(Clone, Copy, Debug)]
struct Signs {
    instance: u32,
    coherent: bool,
    bus_down: bool,
    outbox: u64,
    failures: u64,
    connections: u64,
    adoptions: u64,
    garbage: u64,
    unreadable: u64,
}

impl Signs {
    fn of(instance: u32, news: &News) -> Self {
        let bus = &news.stats["bus"];
        let count = |name: &str| bus[name].as_u64().unwrap_or(0);
        Self {
            instance,
            coherent: news.health["coherent"] == true,
            bus_down: news.health["bus_down"] == true,
            outbox: count("outbox"),
            failures: count("sync_failures") + count("publish_failures"),
            connections: count("connections"),
            adoptions: count("adoptions"),
            garbage: count("garbage"),
            unreadable: count("unreadable"),
        }
    }

    fn show(&self, kind: Kind, before: &Self) -> bool {
        let anew = self.connections > before.connections;
        match kind {
            Kind::InstanceKilled => self.coherent,
            Kind::SubscribersKilled => anew,
            Kind::Flushed | Kind::Trimmed => self.adoptions > before.adoptions,
            Kind::GarbageOnTheRing => self.garbage > before.garbage,
            Kind::GarbageInTheLog => self.unreadable > before.unreadable,
            _ => !self.coherent || anew || self.failures > before.failures,
        }
    }
}

/// What was seen of the faults of one kind.
pub(crate) struct Detection {
    pub(crate) kind: Kind,
    pub(crate) struck: usize,
    /// How soon each was noticed, by each instance, in order.
    pub(crate) noticed: Vec<Duration>,
    pub(crate) unnoticed: usize,
    /// How many are known to have cost what the bus had acknowledged.
    pub(crate) lost: usize,
}

impl Watch {
    pub(crate) fn new(bound: Duration) -> Arc<Self> {
        Arc::new(Self {
            bound,
            seen: Mutex::default(),
        })
    }

    /// Looks until dropped.
    pub(crate) fn start(self: &Arc<Self>, fleet: &Arc<Fleet>) -> JoinSet<()> {
        let mut looking = JoinSet::new();
        let client = Client::new(LIMIT);
        for slot in 0..INSTANCES {
            let (watch, fleet, client) = (self.clone(), fleet.clone(), client.clone());
            looking.spawn(async move {
                loop {
                    watch.look(slot, &fleet, &client).await;
                    tokio::time::sleep(PAUSE).await;
                }
            });
        }
        looking
    }

    /// A fault strikes now.
    pub(crate) fn struck(&self, slot: usize, kind: Kind) {
        let mut seen = self.seen.lock().unwrap();
        *seen.struck.entry(kind).or_default() += 1;
        seen.open(slot, kind);
    }

    /// One that strikes all instances.
    pub(crate) fn struck_all(&self, kind: Kind) {
        let mut seen = self.seen.lock().unwrap();
        *seen.struck.entry(kind).or_default() += 1;
        for slot in 0..INSTANCES {
            seen.open(slot, kind);
        }
    }

    /// This fault has cost what the bus had acknowledged.
    pub(crate) fn lost(&self, kind: Kind) {
        *self.seen.lock().unwrap().lost.entry(kind).or_default() += 1;
    }

    /// It is about to be stopped or killed: what it would have noticed is not known.
    pub(crate) fn goes_down(&self, slot: usize) {
        let mut seen = self.seen.lock().unwrap();
        seen.down[slot] = true;
        seen.open.retain(|open| open.slot != slot);
    }

    /// It is back, after this fault.
    pub(crate) fn comes_back(&self, slot: usize, kind: Kind) {
        self.seen.lock().unwrap().down[slot] = false;
        self.struck(slot, kind);
    }

    /// Whether the last looks found all coherent and nothing waiting.
    pub(crate) fn is_quiet(&self, fleet: &Fleet) -> bool {
        let seen = self.seen.lock().unwrap();
        (0..INSTANCES).all(|slot| {
            let signs = seen.signs[slot].filter(|s| s.instance == fleet.place(slot).instance);
            signs.is_some_and(|signs| signs.coherent && signs.outbox == 0)
        })
    }

    pub(crate) fn detections(&self) -> Vec<Detection> {
        let seen = self.seen.lock().unwrap();
        let struck = seen.struck.iter();
        let detections = struck.map(|(&kind, &struck)| {
            let mut noticed = seen.noticed.get(&kind).cloned().unwrap_or_default();
            noticed.sort_unstable();
            Detection {
                kind,
                struck,
                noticed,
                unnoticed: seen.unnoticed.get(&kind).copied().unwrap_or(0),
                lost: seen.lost.get(&kind).copied().unwrap_or(0),
            }
        });
        detections.collect()
    }

    /// All processes there were.
    pub(crate) fn lives(&self, fleet: &Fleet) -> Vec<Life> {
        let living: Vec<u32> = (0..INSTANCES).map(|s| fleet.place(s).instance).collect();
        let seen = self.seen.lock().unwrap();
        let lives = seen.lives.iter().map(|(&instance, known)| {
            let lives_on = living.contains(&instance);
            let outbox = known.stats["bus"]["outbox"].as_u64().unwrap_or(0);
            Life {
                instance,
                began: known.began,
                heard: lives_on.then(|| known.heard.clone()),
                outbox: if lives_on { outbox } else { 0 },
                adoptions: known.stats["bus"]["adoptions"].as_u64().unwrap_or(0),
                returned: known.returned.clone(),
            }
        });
        lives.collect()
    }

    /// The first moment at which an instance knew that the bus has a write: its
    /// own, or any other that heard of it.
    pub(crate) fn accepted(&self, writer: impl Fn(u64) -> Option<u32>) -> HashMap<u64, Moment> {
        let mut accepted: HashMap<u64, Moment> = HashMap::new();
        let mut known = |id: u64, at: Moment| {
            let first = accepted.entry(id).or_insert(at);
            *first = at.min(*first);
        };
        let seen = self.seen.lock().unwrap();
        for (&instance, life) in &seen.lives {
            for &(id, at) in &life.accepted {
                known(id, at);
            }
            for heard in &life.heard {
                match *heard {
                    Heard::Write(id, at) if writer(id) != Some(instance) => known(id, at),
                    _ => {}
                }
            }
        }
        accepted
    }

    /// What all processes counted, until the last look at each.
    pub(crate) fn total(&self, name: &str) -> u64 {
        let seen = self.seen.lock().unwrap();
        let counts = seen.lives.values();
        counts
            .map(|known| known.stats["bus"][name].as_u64().unwrap_or(0))
            .sum()
    }

    /// One more look at each.
    pub(crate) async fn look_at_all(&self, fleet: &Fleet) {
        let client = Client::new(LIMIT);
        for slot in 0..INSTANCES {
            self.look(slot, fleet, &client).await;
        }
    }

    async fn look(&self, slot: usize, fleet: &Fleet, client: &Client) {
        let place = fleet.place(slot);
        let since = {
            let seen = self.seen.lock().unwrap();
            let known = seen.lives.get(&place.instance);
            known.map_or(Since::default(), |known| Since {
                heard: known.heard.len(),
                accepted: known.accepted.len(),
            })
        };
        let Ok(news) = client.news(place.port, since).await else {
            return;
        };
        self.seen
            .lock()
            .unwrap()
            .take(slot, place.instance, news, self.bound);
    }
}

impl Seen {
    fn open(&mut self, slot: usize, kind: Kind) {
        let before = self.signs[slot];
        let well = before.is_some_and(|signs| signs.coherent && !signs.bus_down);
        if self.down[slot] || !(well || kind == Kind::InstanceKilled) {
            return;
        }
        self.open.push(Open {
            kind,
            slot,
            at: Moment::now(),
            before,
        });
    }

    fn take(&mut self, slot: usize, instance: u32, news: News, bound: Duration) {
        let now = Moment::now();
        let signs = Signs::of(instance, &news);
        let (noticed, unnoticed) = (&mut self.noticed, &mut self.unnoticed);
        self.open.retain(|open| {
            if open.slot != slot {
                return true;
            }
            let after = now.since(open.at);
            let shown = match &open.before {
                Some(before) if before.instance == instance => signs.show(open.kind, before),
                // Another process than before: only its start can be seen in it.
                _ => open.kind == Kind::InstanceKilled && signs.coherent,
            };
            let late = after > bound * 2;
            if shown {
                noticed.entry(open.kind).or_default().push(after);
            } else if late {
                *unnoticed.entry(open.kind).or_default() += 1;
            }
            !shown && !late
        });
        let before = self.signs[slot].replace(signs);
        let was_coherent = before.is_some_and(|s| s.coherent && s.instance == instance);
        let known = self.lives.entry(instance).or_insert_with(|| Known {
            began: now,
            heard: Vec::new(),
            accepted: Vec::new(),
            stats: Value::Null,
            returned: vec![now],
        });
        if signs.coherent && !was_coherent {
            known.returned.push(now);
        }
        let everything = news.heard.iter().filter_map(|heard| match *heard {
            Heard::Everything(at) => Some(at),
            Heard::Write(..) => None,
        });
        known.returned.extend(everything);
        known.heard.extend(news.heard);
        known.accepted.extend(news.accepted);
        known.stats = news.stats;
    }
}
