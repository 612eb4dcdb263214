//! Clients that read and write, and note what they were answered.

use crate::dice::Dice;
use crate::fleet::{Fleet, INSTANCES, Place};
use crate::support::app::{APPLIED, TOKEN};
use crate::support::client::{Client, Trouble};
use crate::support::history::{Failure, Reach, Read};
use crate::support::instance::next_write;
use crate::support::moment::Moment;
use axum::http::{HeaderMap, HeaderValue};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinSet;

/// The first of these are read from the registers, the next from their replica, and
/// the writes of the others are announced.
pub(crate) const KEYS: u32 = LATE + 200;
const ITEMS: u32 = 40;
const LATE: u32 = ITEMS + 10;

/// Of a hundred reads or writes, so many are of what lags and of what is announced.
#[derive(Clone, Copy)]
struct Shares {
    late: u64,
    told: u64,
}

const READS: Shares = Shares { late: 20, told: 20 };
/// What is written all the time is in its settle window all the time.
const WRITES: Shares = Shares { late: 8, told: 30 };

/// Each instance has readers of its own, so that one that is stopped does not
/// stop all.
const READERS: usize = 3;
const WRITERS: usize = 9;
/// Longer than any instance is stopped.
const LIMIT: Duration = Duration::from_secs(6);

/// What was sent and what came back.
#[derive(Default)]
pub(crate) struct Notes {
    pub(crate) reads: Mutex<Vec<Read>>,
    pub(crate) failures: Mutex<Vec<Failure>>,
    /// By the number of the write.
    pub(crate) writes: Mutex<HashMap<u64, Sent>>,
    /// The newest token of each key, and the version of its write.
    tokens: Mutex<HashMap<u32, (u64, HeaderValue)>>,
    pub(crate) hang_ups: AtomicU64,
}

/// A write, from the client's side.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    pub(crate) instance: u32,
    pub(crate) acknowledged: Option<Moment>,
    pub(crate) accepted: Option<Moment>,
    pub(crate) reach: Reach,
}

/// The clients of a run.
pub(crate) struct Load {
    clients: JoinSet<()>,
    over: Arc<AtomicBool>,
}

impl Load {
    pub(crate) fn start(fleet: &Arc<Fleet>, notes: &Arc<Notes>, dice: &mut Dice) -> Self {
        let mut clients = JoinSet::new();
        let over = Arc::new(AtomicBool::new(false));
        let client = Client::new(LIMIT);
        for slot in (0..INSTANCES).flat_map(|slot| [slot; READERS]) {
            let reader = User::new(fleet, notes, &client, dice.fork());
            clients.spawn(reader.read(slot, over.clone()));
        }
        for _ in 0..WRITERS {
            let writer = User::new(fleet, notes, &client, dice.fork());
            clients.spawn(writer.write(over.clone()));
        }
        Self { clients, over }
    }

    /// Lets the requests that are out come back.
    pub(crate) async fn stop(mut self) {
        self.over.store(true, Ordering::Relaxed);
        while let Some(ended) = self.clients.join_next().await {
            ended.expect("a client that notes what it gets");
        }
    }
}

/// One client.
pub(crate) struct User {
    fleet: Arc<Fleet>,
    notes: Arc<Notes>,
    client: Client,
    dice: Dice,
}

impl User {
    pub(crate) fn new(fleet: &Arc<Fleet>, notes: &Arc<Notes>, client: &Client, dice: Dice) -> Self {
        Self {
            fleet: fleet.clone(),
            notes: notes.clone(),
            client: client.clone(),
            dice,
        }
    }

    async fn read(mut self, slot: usize, over: Arc<AtomicBool>) {
        while !over.load(Ordering::Relaxed) {
            let key = self.key(READS);
            let token = if self.dice.percent(10) {
                self.notes.tokens.lock().unwrap().get(&key).cloned()
            } else {
                None
            };
            let started = Moment::now();
            let place = self.fleet.place(slot);
            if self.get(place, key, token, started).await.is_none() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            tokio::time::sleep(self.dice.millis(1, 8)).await;
        }
    }

