//! What every engine must do. One suite, run on each by [`contract!`].

use super::engine::{Answer, Engine, Form, Question, Ring, Rings, Verdict};
use super::members::{Census, Checkpoint, Inquiry, Report, RollCall, Standing, Stands};
use crate::position::{Mark, Position, Sequence};
use bytes::Bytes;
use futures_util::future::{BoxFuture, join_all};
use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

pub(crate) const EVERYTHING: &[u8] = br#"{"v":1,"everything":true}"#;
const BOUND: Duration = Duration::from_secs(3);

/// Two handles on one bus, as two instances would have them, over a fresh log.
pub(crate) struct Rig {
    pub(crate) one: Arc<dyn Engine>,
    pub(crate) two: Arc<dyn Engine>,
    /// Makes the log forget all it holds, as an operator would.
    pub(crate) wipe: Box<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>,
    /// What must live as long as the handles.
    pub(crate) _held: Box<dyn Any + Send + Sync>,
}

/// Runs the suite as tests of a module `$name`. `$make` is a path to an
/// `async fn() -> Rig`.
macro_rules! contract {
    ($name:ident, $make:path) => {
        crate::bus::contract::contract!(@tests $name, $make,
            an_appended_entry_is_delivered_to_the_other,
            each_entry_names_the_one_before_it,
            a_position_is_verified_by_its_mark_and_not_by_its_number,
            a_position_that_never_stood_is_unknown,
            no_position_is_unknown_and_the_answer_has_the_head,
            more_than_one_answer_carries_is_too_far_behind,
            the_first_question_of_a_fresh_log_meets_an_everything_entry,
            the_first_append_of_a_fresh_log_follows_an_everything_entry,
            a_ring_carries_the_whole_entry,
            the_rings_of_two_appends_chain,
            an_append_is_heard_by_its_own_instance_too,
            any_bytes_travel_unchanged,
            two_that_append_at_once_chain_in_one_order,
            a_second_instance_with_the_same_id_is_noticed,
            a_wiped_log_verifies_nothing_and_begins_with_everything,
            dropping_the_rings_of_one_leaves_the_other_listening,
            a_census_tells_who_has_not_reported_an_entry,
            a_report_of_a_wiped_log_counts_for_no_entry_of_the_new_one,
            a_roll_call_is_heard,
            a_member_that_signs_off_is_on_the_list_no_more,
            a_member_that_is_gone_is_removed_unless_it_has_reported_again,
            own_entries_are_found_again_or_not,
            the_longest_time_of_an_intent_is_in_each_answer,
            an_append_names_the_list_that_the_next_answer_names,
        );
    };
    (@tests $name:ident, $make:path, $($test:ident,)*) => {
        mod $name {
            $(
                #[tokio::test]
                async fn $test() {
                    crate::bus::contract::$test(&$make().await).await;
                }
            )*
        }
    };
}
pub(crate) use contract;

/// Who has not reported this entry.
async fn census(engine: &dyn Engine, entry: Position, gone: &[Report]) -> Census {
    let inquiry = Inquiry {
        entry,
        call: RollCall::Quiet,
        gone: gone.to_vec(),
    };
    engine.census(inquiry).await.expect("the bus answers")
}

fn missing(census: &Census) -> Vec<u64> {
    let mut missing: Vec<_> = census.missing.iter().map(|report| report.member).collect();
    missing.sort_unstable();
    missing
}

/// One instance that asks.
pub(crate) struct Asker {
    member: u64,
    counter: AtomicU64,
}

impl Asker {
    pub(crate) fn new(member: u64) -> Self {
        let counter = AtomicU64::new(0);
        Self { member, counter }
    }

    pub(crate) fn question(&self, from: Option<Position>) -> Question {
        Question {
            from,
            member: self.member,
            counter: 1 + self.counter.fetch_add(1, Ordering::Relaxed),
            bound: BOUND,
            checkpoint: None,
        }
    }

    pub(crate) async fn ask(&self, engine: &dyn Engine, from: Option<Position>) -> Answer {
        let asked = engine.sync(self.question(from)).await;
        asked.expect("the bus answers")
    }
}

pub(crate) async fn append(engine: &dyn Engine, payload: &'static str, mark: u64) -> Position {
    let payload = Bytes::from_static(payload.as_bytes());
    let appended = engine.append(payload, Mark(mark)).await;
    appended.expect("the bus appends").position
}

