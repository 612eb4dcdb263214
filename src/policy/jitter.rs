//! By how much a lifetime is shortened, so that not all ends at once.

use super::Policy;
use super::stale::Part;
use crate::random;
use std::time::Duration;

/// Of the lifetimes that a route gives, unless it says otherwise.
const PART: f32 = 0.05;

/// By which part of it a lifetime is shortened at most; `None`: nothing was said.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(crate) struct Jitter(Option<Part>);

/// Who gave a lifetime.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Given {
    ByRoute,
    ByHandler,
}

impl Policy {
    /// Shortens each lifetime by a random part of it, up to this one: what was stored
    /// together does not expire together, as all is stored together after
    /// [`Invalidate::everything`](crate::Invalidate::everything). From 0, not at all, to 1;
    /// what lies outside is taken as the nearest one, and what is no number as 0.
    ///
    /// Unless said, 0.05 of the lifetimes that the route gives
    /// ([`lifetime`](Self::lifetime), [`statuses`](Self::statuses)), and nothing of what
    /// handlers declare. Where it is said it is of both. It never makes one longer, and what
    /// [`CacheContext::at_most`](crate::CacheContext::at_most) asks for is not shortened
    /// further.
    ///
    /// Chosen once, when the response is stored. In tests that count the seconds say
    /// `.jitter(0.0)`.
    pub fn jitter(mut self, part: f32) -> Self {
        self.jitter = Jitter(Some(Part::new(if part.is_nan() { 0.0 } else { part })));
        self
    }

    /// This lifetime, or a shorter one.
    pub(crate) fn jittered(&self, lifetime: Duration, given: Given) -> Duration {
        let part = match (self.jitter.0, given) {
            (Some(part), _) => part,
            (None, Given::ByRoute) => Part::new(PART),
            (None, Given::ByHandler) => return lifetime,
        };
        random::shortened(lifetime, part.of(lifetime))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    /// The shortest and the longest of many.
    fn range(policy: &Policy, given: Given) -> (Duration, Duration) {
        let of = |_| policy.jittered(MINUTE, given);
        let all: Vec<_> = (0..1000).map(of).collect();
        (*all.iter().min().unwrap(), *all.iter().max().unwrap())
    }

    #[test]
    fn unless_said_a_lifetime_of_the_route_is_a_twentieth_shorter_at_most() {
        let policy = Policy::lifetime(MINUTE);
        let (shortest, longest) = range(&policy, Given::ByRoute);
        let second = Duration::from_secs(1);
        assert!(MINUTE - second * 3 <= shortest && shortest < MINUTE - second * 2);
        assert!(MINUTE - second < longest && longest <= MINUTE);
        assert_eq!(range(&policy, Given::ByHandler), (MINUTE, MINUTE));
    }

    #[test]
    fn where_it_is_said_it_is_of_all_lifetimes() {
        for given in [Given::ByRoute, Given::ByHandler] {
            let of = |part| range(&Policy::from_headers().jitter(part), given);
            let (shortest, longest) = of(0.5);
            assert!(MINUTE / 2 <= shortest && shortest < MINUTE * 6 / 10);
            assert!(MINUTE * 9 / 10 < longest && longest <= MINUTE);
            for none in [0.0, -1.0, f32::NAN] {
                assert_eq!(of(none), (MINUTE, MINUTE), "{none}");
            }
            assert!(of(7.0).0 < MINUTE / 10);
        }
    }
}