    /// One read. Returns the version.
    pub(crate) async fn get(
        &self,
        place: Place,
        key: u32,
        token: Option<(u64, HeaderValue)>,
        started: Moment,
    ) -> Option<u64> {
        let mut headers = HeaderMap::new();
        let token = token.map(|(version, token)| {
            headers.insert(TOKEN, token);
            version
        });
        let got = self.client.get_at(place.port, &path(key), headers).await;
        let ended = Moment::now();
        match got {
            Ok(got) => {
                self.notes.reads.lock().unwrap().push(Read {
                    key,
                    version: got.version,
                    started,
                    ended,
                    instance: place.instance,
                    hit: got.hit,
                    token,
                });
                Some(got.version)
            }
            Err(trouble) => {
                self.notes.failures.lock().unwrap().push(Failure {
                    instance: place.instance,
                    started,
                    ended,
                    why: format!("{trouble:?}"),
                });
                None
            }
        }
    }

    async fn write(mut self, over: Arc<AtomicBool>) {
        while !over.load(Ordering::Relaxed) {
            let key = self.key(WRITES);
            let slot = *self.dice.pick(&[0, 1, 2]);
            let place = self.fleet.place(slot);
            let patience = self.dice.percent(5).then(|| self.dice.millis(0, 3));
            let mut headers = HeaderMap::new();
            if self.dice.percent(25) {
                headers.insert(APPLIED, HeaderValue::from_static("please"));
            }
            self.put(place, key, headers, patience).await;
            tokio::time::sleep(self.dice.millis(20, 120)).await;
        }
    }

    /// One write; the client hangs up when its patience ends.
    async fn put(&self, place: Place, key: u32, headers: HeaderMap, patience: Option<Duration>) {
        let id = next_write();
        let sent = Sent {
            instance: place.instance,
            acknowledged: None,
            accepted: None,
            reach: Reach::Unknown,
        };
        // Before it is sent: it may be committed though nothing comes back.
        self.notes.writes.lock().unwrap().insert(id, sent);
        let path = path(key);
        let put = self.client.put_at(place.port, &path, id, headers);
        let patience = patience.unwrap_or(Duration::MAX);
        let put = match tokio::time::timeout(patience, put).await {
            Ok(put) => put,
            Err(_) => {
                self.notes.hang_ups.fetch_add(1, Ordering::Relaxed);
                Err(Trouble::TimedOut)
            }
        };
        let acknowledged = Moment::now();
        let Ok(put) = put else { return };
        let sent = Sent {
            acknowledged: Some(acknowledged),
            accepted: put.accepted,
            reach: match put.everywhere {
                true => Reach::Everywhere,
                false => Reach::Unknown,
            },
            ..sent
        };
        self.notes.writes.lock().unwrap().insert(id, sent);
        let token = put
            .token
            .and_then(|token| HeaderValue::try_from(token).ok());
        if let Some(token) = token {
            let mut tokens = self.notes.tokens.lock().unwrap();
            tokens.insert(key, (put.version, token));
        }
    }

    /// A few keys are asked for much more often than the others of their sort. Not so of
    /// what is announced: a write that was lost is to be missed until its time is up,
    /// and not to be made good by the next one.
    fn key(&mut self, shares: Shares) -> u32 {
        let keys = match self.dice.below(100) {
            share if share < shares.late => ITEMS..LATE,
            share if share < shares.late + shares.told => LATE..KEYS,
            _ => 0..ITEMS,
        };
        let count = keys.len() as u64;
        let (one, other) = (self.dice.below(count), self.dice.below(count));
        let place = match is_told(keys.start) {
            true => one,
            false => one.min(other),
        };
        keys.start + u32::try_from(place).expect("below the number of keys")
    }
}

/// Whether its origin is the replica of the registers.
pub(crate) fn is_late(key: u32) -> bool {
    (ITEMS..LATE).contains(&key)
}

/// Whether its writes are announced.
pub(crate) fn is_told(key: u32) -> bool {
    key >= LATE
}

/// The register of a key is named by the end of its path.
fn path(key: u32) -> String {
    match key {
        key if is_late(key) => format!("/late/k{key}"),
        key if is_told(key) => format!("/told/k{key}"),
        key => format!("/item/k{key}"),
    }
}