pub(crate) async fn heard(rings: &mut Rings) -> Ring {
    let waited = tokio::time::timeout(Duration::from_secs(5), rings.receiver.recv()).await;
    let ring = waited.expect("a ring within five seconds");
    ring.expect("the ring is open")
}

/// The next entry heard.
async fn heard_entry(rings: &mut Rings) -> super::engine::LogEntry {
    match heard(rings).await {
        Ring::Entry(entry) => entry,
        other => panic!("an entry and not {other:?}"),
    }
}

pub(crate) async fn an_appended_entry_is_delivered_to_the_other(rig: &Rig) {
    let asker = Asker::new(2);
    let head = asker.ask(&*rig.two, None).await.head;
    let position = append(&*rig.one, "batch", 7).await;
    assert_eq!(position.mark, Mark(7));
    let answer = asker.ask(&*rig.two, Some(head)).await;
    assert_eq!(answer.verdict, Verdict::Verified);
    assert_eq!(answer.head, position);
    let [entry] = &answer.entries[..] else {
        panic!("one entry and not {:?}", answer.entries);
    };
    assert_eq!(entry.position, position);
    assert_eq!(&entry.payload[..], b"batch");
    assert_eq!(entry.form, Form::Appended);
    let quiet = asker.ask(&*rig.two, Some(position)).await;
    assert_eq!(quiet.verdict, Verdict::Verified);
    assert_eq!(quiet.entries, []);
}

pub(crate) async fn each_entry_names_the_one_before_it(rig: &Rig) {
    let asker = Asker::new(1);
    let mut before = asker.ask(&*rig.one, None).await.head;
    let head = before;
    append(&*rig.one, "a", 1).await;
    append(&*rig.two, "b", 2).await;
    append(&*rig.one, "c", 3).await;
    let answer = asker.ask(&*rig.one, Some(head)).await;
    assert_eq!(answer.entries.len(), 3);
    for entry in answer.entries {
        assert_eq!(entry.previous, Some(before));
        assert!(entry.position.sequence > before.sequence);
        before = entry.position;
    }
    assert_eq!(before, answer.head);
}

pub(crate) async fn a_position_is_verified_by_its_mark_and_not_by_its_number(rig: &Rig) {
    let position = append(&*rig.one, "a", 1).await;
    let forged = Position {
        mark: Mark(2),
        ..position
    };
    let asker = Asker::new(1);
    let answer = asker.ask(&*rig.one, Some(forged)).await;
    assert_eq!(answer.verdict, Verdict::Unknown);
    assert_eq!(answer.entries, []);
    let answer = asker.ask(&*rig.one, Some(position)).await;
    assert_eq!(answer.verdict, Verdict::Verified);
}

pub(crate) async fn a_position_that_never_stood_is_unknown(rig: &Rig) {
    let position = append(&*rig.one, "a", 1).await;
    let asker = Asker::new(1);
    for millis in [0, position.sequence.millis + 1_000_000, u64::MAX] {
        let sequence = Sequence {
            millis,
            number: u64::MAX,
        };
        let nowhere = Position {
            sequence,
            ..position
        };
        let answer = asker.ask(&*rig.one, Some(nowhere)).await;
        assert_eq!(answer.verdict, Verdict::Unknown, "{nowhere}");
        assert_eq!(answer.head, position);
    }
}

pub(crate) async fn no_position_is_unknown_and_the_answer_has_the_head(rig: &Rig) {
    let position = append(&*rig.one, "a", 1).await;
    let answer = Asker::new(1).ask(&*rig.two, None).await;
    assert_eq!(answer.verdict, Verdict::Unknown);
    assert_eq!(answer.entries, []);
    assert_eq!(answer.head, position);
    assert!(!answer.cloned);
}

pub(crate) async fn more_than_one_answer_carries_is_too_far_behind(rig: &Rig) {
    let asker = Asker::new(1);
    let head = asker.ask(&*rig.one, None).await.head;
    let last = append_many(rig, 1024).await;
    let answer = asker.ask(&*rig.one, Some(head)).await;
    assert_eq!(answer.verdict, Verdict::Verified);
    assert_eq!(answer.entries.len(), 1024);
    assert_eq!(answer.head.sequence, last);
    append(&*rig.one, "one more", 9).await;
    let answer = asker.ask(&*rig.one, Some(head)).await;
    assert_eq!(answer.verdict, Verdict::TooFarBehind);
    assert_eq!(answer.entries, []);
    assert_eq!(answer.head.mark, Mark(9));
}

