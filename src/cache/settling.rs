//! The time after an invalidation in which a lagging replica may still say the old.
//!
//! A handler that reads a replica may read, after the invalidation, what was true
//! before it. The comparison of the race core cannot see that: the fill began
//! late enough. So each name that is invalidated is noted here with its time, and
//! fills that begin within the window of their rule are not stored. Off the hit
//! path: looked at by who invalidates and by who stores.

use crate::clock::{Moment, nanos};
use crate::store::race::{Name, Raise};
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How many names are kept. Above it, everything counts as invalidated now.
const MAX_NOTES: usize = 100_000;

/// What was invalidated lately, and when.
#[derive(Debug, Default)]
pub(crate) struct Settling {
    /// The largest window of all rules made so far, in nanoseconds; 0: nobody asks.
    largest: AtomicU64,
    /// Locked for a moment only, and nothing else is locked under it.
    notes: Mutex<Notes>,
}

#[derive(Debug, Default)]
struct Notes {
    /// The largest window.
    window: Duration,
    /// For how long a note is kept: for the window, and as long as a fill that began
    /// in it may take.
    keep: Duration,
    /// When everything was invalidated, or something whose note was dropped: a fill
    /// that asks later than any should still finds that there was one.
    everything: Option<Moment>,
    latest: HashMap<u128, Moment>,
    /// Each name once, about in the order of time: where it stands with an older
    /// time than `latest` has, it goes to the end when its turn comes.
    order: VecDeque<(Moment, u128)>,
}

impl Settling {
    /// A rule with this window is made, whose fills take this long at most. `now` is
    /// read *after* the window counts: an applier that did not see it came before,
    /// and left no note; what it invalidated counts from `now`.
    pub(super) fn widen(
        &self,
        window: Duration,
        fill_timeout: Duration,
        now: impl FnOnce() -> Moment,
    ) {
        if self.largest.fetch_max(nanos(window), Ordering::SeqCst) >= nanos(window) {
            return;
        }
        let mut notes = self.notes();
        notes.window = window.max(notes.window);
        notes.keep = notes.window.saturating_add(fill_timeout);
        notes.all(now());
    }

    /// Whether anybody will ask.
    pub(super) fn is_used(&self) -> bool {
        self.largest.load(Ordering::SeqCst) != 0
    }

    /// These are about to be raised. Called *before* the cells are: a fill either
    /// finds the note or fails the comparison.
    pub(super) fn note(&self, raises: &[Raise], now: Moment) {
        let mut notes = self.notes();
        let keep = notes.keep;
        notes.prune(now, keep);
        for raise in raises {
            match raise.name {
                Name::Everything => notes.all(now),
                Name::Target(name) => notes.one(name, now),
            }
        }
    }

