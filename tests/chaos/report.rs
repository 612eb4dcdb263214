//! What a run says in the end, and whether it counts.

use crate::load::is_late;
use crate::options::Options;
use crate::plan::LEAST;
use crate::run::Outcome;
use crate::support::history::Reach;
use crate::watch::Detection;
use serde_json::{Map, Value, json};
use std::process::ExitCode;
use std::time::Duration;

const LEAST_HITS: usize = 1_000;
const LEAST_WRITES: usize = 100;
/// Of what broke a promise, this much is printed.
const SHOWN: usize = 10;

/// Prints what was violated, then the line; returns what the process ends with.
pub(crate) fn print(options: &Options, outcome: &Outcome) -> ExitCode {
    let history = &outcome.history;
    let violations = history.violations();
    for (name, found) in &violations {
        for offence in found.iter().take(SHOWN) {
            println!("chaos: {name}: {offence}");
        }
    }
    let staleness = history.staleness();
    let hits = history.reads.iter().filter(|read| read.hit).count();
    let with_token = history.reads.iter().filter(|read| read.token.is_some());
    let everywhere = history
        .writes
        .iter()
        .filter(|w| w.reach == Reach::Everywhere);
    let late = history.reads.iter().filter(|read| is_late(read.key));
    let late_hits = late.clone().filter(|read| read.hit);
    let unacknowledged = history.writes.iter().filter(|w| w.acknowledged.is_none());
    let found = violations.iter().map(|(name, found)| (name, found.len()));
    let numbers = violations.values().map(Vec::len);
    let violated = numbers.sum::<usize>() > 0;
    let lost = outcome.detections.iter().filter(|of| of.kind.is_of_two());
    let line = json!({
        "seconds": outcome.struck_for.as_secs(),
        "seed": options.seed,
        "reads": history.reads.len(),
        "hits": hits,
        "writes": history.writes.len(),
        "faults": by_kind(outcome, |detection| detection.struck.into()),
        "violations": found.map(|(name, count)| ((*name).to_owned(), count.into())).collect::<Map<_, _>>(),
        "stale_within_bound": staleness.accepted,
        "longest_staleness_ms": millis(staleness.longest),
        "bound_ms": millis(options.bound),
        "detection_ms": by_kind(outcome, detection),
        // Beyond what is asked of a run: how often another master took over without
        // what the old one had acknowledged.
        "failovers_that_lost": lost.map(|of| (of.kind.name().to_owned(), of.lost.into())).collect::<Map<_, _>>(),
        // What is stale and allowed without a bound.
        "stale_before_accepted": staleness.unaccepted,
        "longest_before_accepted_ms": millis(staleness.longest_unaccepted),
        "stale_of_lost_writes": staleness.lost,
        "writes_lost_with_their_process": history.lost(),
        // Of these, those that others knew of, and the oldest read that missed one.
        "of_them_announced": history.lost_though_announced().len(),
        "longest_without_an_announced_write_ms": millis(history.longest_uncovered()),
        "writes_unacknowledged": unacknowledged.count(),
        "hang_ups": outcome.hang_ups,
        "reads_with_token": with_token.count(),
        "reads_of_a_replica": late.count(),
        "hits_of_a_replica": late_hits.count(),
        "writes_applied_everywhere": everywhere.count(),
        "failed_reads_of_downed_instances": history.failures.len() - violations["P7"].len(),
        "processes": history.lives.len(),
        "counted": outcome.counted.iter().map(|&(name, count)| (name.to_owned(), count.into())).collect::<Map<_, _>>(),
    });
    println!("{line}");
    let too_little = too_little(options, outcome, hits);
    match (violated, too_little) {
        (true, _) => ExitCode::from(1),
        (false, Some(why)) => {
            println!("chaos: this run does not count: {why}");
            ExitCode::from(2)
        }
        (false, None) => ExitCode::SUCCESS,
    }
}

fn too_little(options: &Options, outcome: &Outcome, hits: usize) -> Option<String> {
    let writes = outcome.history.writes.len();
    if hits < LEAST_HITS || writes < LEAST_WRITES {
        return Some(format!("{hits} hits, {writes} writes"));
    }
    let struck = |kind| {
        let mut detections = outcome.detections.iter();
        detections.find(|d| d.kind == kind).map_or(0, |d| d.struck)
    };
    let mut faults = options.faults.iter();
    let rare = faults.find(|kind| struck(**kind) < LEAST)?;
    Some(format!("{} struck {} times", rare.name(), struck(*rare)))
}

fn by_kind(outcome: &Outcome, tell: impl Fn(&Detection) -> Value) -> Map<String, Value> {
    let detections = outcome.detections.iter();
    detections
        .map(|detection| (detection.kind.name().to_owned(), tell(detection)))
        .collect()
}

/// Each instance that is struck notices by itself, so there may be three times as
/// many as there were strikes.
fn detection(detection: &Detection) -> Value {
    let noticed = &detection.noticed;
    json!({
        "noticed": noticed.len(),
        "unnoticed": detection.unnoticed,
        "p50": noticed.get(noticed.len() / 2).copied().map(millis),
        "max": noticed.last().copied().map(millis),
    })
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