/// Returns the sequence of the last one in the log.
async fn append_many(rig: &Rig, count: u64) -> Sequence {
    let mut last = Sequence::default();
    for first in (0..count).step_by(64) {
        let some = (first..count.min(first + 64)).map(|mark| append(&*rig.one, "x", mark + 100));
        let positions = join_all(some).await;
        last = last.max(positions.iter().map(|at| at.sequence).max().unwrap());
    }
    last
}

pub(crate) async fn the_first_question_of_a_fresh_log_meets_an_everything_entry(rig: &Rig) {
    let mut rings = rig.two.rings().await.expect("the ring can be heard");
    let answer = Asker::new(1).ask(&*rig.one, None).await;
    assert_eq!(answer.verdict, Verdict::Unknown);
    let entry = heard_entry(&mut rings).await;
    assert_eq!(entry.position, answer.head);
    assert_eq!(entry.payload, EVERYTHING);
    assert_eq!(entry.previous, None);
    let again = Asker::new(2).ask(&*rig.two, Some(answer.head)).await;
    assert_eq!(again.verdict, Verdict::Verified);
    assert_eq!(again.entries, []);
}

pub(crate) async fn the_first_append_of_a_fresh_log_follows_an_everything_entry(rig: &Rig) {
    let mut rings = rig.two.rings().await.expect("the ring can be heard");
    let position = append(&*rig.one, "a", 1).await;
    let everything = heard_entry(&mut rings).await;
    assert_eq!(everything.payload, EVERYTHING);
    let entry = heard_entry(&mut rings).await;
    assert_eq!(entry.position, position);
    assert_eq!(entry.previous, Some(everything.position));
}

pub(crate) async fn a_ring_carries_the_whole_entry(rig: &Rig) {
    let asker = Asker::new(1);
    let head = asker.ask(&*rig.one, None).await.head;
    let mut rings = rig.two.rings().await.expect("the ring can be heard");
    append(&*rig.one, "batch", 5).await;
    let rung = heard_entry(&mut rings).await;
    assert_eq!(rung.previous, Some(head));
    let answer = asker.ask(&*rig.two, Some(head)).await;
    assert_eq!(answer.entries, [rung]);
}

pub(crate) async fn the_rings_of_two_appends_chain(rig: &Rig) {
    Asker::new(1).ask(&*rig.one, None).await;
    let mut rings = rig.two.rings().await.expect("the ring can be heard");
    append(&*rig.one, "a", 1).await;
    append(&*rig.one, "b", 2).await;
    let first = heard_entry(&mut rings).await;
    let second = heard_entry(&mut rings).await;
    assert_eq!(second.previous, Some(first.position));
}

pub(crate) async fn an_append_is_heard_by_its_own_instance_too(rig: &Rig) {
    Asker::new(1).ask(&*rig.one, None).await;
    let mut rings = rig.one.rings().await.expect("the ring can be heard");
    let position = append(&*rig.one, "a", 1).await;
    assert_eq!(heard_entry(&mut rings).await.position, position);
}

pub(crate) async fn any_bytes_travel_unchanged(rig: &Rig) {
    let asker = Asker::new(1);
    let head = asker.ask(&*rig.one, None).await.head;
    let mut rings = rig.two.rings().await.expect("the ring can be heard");
    let bytes: Vec<u8> = (0..=255).chain(*b" \r\n- e 1-1 ").collect();
    let appended = rig.one.append(bytes.clone().into(), Mark(u64::MAX)).await;
    appended.expect("the bus appends");
    assert_eq!(heard_entry(&mut rings).await.payload, bytes);
    let answer = asker.ask(&*rig.two, Some(head)).await;
    assert_eq!(answer.entries[0].payload, bytes);
    assert_eq!(answer.entries[0].position.mark, Mark(u64::MAX));
}

