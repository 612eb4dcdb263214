//! Who reports to a log.

use std::collections::VecDeque;

/// The most members that are remembered; the one silent for longest goes first.
const MOST: usize = 1024;

/// The last report of each member, the latest at the back.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Members(VecDeque<Report>);

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Report {
    member: u64,
    counter: u64,
}

impl Members {
    /// Writes a report down. `true`, and nothing is written, if the counter has
    /// not gone up: two instances report under one id.
    pub(super) fn report(&mut self, member: u64, counter: u64) -> bool {
        let place = self.0.iter().position(|report| report.member == member);
        if place.is_some_and(|place| self.0[place].counter >= counter) {
            return true;
        }
        if let Some(place) = place {
            self.0.remove(place);
        } else if self.0.len() >= MOST {
            self.0.pop_front();
        }
        self.0.push_back(Report { member, counter });
        false
    }
}
