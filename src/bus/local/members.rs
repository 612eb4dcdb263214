//! Who reports to a log.

use crate::bus::{Census, Inquiry, List, Question, Report, Stands};
use crate::position::{Mark, Position};
use std::collections::VecDeque;
use std::time::Duration;

/// The most members that are remembered; the one silent for longest goes first.
const MOST: usize = 1024;

/// The last report of each member, the latest at the back.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Members {
    reports: VecDeque<(Report, Option<Position>)>,
    list: Option<List>,
}

impl Members {
    /// Somebody may have been lost from the list.
    pub(super) fn begin_anew(&mut self, born: Mark) {
        let largest = self.list.map_or(Duration::ZERO, |list| list.largest);
        self.list = Some(List { born, largest });
    }

    /// Writes a report down. `true`, and nothing is written, if the counter has
    /// not gone up: two instances report under one id.
    pub(super) fn report(
        &mut self,
        question: &Question,
        verified: Option<Position>,
        spare: Mark,
    ) -> bool {
        let (member, counter) = (question.member, question.counter);
        let place = self.place(member);
        if place.is_some_and(|place| self.reports[place].0.counter >= counter) {
            return true;
        }
        if let Some(place) = place {
            self.reports.remove(place);
        } else if self.reports.len() >= MOST {
            self.reports.pop_front();
            self.begin_anew(spare);
        }
        let bound = question.bound;
        let report = Report {
            member,
            counter,
            bound,
        };
        self.reports.push_back((report, verified));
        if let Some(list) = &mut self.list {
            list.largest = list.largest.max(bound);
        }
        false
    }

    pub(super) fn list(&self) -> Option<List> {
        self.list
    }

    /// Who has not reported an entry that is `past`.
    pub(super) fn census(
        &mut self,
        inquiry: &Inquiry,
        entry: Stands,
        past: impl Fn(Position) -> bool,
    ) -> Census {
        let gone = |report: &Report| inquiry.gone.contains(report);
        self.reports.retain(|(report, _)| !gone(report));
        let (reported, missing): (Vec<_>, Vec<_>) = self
            .reports
            .iter()
            .partition(|(_, position)| position.is_some_and(&past));
        Census {
            list: self.list,
            entry,
            past: reported.len(),
            missing: missing.into_iter().map(|(report, _)| report).collect(),
            more: 0,
        }
    }

    pub(super) fn sign_off(&mut self, member: u64, counter: u64) {
        let own = |report: &Report| report.member == member && report.counter <= counter;
        self.reports.retain(|(report, _)| !own(report));
    }

    fn place(&self, member: u64) -> Option<usize> {
        let mut reports = self.reports.iter();
        reports.position(|(report, _)| report.member == member)
    }
}
