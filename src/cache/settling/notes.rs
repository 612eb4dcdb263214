//! The notes, without a lock and without a clock.

use super::{Latest, MAX_NOTES, rules};
use crate::clock::Moment;
use std::collections::VecDeque;
use std::time::Duration;

/// What was invalidated, and when.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Notes {
    /// The largest window.
    window: Duration,
    /// For how long a note is kept: for the window, and as long as a fill that began
    /// in it may take.
    keep: Duration,
    /// When everything was invalidated, or something whose note was dropped: a fill
    /// that asks later than any should still finds that there was one.
    everything: Option<Moment>,
    latest: Latest,
    /// Each name once, about in the order of time: where it stands with an older
    /// time than `latest` has, it goes to the end when its turn comes.
    order: VecDeque<(Moment, u128)>,
}

impl Notes {
    /// A larger window than before counts, and for all names from now on.
    pub(super) fn widen(&mut self, window: Duration, fill_timeout: Duration, now: Moment) {
        self.window = window.max(self.window);
        self.keep = rules::keep(self.window, fill_timeout);
        self.all(now);
    }

    /// Drops what no fill needs any more.
    pub(super) fn tidy(&mut self, now: Moment) {
        self.prune(now, self.keep);
    }

    /// Whether a fill that began then read what is true by now, as far as these names
    /// go.
    pub(super) fn settled(&self, names: &[u128], began: Moment, window: Duration) -> bool {
        let named = names.iter().filter_map(|name| self.latest.get(name));
        let latest = named.chain(&self.everything).max();
        latest.is_none_or(|noted| rules::has_settled(*noted, began, window))
    }

    /// Everything was invalidated; or there is no room for more, and all counts as
    /// invalidated with the newest of it: who read the clock first may come last.
    pub(super) fn all(&mut self, now: Moment) {
        let newest = self.latest.values().copied().max();
        let everything = rules::after_dropping(self.everything, newest);
        self.everything = everything.max(Some(now));
        self.latest.clear();
        self.order.clear();
    }

    /// This name was invalidated.
    pub(super) fn one(&mut self, name: u128, now: Moment) {
        if let Some(noted) = self.latest.get_mut(&name) {
            *noted = rules::renewed(*noted, now);
            return;
        }
        if self.latest.len() >= MAX_NOTES {
            let window = self.window;
            self.prune(now, window);
        }
        if self.latest.len() >= MAX_NOTES {
            self.all(now);
            return;
        }
        self.latest.insert(name, now);
        self.order.push_back((now, name));
    }

    /// Drops the notes that are older than this.
    fn prune(&mut self, now: Moment, age: Duration) {
        while let Some(&(queued, name)) = self.order.front()
            && now.since(queued) > age
        {
            self.order.pop_front();
            match self.latest.get(&name) {
                Some(noted) if now.since(*noted) <= age => self.order.push_back((*noted, name)),
                _ => {
                    let dropped = self.latest.remove(&name);
                    self.everything = rules::after_dropping(self.everything, dropped);
                }
            }
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        assert_eq!(self.latest.len(), self.order.len());
        self.latest.len()
    }
}