pub(crate) async fn two_that_append_at_once_chain_in_one_order(rig: &Rig) {
    let asker = Asker::new(1);
    let head = asker.ask(&*rig.one, None).await.head;
    let engines = [&rig.one, &rig.two].into_iter().cycle();
    let all = (1..=40)
        .zip(engines)
        .map(|(mark, engine)| append(&**engine, "x", mark));
    join_all(all).await;
    let answer = asker.ask(&*rig.one, Some(head)).await;
    assert_eq!(answer.entries.len(), 40);
    let mut before = head;
    for entry in answer.entries {
        assert_eq!(entry.previous, Some(before));
        before = entry.position;
    }
}

pub(crate) async fn a_second_instance_with_the_same_id_is_noticed(rig: &Rig) {
    let (original, clone) = (Asker::new(77), Asker::new(77));
    assert!(!original.ask(&*rig.one, None).await.cloned);
    assert!(clone.ask(&*rig.two, None).await.cloned);
    assert!(!original.ask(&*rig.one, None).await.cloned);
    assert!(!Asker::new(78).ask(&*rig.two, None).await.cloned);
}

pub(crate) async fn a_wiped_log_verifies_nothing_and_begins_with_everything(rig: &Rig) {
    let position = append(&*rig.one, "a", 1).await;
    (rig.wipe)().await;
    let asker = Asker::new(2);
    let answer = asker.ask(&*rig.two, Some(position)).await;
    assert_eq!(answer.verdict, Verdict::Unknown);
    assert_ne!(answer.head, position);
    let mut rings = rig.two.rings().await.expect("the ring can be heard");
    (rig.wipe)().await;
    append(&*rig.one, "b", 2).await;
    assert_eq!(heard_entry(&mut rings).await.payload, EVERYTHING);
    assert_eq!(&heard_entry(&mut rings).await.payload[..], b"b");
}

pub(crate) async fn dropping_the_rings_of_one_leaves_the_other_listening(rig: &Rig) {
    Asker::new(1).ask(&*rig.one, None).await;
    let mut staying = rig.two.rings().await.expect("the ring can be heard");
    drop(rig.one.rings().await.expect("the ring can be heard"));
    let position = append(&*rig.one, "a", 1).await;
    assert_eq!(heard_entry(&mut staying).await.position, position);
}

pub(crate) async fn a_census_tells_who_has_not_reported_an_entry(rig: &Rig) {
    let (first, second) = (Asker::new(1), Asker::new(2));
    let head = first.ask(&*rig.one, None).await.head;
    second.ask(&*rig.two, Some(head)).await;
    let entry = append(&*rig.one, "a", 9).await;
    let nobody = census(&*rig.one, entry, &[]).await;
    assert_eq!((nobody.past, missing(&nobody)), (0, vec![1, 2]));
    assert_eq!(nobody.entry, Stands::Yes);
    first.ask(&*rig.one, Some(entry)).await;
    let later = append(&*rig.two, "b", 10).await;
    let one = census(&*rig.one, entry, &[]).await;
    assert_eq!((one.past, missing(&one)), (1, vec![2]));
    assert_eq!(one.missing[0].bound, BOUND);
    // A later entry counts for an earlier one.
    second.ask(&*rig.two, Some(later)).await;
    let both = census(&*rig.two, entry, &[]).await;
    assert_eq!((both.past, missing(&both)), (2, vec![]));
    assert_eq!(both.list.unwrap().largest, BOUND);
    // A position that was asked about and is not verified is no report.
    let forged = Position {
        mark: Mark(77),
        ..later
    };
    second.ask(&*rig.two, Some(forged)).await;
    assert_eq!(missing(&census(&*rig.two, entry, &[]).await), [2]);
}

pub(crate) async fn a_report_of_a_wiped_log_counts_for_no_entry_of_the_new_one(rig: &Rig) {
    let asker = Asker::new(1);
    let old = append(&*rig.one, "a", 1).await;
    let before = asker.ask(&*rig.one, Some(old)).await.list;
    (rig.wipe)().await;
    let entry = append(&*rig.one, "b", 2).await;
    let after = census(&*rig.one, entry, &[]).await;
    assert_eq!(after.past, 0);
    assert_ne!(after.list.unwrap().born, before.unwrap().born);
    let lost = census(&*rig.one, old, &[]).await;
    assert_eq!(lost.entry, Stands::No);
}

