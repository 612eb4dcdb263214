//! One run, from the start of the servers to what it found.

use crate::dice::Dice;
use crate::fleet::{Fleet, INSTANCES};
use crate::load::{KEYS, Load, Notes, User, is_late, is_told};
use crate::options::Options;
use crate::support::client::Client;
use crate::support::history::{History, Last, Write};
use crate::support::moment::Moment;
use crate::watch::{Detection, Watch};
use crate::{plan, strike};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::task::JoinSet;

/// How long it may take until all is quiet.
const PATIENCE: Duration = Duration::from_secs(30);

/// What came of a run.
pub(crate) struct Outcome {
    pub(crate) history: History,
    pub(crate) detections: Vec<Detection>,
    /// For how long faults struck.
    pub(crate) struck_for: Duration,
    pub(crate) hang_ups: u64,
    /// By name, the counters of all processes.
    pub(crate) counted: Vec<(&'static str, u64)>,
}

pub(crate) async fn run(options: &Options) -> Outcome {
    let mut dice = Dice::new(options.seed);
    let lanes = plan::lanes(options, &mut dice);
    let fleet = Arc::new(Fleet::start(options).await);
    let notes = Arc::new(Notes::default());
    let watch = Watch::new(options.bound);
    let looking = watch.start(&fleet);
    let user = User::new(&fleet, &notes, &Client::new(PATIENCE), dice.fork());
    let load = Load::start(&fleet, &notes, &mut dice);
    let drifting = drift(&fleet, options.lag, dice.fork());
    quiet(&user, &watch, &fleet).await;

    let began = Moment::now();
    let end = began.plus(options.time);
    let lanes = lanes
        .into_iter()
        .map(|lane| strike::follow(lane, &fleet, &watch, options, end));
    futures_util::future::join_all(lanes).await;
    let struck_for = Moment::now().since(began);

    load.stop().await;
    quiet(&user, &watch, &fleet).await;
    // What was accepted last has its bound from then on, and what was announced and
    // lost the time of its intent; so has who was away meanwhile.
    tokio::time::sleep(options.intent() + options.bound * 2).await;
    let last = read_all(&user, &fleet).await;
    quiet(&user, &watch, &fleet).await;
    drop((looking, drifting));
    watch.look_at_all(&fleet).await;
    let counted = [
        "syncs",
        "sync_failures",
        "publish_failures",
        "rings",
        "gaps",
        "adoptions",
        "connections",
        "garbage",
        "unreadable",
        "widened",
        "intents",
        "intents_untold",
        "intents_ran_out",
        "deaf_ms",
    ];
    Outcome {
        history: history(options, &fleet, &notes, &watch, last),
        detections: watch.detections(),
        struck_for,
        hang_ups: notes.hang_ups.load(Ordering::Relaxed),
        counted: counted.map(|name| (name, watch.total(name))).to_vec(),
    }
}

/// Lets the replica of the registers lag now more, now less.
fn drift(fleet: &Arc<Fleet>, most: Duration, mut dice: Dice) -> JoinSet<()> {
    let fleet = fleet.clone();
    let most = u64::try_from(most.as_millis()).expect("a short time");
    let mut drifting = JoinSet::new();
    drifting.spawn(async move {
        loop {
            fleet.registers.replica_lag(dice.millis(0, most));
            tokio::time::sleep(dice.millis(20, 400)).await;
        }
    });
    drifting
}

/// Waits until all are coherent and nothing waits to be sent; what does all the
/// same is found in the history. Asks each for something: an instance that was
/// never asked does not follow the log yet.
async fn quiet(user: &User, watch: &Watch, fleet: &Fleet) {
    for slot in 0..INSTANCES {
        user.get(fleet.place(slot), 0, None, Moment::now()).await;
    }
    let until = Moment::now().plus(PATIENCE);
    while !watch.is_quiet(fleet) && Moment::now() < until {
        tokio::time::sleep(crate::watch::PAUSE).await;
    }
}

/// Each key on each instance, twice: the second time from memory.
async fn read_all(user: &User, fleet: &Fleet) -> Vec<Last> {
    let mut last = Vec::new();
    for slot in 0..INSTANCES {
        let place = fleet.place(slot);
        for key in 0..KEYS {
            for _ in 0..2 {
                let version = user.get(place, key, None, Moment::now()).await;
                last.extend(version.map(|version| Last {
                    instance: place.instance,
                    key,
                    version,
                }));
            }
        }
    }
    last
}

fn history(
    options: &Options,
    fleet: &Fleet,
    notes: &Notes,
    watch: &Watch,
    last: Vec<Last>,
) -> History {
    let sent = notes.writes.lock().unwrap();
    let accepted = watch.accepted(|id| sent.get(&id).map(|sent| sent.instance));
    let commits = fleet.registers.commits();
    let writes = commits.iter().map(|commit| {
        let sent = sent[&commit.id];
        let known = accepted.get(&commit.id).copied();
        let accepted = match (sent.accepted, known) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        Write {
            id: commit.id,
            key: commit.key[1..].parse().expect("a key of the load"),
            version: commit.version,
            instance: sent.instance,
            committed: commit.at,
            acknowledged: sent.acknowledged,
            accepted,
            reach: sent.reach,
        }
    });
    let late = (0..KEYS).filter(|&key| is_late(key));
    let told = (0..KEYS).filter(|&key| is_told(key));
    History {
        bound: options.bound,
        reads: notes.reads.lock().unwrap().clone(),
        writes: writes.collect(),
        lives: watch.lives(fleet),
        last,
        failures: notes.failures.lock().unwrap().clone(),
        downs: fleet.downs(),
        lags: late.map(|key| (key, options.lag)).collect(),
        intents: told.map(|key| (key, options.intent())).collect(),
    }
}
