//! The decisions about notes that nobody may get wrong. Each is small enough to be
//! replaced by a broken one in a model, to see that the model notices.

use crate::clock::Moment;
use std::time::Duration;

/// Whether a fill that began then read what is true by now, for something that was
/// invalidated at `noted`. It may have read at its beginning: its end says nothing.
pub(crate) fn has_settled(noted: Moment, began: Moment, window: Duration) -> bool {
    began.since(noted) > window
}

/// For how long a note is kept: a fill that began in the window asks when it ends.
pub(crate) fn keep(window: Duration, fill_timeout: Duration) -> Duration {
    window.saturating_add(fill_timeout)
}

/// The time of a name that is noted again. Who read the clock first may come second.
pub(crate) fn renewed(noted: Moment, now: Moment) -> Moment {
    now.max(noted)
}

/// When everything counts as invalidated, once a note was dropped: a fill that asks
/// later than any should still finds that there was one.
pub(crate) fn after_dropping(
    everything: Option<Moment>,
    dropped: Option<Moment>,
) -> Option<Moment> {
    everything.max(dropped)
}
