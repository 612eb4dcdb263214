//! For how long a route serves what is not fresh any more.

use super::Policy;
use std::time::Duration;

/// What a route says of stale responses; `None` is nothing.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(crate) struct Stale {
    pub(crate) while_revalidate: Option<Duration>,
    pub(crate) if_error: Option<Duration>,
    /// After which part of its lifetime a response is fetched anew; 1 is never.
    pub(crate) refresh_ahead: Part,
}

/// A part of something, from 0 to 1.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Part(f32);

impl Part {
    /// What is no number from 0 to 1 is the nearest one; what is no number at all is 1.
    pub(super) fn new(part: f32) -> Self {
        Self(if part.is_nan() {
            1.0
        } else {
            part.clamp(0.0, 1.0)
        })
    }

    pub(crate) fn of(self, whole: Duration) -> Duration {
        let part = whole.as_secs_f64() * f64::from(self.0);
        Duration::try_from_secs_f64(part).map_or(whole, |part| part.min(whole))
    }
}

impl Default for Part {
    fn default() -> Self {
        Self(1.0)
    }
}

impl Policy {
    /// For this long after its lifetime a response still answers, while one request of the
    /// cache itself fetches it anew in the background (RFC 5861 §3). What is older than
    /// that is fetched first. Off unless said, by the response
    /// (`stale-while-revalidate`) or here; where both do, the response's counts.
    ///
    /// Never over `no-cache`, `must-revalidate`, `proxy-revalidate` and `s-maxage`, and
    /// never over an invalidation, unless that was a
    /// [soft](crate::Invalidate::soft) one: the time then counts from when this instance
    /// noticed it, about a second at most. A request with a
    /// [token](crate::Token) is not answered with what was softly invalidated.
    ///
    /// The request in the background is a GET with the fields of the one that set it off,
    /// less `Cookie`, `Authorization` and all that is for that client only. Where `Vary`
    /// names one of those, the response is fetched first.
    pub fn stale_while_revalidate(mut self, window: Duration) -> Self {
        self.stale.while_revalidate = Some(window);
        self
    }

    /// For this long after its lifetime a response answers where the handler fails: with
    /// its own error, a panic, 500, 502, 503, 504, or no answer within the time of a
    /// fill (RFC 5861 §4). Off unless said, by the response (`stale-if-error`) or here;
    /// where both do, the response's counts.
    ///
    /// Never over what [`stale_while_revalidate`](Self::stale_while_revalidate) is not
    /// used over. Each request asks the handler before, one at a time; those who wait
    /// for it are answered with it.
    pub fn stale_if_error(mut self, window: Duration) -> Self {
        self.stale.if_error = Some(window);
        self
    }

    /// Fetches a response anew in the background when it is asked for after this part of
    /// its lifetime: what is asked for often does not expire at all. `0.9` of a minute
    /// is the last 6 seconds. From 0, with each hit, to 1, never, which is the default;
    /// what lies outside is taken as the nearest one.
    ///
    /// The request is as that of
    /// [`stale_while_revalidate`](Self::stale_while_revalidate), one at a time for each
    /// key. If it fails the response is served until its lifetime is over.
    pub fn refresh_ahead(mut self, part: f32) -> Self {
        self.stale.refresh_ahead = Part::new(part);
        self
    }

    pub(crate) fn stale_windows(&self) -> Stale {
        self.stale
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_lies_between_nothing_and_all() {
        let minute = Duration::from_secs(60);
        for (part, seconds) in [
            (0.5, 30),
            (0.0, 0),
            (-1.0, 0),
            (1.0, 60),
            (7.0, 60),
            (f32::NAN, 60),
            (f32::INFINITY, 60),
        ] {
            assert_eq!(Part::new(part).of(minute).as_secs(), seconds, "{part}");
        }
        assert_eq!(Part::default().of(Duration::MAX), Duration::MAX);
    }
}
