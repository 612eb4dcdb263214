//! Waiting until an entry of the log is applied everywhere.
//!
//! ```text
//! waiter ──enter──► round ──census──► log        one census for all who wait
//!    ▲                 │ all have reported
//!    └──── done ───────┘      or: the largest bound has passed since the append
//! ```
//!
//! [`Watch`] decides; one loop asks for all waiters, and rings at the members once
//! for each round.

mod rules;
#[cfg(test)]
mod tests;
mod waiting;
mod watch;

use super::outbox::Landed;
use super::shared::Shared;
use crate::bus::{Inquiry, Report, RollCall};
use crate::clock::Moment;
use crate::concern::Applied;
use crate::position::{Mark, Position};
use std::convert::Infallible;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch as channel};
use waiting::Waiting;
pub(crate) use watch::{LogOf, Verdict, Watch};

/// The pause after the first census that found somebody missing. It doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// Who waits, and what is known of the members.
#[derive(Debug)]
pub(super) struct Everywhere {
    pub(super) watch: Mutex<Watch>,
    waiting: Mutex<Waiting>,
    counted: Mutex<Counted>,
    entered: Notify,
    /// Up to which waiter all are done, and how many members had reported.
    done: channel::Sender<Done>,
}

/// What the last census said.
#[derive(Debug, Default)]
struct Counted {
    missing: Vec<u64>,
    by: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Done {
    up_to: u64,
    by: usize,
}

impl Everywhere {
    pub(super) fn new(bound: Duration, log: LogOf) -> Self {
        Self {
            watch: Mutex::new(Watch::new(bound, log)),
            waiting: Mutex::default(),
            counted: Mutex::default(),
            entered: Notify::new(),
            done: channel::Sender::new(Done::default()),
        }
    }

    pub(super) fn watch(&self) -> MutexGuard<'_, Watch> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, landed: Landed) -> (u64, Entered<'_>) {
        let number = self.waiting().enter(landed);
        self.entered.notify_one();
        (number, Entered(self))
    }

    #[cfg(test)]
    fn newest(&self) -> Option<Position> {
        self.waiting().next(0).map(|(_, entry)| entry)
    }

    /// Whether a round is of no use any more: nobody waits, or it takes long and
    /// others wait for a later entry.
    fn is_over(&self, number: u64, pause: Duration) -> bool {
        let next = self.waiting().next(0);
        next.is_none_or(|(last, _)| last > number && pause >= LONGEST_PAUSE)
    }

    /// Those who had not reported when the wait was over: by time, or not.
    pub(super) fn timed_out(&self) -> Applied {
        let counted = self.counted();
        let names = counted.missing.iter().map(|&id| Mark(id).to_string());
        Applied::TimedOut {
            by: counted.by,
            missing: names.collect(),
        }
    }
}

/// Somebody waits as long as this lives.
struct Entered<'a>(&'a Everywhere);

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        self.0.waiting().leave();
    }
}

/// Waits until nobody serves what the entry covers.
///
/// # Cancel safety
///
/// Dropping the future ends the wait.
pub(super) async fn wait(shared: &Shared, landed: Landed) -> Applied {
    let everywhere = &shared.everywhere;
    let (number, _entered) = everywhere.enter(landed);
    let mut done = everywhere.done.subscribe();
    let reported = done.wait_for(|done| done.up_to >= number);
    tokio::select! {
        biased;
        // An error would mean that the sender is gone; `shared` holds it.
        reported = reported => Applied::Everywhere {
            by: reported.map_or(0, |done| done.by),
            waited_out: 0,
        },
        () = pass(shared, landed.at) => {
            let counted = everywhere.counted();
            Applied::Everywhere {
                by: counted.by,
                waited_out: counted.missing.len(),
            }
        }
    }
}

/// Waits until the largest bound has passed since the log took the entry. It may
/// become larger meanwhile.
async fn pass(shared: &Shared, taken: Moment) {
    loop {
        let now = shared.clock.now();
        let passes = shared.everywhere.watch().passes(taken.0).map(Moment);
        match passes {
            Some(at) if at <= now => return,
            Some(at) => shared.clock.sleep(at.since(now)).await,
            None => shared.clock.sleep(shared.settings.heartbeat).await,
        }
    }
}

/// Takes a census for those who wait, as long as anybody does.
pub(super) async fn count(shared: &Shared) -> Infallible {
    let everywhere = &shared.everywhere;
    loop {
        let done = everywhere.done.borrow().up_to;
        let next = everywhere.waiting().next(done);
        match next {
            Some((number, entry)) => round(shared, number, entry).await,
            None => everywhere.entered.notified().await,
        }
    }
}

/// Until all have reported this entry, nobody waits any more, or others wait for
/// a later one.
async fn round(shared: &Shared, number: u64, entry: Position) {
    let everywhere = &shared.everywhere;
    let (mut call, mut gone, mut pause) = (RollCall::Ring, Vec::new(), FIRST_PAUSE);
    loop {
        if let Some(verdict) = census(shared, entry, call, &mut gone).await {
            call = RollCall::Quiet;
            if verdict == Verdict::Everywhere {
                let by = everywhere.counted().by;
                let up_to = number;
                everywhere.done.send_replace(Done { up_to, by });
                return;
            }
        }
        if everywhere.is_over(number, pause) {
            return;
        }
        shared.clock.sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// One census. `None`: the bus did not answer.
async fn census(
    shared: &Shared,
    entry: Position,
    call: RollCall,
    gone: &mut Vec<Report>,
) -> Option<Verdict> {
    let sent = shared.clock.now();
    let inquiry = Inquiry {
        entry,
        call,
        gone: std::mem::take(gone),
    };
    let answer = shared.engine.census(inquiry);
    let answer = shared.clock.timeout(shared.settings.call, answer).await;
    let census = answer?.ok()?;
    let received = shared.clock.now();
    let judged = shared.everywhere.watch().judge(&census, sent.0, received.0);
    *gone = judged.gone;
    let mut counted = shared.everywhere.counted();
    counted.by = judged.by;
    counted.missing = judged.missing;
    Some(judged.verdict)
}
