//! Who may still serve what an entry covers, as far as one process has observed.

use crate::bus::{Census, List, Report, Stands};
use crate::clock::nanos;
use crate::coherence::settings::ALONE_FOR;
use crate::position::Mark;
use std::collections::BTreeMap;
use std::time::Duration;

/// What this process has seen of the list of members, and when by its own clock.
///
/// Without input, output or clock: instants are handed in. Two arguments end a wait.
///
/// - *By report.* The list is older than [`ALONE_FOR`] times the largest bound:
///   whoever serves has a proof that is younger than the list, so it is on it. Each
///   member on it has reported the entry or a later one of the same log, or has not
///   reported for that many of its own bounds, and so serves nothing.
/// - *By time.* The largest bound has passed since the log took the entry. That is
///   the promise of bounded staleness itself.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Watch {
    /// The largest bound that anybody is known to use, in nanoseconds. Never goes
    /// down; `u64::MAX`: somebody uses none.
    largest: u64,
    /// The mark of the list, and when an answer first named it.
    list: Option<(Mark, u64)>,
    /// Whether anything was heard yet.
    heard: bool,
    /// Those who were missing in the last census, and since when their report is
    /// the same.
    silent: BTreeMap<u64, (Report, u64)>,
}

/// What a census says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Judgement {
    pub(crate) verdict: Verdict,
    /// How many have reported.
    pub(crate) by: usize,
    /// Who has not, and may still serve.
    pub(crate) missing: Vec<u64>,
    /// Whose report is so old that they serve nothing.
    pub(crate) gone: Vec<Report>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// Nobody serves what the entry covers.
    Everywhere,
    NotYet,
}

impl Watch {
    /// `bound` is the largest in use here.
    pub(crate) fn new(bound: Duration) -> Self {
        Self {
            largest: nanos(bound),
            list: None,
            heard: false,
            silent: BTreeMap::new(),
        }
    }

    /// A larger bound than before is in use here.
    pub(crate) fn widen(&mut self, bound: Duration) {
        self.largest = self.largest.max(nanos(bound));
    }

    /// An answer that came at `now` named this list.
    pub(crate) fn saw(&mut self, list: Option<List>, now: u64) {
        self.heard = true;
        if let Some(list) = list {
            self.widen(list.largest);
        }
        let born = list.map(|list| list.born);
        if self.list.map(|(born, _)| born) != born {
            self.list = born.map(|born| (born, now));
        }
    }

    /// What a census says that was asked for at `sent` and came at `received`.
    pub(crate) fn judge(&mut self, census: &Census, sent: u64, received: u64) -> Judgement {
        self.saw(census.list, received);
        let known = std::mem::take(&mut self.silent);
        for report in &census.missing {
            let since = match known.get(&report.member) {
                Some((before, since)) if before == report => *since,
                _ => received,
            };
            self.silent.insert(report.member, (*report, since));
        }
        let silent = self.silent.values();
        let (gone, missing): (Vec<_>, Vec<_>) = silent.partition(|(report, since)| {
            let bound = nanos(report.bound);
            bound != u64::MAX && sent.saturating_sub(*since) >= alone_for(bound)
        });
        let whole = self
            .list
            .is_some_and(|(_, since)| sent.saturating_sub(since) >= alone_for(self.largest));
        let all = missing.is_empty() && census.more == 0;
        Judgement {
            verdict: if whole && all && census.entry == Stands::Yes {
                Verdict::Everywhere
            } else {
                Verdict::NotYet
            },
            by: census.past,
            missing: missing.iter().map(|(report, _)| report.member).collect(),
            gone: gone.iter().map(|(report, _)| *report).collect(),
        }
    }

    /// When the largest bound will have passed since the log took an entry. `None`:
    /// never, or it is not known.
    pub(crate) fn passes(&self, taken: u64) -> Option<u64> {
        (self.heard && self.largest != u64::MAX).then(|| taken.saturating_add(self.largest))
    }
}

/// For how long after its last proof a member may serve anything.
fn alone_for(bound: u64) -> u64 {
    bound.saturating_mul(u64::from(ALONE_FOR))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUND: Duration = Duration::from_nanos(10);
    const _: () = assert!(ALONE_FOR == 10, "the instants below are for this");

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
        let mut watch = Watch::new(BOUND);
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
        let mut fresh = Watch::new(BOUND);
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
        assert_eq!(Watch::new(BOUND).passes(140), None);
        let mut watch = watch();
        assert_eq!(watch.passes(140), Some(150));
        let wider = List {
            born: Mark(1),
            largest: BOUND * 3,
        };
        watch.saw(Some(wider), 1001);
        watch.saw(list(2), 1002);
        assert_eq!(watch.passes(140), Some(170));
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
}
