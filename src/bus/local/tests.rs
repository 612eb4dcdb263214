use super::log::{Limits, Log, Spare, Weigh};
use super::*;
use crate::bus::{Form, LogEntry, Verdict};
use crate::position::{Position, Sequence};
use std::time::Duration;

impl Weigh for &'static str {
    fn weight(&self) -> usize {
        self.len()
    }
}

const SMALL: Limits = Limits {
    entries: 4,
    answer_entries: 2,
    answer_bytes: 20,
};

fn from(server: u64, mark: u64) -> Spare<&'static str> {
    Spare {
        server: Identity {
            run: server,
            replication: 0,
        },
        mark: Mark(mark),
        payload: "everything",
    }
}

fn question(from: Option<Position>, counter: u64) -> Question {
    Question {
        from,
        member: 7,
        counter,
        bound: Duration::from_secs(3),
        checkpoint: None,
    }
}

fn payloads(answer: &Answer<&'static str>) -> Vec<&'static str> {
    answer.entries.iter().map(|entry| entry.payload).collect()
}

fn at(number: u64, mark: u64) -> Position {
    Position {
        sequence: Sequence { millis: 0, number },
        mark: Mark(mark),
    }
}

#[test]
fn a_log_begins_with_everything() {
    let mut log = Log::new(SMALL);
    let answer = log.sync(from(1, 10), &question(None, 1));
    assert_eq!((answer.verdict, answer.head), (Verdict::Unknown, at(1, 10)));
    let entry = log.append(from(1, 11), Mark(12), "a");
    assert_eq!(entry.previous, Some(at(1, 10)));
    assert_eq!(entry.position, at(2, 12));
}

#[test]
fn another_server_appends_everything_first_and_once() {
    let mut log = Log::new(SMALL);
    log.append(from(1, 10), Mark(11), "a");
    log.append(from(2, 12), Mark(13), "b");
    let answer = log.sync(from(2, 14), &question(Some(at(2, 11)), 1));
    assert_eq!(payloads(&answer), ["everything", "b"]);
    assert_eq!(answer.head, at(4, 13));
}

#[test]
fn a_log_that_was_trimmed_to_nothing_goes_on_counting_and_begins_with_everything() {
    let mut log = Log::new(SMALL);
    log.append(from(1, 10), Mark(11), "a");
    log.trim(0);
    let answer = log.sync(from(1, 12), &question(Some(at(2, 11)), 1));
    assert_eq!((answer.verdict, answer.head), (Verdict::Unknown, at(3, 12)));
}

#[test]
fn a_wiped_log_counts_from_the_beginning_and_does_not_know_an_old_mark() {
    let mut log = Log::new(SMALL);
    log.append(from(1, 10), Mark(11), "a");
    log.wipe();
    assert_eq!(log.append_foreign(Mark(1), "x"), None);
    log.append(from(1, 12), Mark(13), "b");
    let answer = log.sync(from(1, 14), &question(Some(at(2, 11)), 1));
    assert_eq!((answer.verdict, answer.head), (Verdict::Unknown, at(2, 13)));
}

#[test]
fn an_answer_with_too_many_entries_or_bytes_is_too_far_behind() {
    let mut log = Log::new(SMALL);
    log.append(from(1, 10), Mark(11), "a");
    log.append(from(1, 0), Mark(12), "b");
    log.append(from(1, 0), Mark(13), "c");
    let ask = |log: &mut Log<_>, position| log.sync(from(1, 0), &question(Some(position), 1));
    assert_eq!(ask(&mut log, at(1, 10)).verdict, Verdict::TooFarBehind);
    assert_eq!(payloads(&ask(&mut log, at(2, 11))), ["b", "c"]);
    log.append(from(1, 0), Mark(14), "twenty-one characters");
    let answer = ask(&mut log, at(4, 13));
    assert_eq!(answer.verdict, Verdict::TooFarBehind);
    assert_eq!(answer.head, at(5, 14));
    assert_eq!(log.entries().count(), 4);
}

#[test]
fn a_foreign_entry_names_no_predecessor() {
    let mut log = Log::new(SMALL);
    log.append(from(1, 10), Mark(11), "a");
    log.append_foreign(Mark(99), "x");
    let entry = log.append(from(1, 0), Mark(12), "b");
    assert_eq!(entry.previous, Some(at(3, 99)));
    let forms: Vec<_> = log
        .entries()
        .map(|entry: &LogEntry<_>| (entry.form, entry.previous.is_some()))
        .collect();
    assert_eq!(forms[2], (Form::Foreign, false));
}

#[test]
fn a_report_whose_counter_does_not_go_up_is_a_clones() {
    let mut log = Log::new(SMALL);
    let head = log.sync(from(1, 10), &question(None, 1)).head;
    let cloned =
        |log: &mut Log<_>, counter| log.sync(from(1, 0), &question(Some(head), counter)).cloned;
    assert!(!cloned(&mut log, 2));
    assert!(cloned(&mut log, 2));
    assert!(!cloned(&mut log, 3));
}

#[tokio::test]
async fn clones_are_one_bus_and_hear_each_other() {
    let bus = Local::new();
    let mut rings = bus.clone().rings().await.unwrap();
    let appended = bus.append(Bytes::from_static(b"a"), Mark(1)).await.unwrap();
    assert!(
        rings.receiver.recv().await.is_some(),
        "the new log rings first"
    );
    let Some(Ring::Entry(entry)) = rings.receiver.recv().await else {
        panic!("nothing rang");
    };
    assert_eq!(entry.position, appended.position);
    assert_eq!(entry.payload, "a");
}

#[tokio::test]
async fn a_slow_listener_is_told_of_a_gap_once_and_hears_again_when_it_has_caught_up() {
    let bus = Local::new();
    let mut rings = bus.rings().await.unwrap();
    for _ in 0..3000 {
        bus.append_now(Bytes::new(), Mark(1));
    }
    let waiting = rings.receiver.len();
    let mut last = None;
    while let Ok(ring) = rings.receiver.try_recv() {
        last = Some(ring);
    }
    assert_eq!((waiting, last), (1024, Some(Ring::Gap)));
    bus.append_now(Bytes::new(), Mark(2));
    assert!(matches!(rings.receiver.try_recv(), Ok(Ring::Entry(_))));
}

#[tokio::test]
async fn a_listener_that_left_is_forgotten() {
    let bus = Local::new();
    drop(bus.rings().await.unwrap());
    bus.append_now(Bytes::new(), Mark(1));
    let rings = bus.rings().await.unwrap();
    assert!(rings.receiver.is_empty());
}

async fn rig() -> crate::bus::contract::Rig {
    let bus = Local::new();
    let wiped = bus.clone();
    crate::bus::contract::Rig {
        one: Arc::new(bus.clone()),
        two: Arc::new(bus),
        wipe: Box::new(move || {
            wiped.0.log.lock().unwrap().wipe();
            async {}.boxed()
        }),
        _held: Box::new(()),
    }
}

crate::bus::contract::contract!(contract_on_local, super::rig);

#[test]
fn a_report_to_a_deleted_log_counts_for_no_entry_of_the_new_one() {
    let mut log = Log::new(SMALL);
    log.append(from(1, 10), Mark(12), "a");
    let reported = log.append(from(1, 30), Mark(14), "b").position;
    log.sync(from(1, 50), &question(Some(reported), 1));
    log.delete();
    let entry = log.append(from(1, 60), Mark(17), "c").position;
    assert!(entry.sequence < reported.sequence);
    let inquiry = Inquiry {
        entry,
        call: RollCall::Quiet,
        gone: Vec::new(),
    };
    let census = log.census(from(1, 80), &inquiry);
    assert_eq!((census.past, census.missing.len()), (0, 1));
}