pub(crate) async fn a_roll_call_is_heard(rig: &Rig) {
    let entry = append(&*rig.one, "a", 1).await;
    let mut rings = rig.two.rings().await.expect("the ring can be heard");
    let call = RollCall::Ring;
    let gone = Vec::new();
    let inquiry = Inquiry { entry, call, gone };
    rig.one.census(inquiry).await.expect("the bus answers");
    assert_eq!(heard(&mut rings).await, Ring::RollCall);
}

pub(crate) async fn a_member_that_signs_off_is_on_the_list_no_more(rig: &Rig) {
    let (leaving, staying) = (Asker::new(1), Asker::new(2));
    let entry = leaving.ask(&*rig.one, None).await.head;
    staying.ask(&*rig.two, None).await;
    let list = leaving.ask(&*rig.one, None).await.list;
    // Somebody else has reported under this id since.
    rig.two.sign_off(1, 1).await.expect("the bus answers");
    assert_eq!(missing(&census(&*rig.two, entry, &[]).await), [1, 2]);
    rig.one.sign_off(1, 2).await.expect("the bus answers");
    let left = census(&*rig.two, entry, &[]).await;
    assert_eq!(missing(&left), [2]);
    assert_eq!(left.list, list, "the list is whole");
}

pub(crate) async fn a_member_that_is_gone_is_removed_unless_it_has_reported_again(rig: &Rig) {
    let (gone, back) = (Asker::new(1), Asker::new(2));
    let entry = gone.ask(&*rig.one, None).await.head;
    back.ask(&*rig.one, None).await;
    let silent = census(&*rig.two, entry, &[]).await.missing;
    back.ask(&*rig.one, None).await;
    let rest = census(&*rig.two, entry, &silent).await;
    assert_eq!(missing(&rest), [2]);
}

/// Another one after a wipe: what was acknowledged before is told apart from it.
pub(crate) async fn an_append_names_the_list_that_the_next_answer_names(rig: &Rig) {
    let asker = Asker::new(1);
    let mut named = Vec::new();
    for mark in [1, 2] {
        let appended = rig.one.append(Bytes::from_static(b"a"), Mark(mark)).await;
        let list = appended.expect("the bus appends").list;
        let answer = asker.ask(&*rig.two, None).await;
        assert_eq!(list, answer.list.map(|list| list.born));
        named.push(list.expect("the server says who it is"));
        (rig.wipe)().await;
    }
    assert_ne!(named[0], named[1]);
}

pub(crate) async fn own_entries_are_found_again_or_not(rig: &Rig) {
    let asker = Asker::new(1);
    let ask = async |oldest, newest| {
        let checkpoint = Some(Checkpoint { oldest, newest });
        let question = Question {
            checkpoint,
            ..asker.question(None)
        };
        let answer = rig.one.sync(question).await;
        answer.expect("the bus answers").standing
    };
    let first = append(&*rig.one, "a", 1).await;
    let last = append(&*rig.one, "b", 2).await;
    let lost = Position {
        mark: Mark(9),
        ..last
    };
    assert_eq!(ask(first, last).await, Standing::Whole);
    assert_eq!(ask(first, lost).await, Standing::Cut);
    assert_eq!(ask(lost, lost).await, Standing::Lacking);
    let early = Position {
        sequence: Sequence::default(),
        ..lost
    };
    assert_eq!(ask(early, early).await, Standing::Trimmed);
    assert_eq!(
        asker.ask(&*rig.one, None).await.standing,
        Standing::NotAsked
    );
}

pub(crate) async fn the_longest_time_of_an_intent_is_in_each_answer(rig: &Rig) {
    let asker = Asker::new(1);
    let longest = async || asker.ask(&*rig.two, None).await.longest_intent;
    assert_eq!(longest().await, Duration::ZERO);
    let mut rings = rig.two.rings().await.expect("an ear");
    for (mark, millis) in [(1, 900), (2, 12_000), (3, 9_000)] {
        let payload = Bytes::from_static(b"intent");
        let lasts = Duration::from_millis(millis);
        let announced = rig.one.announce(payload, Mark(mark), lasts).await;
        let announced = announced.expect("the bus appends");
        assert_eq!(heard_entry(&mut rings).await.position, announced.position);
    }
    append(&*rig.one, "no intent", 4).await;
    assert_eq!(longest().await, Duration::from_secs(12));
    (rig.wipe)().await;
    assert_eq!(longest().await, Duration::ZERO);
}
