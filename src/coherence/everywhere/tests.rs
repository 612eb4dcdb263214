use super::Everywhere;
use super::watch::{LogOf, Verdict, Watch};
use crate::bus::{Census, List, Report, Stands};
use crate::clock::{Moment, nanos};
use crate::coherence::outbox::Landed;
use crate::coherence::settings::ALONE_FOR;
use crate::position::{Mark, Position, Sequence};
use std::time::Duration;

/// A member may serve for a hundred after its last proof.
const BOUND: Duration = Duration::from_nanos(100 / ALONE_FOR as u64);

fn list(born: u64) -> Option<List> {
    Some(List {
        born: Mark(born),
        largest: BOUND,
    })
}

fn report(member: u64, counter: u64) -> Report {
    Report {
        member,
        counter,
        bound: BOUND,
    }
}

fn census(missing: &[Report]) -> Census {
    Census {
        list: list(1),
        entry: Stands::Yes,
        past: 2,
        missing: missing.to_vec(),
        more: 0,
    }
}

/// One that has seen the list since 1000.
fn watch() -> Watch {
    let mut watch = Watch::new(BOUND, LogOf::AServer);
    watch.saw(list(1), 1000);
    watch
}

#[test]
fn all_have_reported_to_a_list_that_is_older_than_the_bound() {
    let judgement = watch().judge(&census(&[]), 1100, 1101);
    assert_eq!(judgement.verdict, Verdict::Everywhere);
    assert_eq!(judgement.by, 2);
}

#[test]
fn a_list_that_is_younger_than_the_bound_may_lack_somebody() {
    let judgement = watch().judge(&census(&[]), 1099, 1200);
    assert_eq!(judgement.verdict, Verdict::NotYet);
    let mut fresh = Watch::new(BOUND, LogOf::AServer);
    let judgement = fresh.judge(&census(&[]), 5000, 5001);
    assert_eq!(judgement.verdict, Verdict::NotYet);
}

#[test]
fn a_list_that_begins_anew_is_young_again() {
    let mut watch = watch();
    watch.saw(list(2), 1150);
    let anew = Census {
        list: list(2),
        ..census(&[])
    };
    assert_eq!(watch.judge(&anew, 1249, 1249).verdict, Verdict::NotYet);
    assert_eq!(watch.judge(&anew, 1250, 1250).verdict, Verdict::Everywhere);
}

#[test]
fn a_server_that_does_not_say_who_it_is_proves_no_list() {
    let unknown = Census {
        list: None,
        ..census(&[])
    };
    let mut watch = watch();
    assert_eq!(watch.judge(&unknown, 5000, 5000).verdict, Verdict::NotYet);
    assert_eq!(watch.judge(&unknown, 9000, 9000).verdict, Verdict::NotYet);
}

#[test]
fn an_entry_that_does_not_stand_any_more_was_reported_by_nobody() {
    let lost = Census {
        entry: Stands::No,
        ..census(&[])
    };
    assert_eq!(watch().judge(&lost, 5000, 5000).verdict, Verdict::NotYet);
}

#[test]
fn a_missing_member_is_waited_for_until_its_report_is_older_than_its_bound() {
    let mut watch = watch();
    let missing = census(&[report(7, 1)]);
    let first = watch.judge(&missing, 2000, 2010);
    assert_eq!((first.verdict, first.missing), (Verdict::NotYet, vec![7]));
    assert_eq!(watch.judge(&missing, 2109, 2110).verdict, Verdict::NotYet);
    let last = watch.judge(&missing, 2110, 2111);
    assert_eq!(last.verdict, Verdict::Everywhere);
    assert_eq!(last.gone, [report(7, 1)]);
}

#[test]
fn a_member_that_reports_something_older_is_alive_and_waited_for() {
    let mut watch = watch();
    let _ = watch.judge(&census(&[report(7, 1)]), 2000, 2010);
    let again = watch.judge(&census(&[report(7, 2)]), 2200, 2210);
    assert_eq!((again.verdict, again.missing), (Verdict::NotYet, vec![7]));
}

#[test]
fn a_member_without_a_bound_is_waited_for_for_ever() {
    let mut watch = watch();
    let endless = Report {
        bound: Duration::MAX,
        ..report(7, 1)
    };
    let missing = census(&[endless]);
    let _ = watch.judge(&missing, 2000, 2000);
    assert_eq!(watch.judge(&missing, 9000, 9000).verdict, Verdict::NotYet);
}

#[test]
fn time_alone_ends_a_wait_after_the_largest_bound_ever_heard_of() {
    assert_eq!(Watch::new(BOUND, LogOf::AServer).passes(140), None);
    let mut watch = watch();
    assert_eq!(watch.passes(140), Some(140 + nanos(BOUND)));
    let wider = List {
        born: Mark(1),
        largest: BOUND * 3,
    };
    watch.saw(Some(wider), 1001);
    watch.saw(list(2), 1002);
    assert_eq!(watch.passes(140), Some(140 + nanos(BOUND * 3)));
    watch.widen(Duration::MAX);
    assert_eq!(watch.passes(140), None);
}

#[test]
fn more_missing_members_than_one_answer_names_are_missing_all_the_same() {
    let more = Census {
        more: 1,
        ..census(&[])
    };
    assert_eq!(watch().judge(&more, 5000, 5000).verdict, Verdict::NotYet);
}

#[test]
fn the_first_list_of_a_log_in_this_process_is_whole_and_another_one_young() {
    let mut watch = Watch::new(BOUND, LogOf::ThisProcess);
    let first = watch.judge(&census(&[]), 5000, 5000);
    assert_eq!(first.verdict, Verdict::Everywhere);
    let anew = Census {
        list: list(2),
        ..census(&[])
    };
    assert_eq!(watch.judge(&anew, 5001, 5001).verdict, Verdict::NotYet);
}

/// Cause: of two writes the later one's wait began first, and the earlier one's
/// entry replaced it. Effect: the wait for the later entry was over when all had
/// reported the earlier one.
#[test]
fn a_wait_that_begins_late_for_an_earlier_entry_does_not_replace_a_later_one() {
    let landed = |number| {
        let sequence = Sequence { millis: 1, number };
        let mark = Mark(number);
        Landed {
            position: Position { sequence, mark },
            at: Moment(number),
        }
    };
    let everywhere = Everywhere::new(BOUND, LogOf::AServer);
    let (_, _later) = everywhere.enter(landed(6));
    let (_, _earlier) = everywhere.enter(landed(5));
    assert_eq!(everywhere.newest(), Some(landed(6).position));
    let (_, _latest) = everywhere.enter(landed(7));
    assert_eq!(everywhere.newest(), Some(landed(7).position));
}