    /// Whether a fill that began then read what is true by now, as far as these
    /// names go. Asked after it was bound.
    ///
    /// A note that is later than the beginning counts too: a soft invalidation
    /// meanwhile lets the fill bind, and the two clocks are read one after the
    /// other.
    pub(super) fn settled(&self, names: &[u128], began: Moment, window: Duration) -> bool {
        if window.is_zero() {
            return true;
        }
        let notes = self.notes();
        let named = names.iter().filter_map(|name| notes.latest.get(name));
        let latest = named.chain(&notes.everything).max();
        latest.is_none_or(|noted| began.since(*noted) > window)
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Notes {
    fn all(&mut self, now: Moment) {
        self.everything = self.everything.max(Some(now));
        self.latest.clear();
        self.order.clear();
    }

    fn one(&mut self, name: u128, now: Moment) {
        if let Some(noted) = self.latest.get_mut(&name) {
            *noted = now.max(*noted);
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
                _ => self.everything = self.everything.max(self.latest.remove(&name)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::race::Strength;

    const WINDOW: Duration = Duration::from_secs(5);
    const FILL: Duration = Duration::from_secs(30);
    const NANO: Duration = Duration::from_nanos(1);

    fn at(seconds: u64) -> Moment {
        Moment::default().plus(Duration::from_secs(1000 + seconds))
    }

    fn used() -> Settling {
        let settling = Settling::default();
        settling.widen(WINDOW, FILL, Moment::default);
        settling
    }

    fn raise(name: u128) -> Raise {
        Raise {
            name: Name::Target(name),
            strength: Strength::Hard,
        }
    }

    fn everything() -> Raise {
        Raise {
            name: Name::Everything,
            strength: Strength::Hard,
        }
    }

    #[test]
    fn a_name_settles_when_the_window_is_over_and_not_before() {
        let settling = used();
        settling.note(&[raise(1)], at(10));
        let settled = |began| settling.settled(&[7, 1], began, WINDOW);
        assert!(!settled(at(9)));
        assert!(!settled(at(10)));
        assert!(!settled(at(15)));
        assert!(settled(at(15).plus(NANO)));
        assert!(settling.settled(&[7, 8], at(10), WINDOW));
        assert!(settling.settled(&[1], at(10), Duration::ZERO));
    }

    #[test]
    fn each_rule_has_a_window_of_its_own() {
        let settling = used();
        settling.note(&[raise(1)], at(10));
        let second = Duration::from_secs(1);
        assert!(!settling.settled(&[1], at(11), second));
        assert!(settling.settled(&[1], at(12), second));
        assert!(!settling.settled(&[1], at(12), WINDOW));
    }

    #[test]
    fn the_last_time_counts_and_a_softer_word_is_one_too() {
        let settling = used();
        settling.note(&[raise(1)], at(10));
        let soft = Raise {
            strength: Strength::Soft,
            ..raise(1)
        };
        settling.note(&[soft], at(14));
        // A note that comes late does not go back.
        settling.note(&[raise(1)], at(12));
        assert!(!settling.settled(&[1], at(19), WINDOW));
        assert!(settling.settled(&[1], at(20), WINDOW));
    }

    #[test]
    fn everything_is_every_name() {
        let settling = used();
        settling.note(&[raise(1)], at(9));
        settling.note(&[everything()], at(10));
        for names in [&[1][..], &[2], &[]] {
            assert!(!settling.settled(names, at(15), WINDOW));
            assert!(settling.settled(names, at(16), WINDOW));
        }
    }

    #[test]
    fn a_larger_window_than_before_begins_with_everything() {
        let settling = used();
        assert!(settling.is_used());
        settling.widen(WINDOW * 2, FILL, || at(30));
        assert!(!settling.settled(&[1], at(35), WINDOW));
        settling.widen(WINDOW, FILL, || at(100));
        assert!(settling.settled(&[1], at(100), WINDOW));
    }

    #[test]
    fn it_is_not_used_without_a_window() {
        let settling = Settling::default();
        settling.widen(Duration::ZERO, FILL, || at(0));
        assert!(!settling.is_used());
        assert!(settling.settled(&[1], at(0), Duration::ZERO));
    }

    #[test]
    fn what_no_fill_can_have_begun_after_is_forgotten() {
        let settling = used();
        for second in 0..1000 {
            // The name 1 each time, and one of its own.
            settling.note(&[raise(1), raise(u128::from(second) + 2)], at(second));
        }
        let notes = settling.notes();
        assert!(notes.latest.len() <= 40, "{}", notes.latest.len());
        assert_eq!(notes.latest.len(), notes.order.len());
        assert_eq!(notes.latest[&1], at(999));
    }

    #[test]
    fn a_fill_that_took_long_finds_what_was_noted_before_it_began() {
        let settling = used();
        settling.note(&[raise(1)], at(10));
        settling.note(&[raise(2)], at(45));
        assert!(!settling.settled(&[1], at(15), WINDOW));
        assert!(settling.settled(&[3], at(15), WINDOW));
        // Later than any should ask: the note is gone, and counts for all names.
        settling.note(&[raise(2)], at(46));
        for name in [1, 3] {
            assert!(!settling.settled(&[name], at(15), WINDOW));
            assert!(settling.settled(&[name], at(16), WINDOW));
        }
    }

    #[test]
    fn where_there_is_no_room_what_is_older_than_the_window_goes_first() {
        let settling = used();
        let most = u128::try_from(MAX_NOTES).unwrap();
        let raises: Vec<_> = (0..most).map(raise).collect();
        settling.note(&raises, at(10));
        settling.note(&[raise(most)], at(16));
        assert!(!settling.settled(&[most], at(17), WINDOW));
        assert!(settling.settled(&[most + 1], at(17), WINDOW));
        assert!(!settling.settled(&[0], at(15), WINDOW));
    }

    #[test]
    fn too_many_names_become_everything() {
        let settling = used();
        let most = u128::try_from(MAX_NOTES).unwrap();
        let raises: Vec<_> = (0..most).map(raise).collect();
        settling.note(&raises, at(10));
        // A name that is there already takes no more room.
        settling.note(&[raise(0)], at(11));
        assert!(settling.settled(&[most + 5], at(11), WINDOW));
        settling.note(&[raise(most)], at(12));
        for name in [0, most - 1, most, most + 5] {
            assert!(!settling.settled(&[name], at(17), WINDOW));
            assert!(settling.settled(&[name], at(18), WINDOW));
        }
        assert!(settling.notes().latest.len() <= 1);
    }
}
