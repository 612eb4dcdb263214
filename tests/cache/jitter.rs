//! What was stored together does not expire together.

use crate::origin::{Lines, Origin, field, with};
use std::time::Duration;
use tower_coherence::policy::StatusHeader;
use tower_coherence::test_util::Clock;
use tower_coherence::{Cache, CacheContext, Policy};

const SECOND: Duration = Duration::from_secs(1);
/// Many seconds, so that their number is known well.
const LIFETIME: u64 = 10_000;
const MANY: usize = 200;

struct Stored {
    origin: Origin,
    cache: Cache,
    clock: Clock,
    /// For how many seconds each of many is fresh.
    seconds: Vec<u64>,
}

impl Stored {
    async fn new(policy: Policy, lines: Lines<'_>) -> Self {
        let clock = Clock::new();
        let cache = Cache::builder().clock(clock.clone()).build().unwrap();
        let policy = policy.cache_status(StatusHeader::On);
        let origin = Origin::says(with(&cache, policy), lines);
        let mut stored = Self {
            origin,
            cache,
            clock,
            seconds: Vec::new(),
        };
        for number in 0..MANY {
            stored.origin.get(&format!("/{number}")).await;
        }
        for number in 0..MANY {
            stored.seconds.push(stored.ttl(number).await.unwrap());
        }
        stored
    }

    /// What a hit says of its time; `None`: it is none.
    async fn ttl(&self, number: usize) -> Option<u64> {
        let answer = self.origin.get(&format!("/{number}")).await;
        let said = field(&answer, "cache-status").unwrap();
        let ttl = said.strip_prefix("tower-coherence; hit; ttl=")?;
        Some(ttl.parse().unwrap())
    }

    fn range(&self) -> (u64, u64) {
        let seconds = self.seconds.iter().copied();
        (seconds.clone().min().unwrap(), seconds.max().unwrap())
    }
}

fn routes() -> Policy {
    Policy::lifetime(SECOND * u32::try_from(LIFETIME).unwrap())
}

#[tokio::test]
async fn what_is_stored_at_once_expires_bit_by_bit_when_it_says_so() {
    let stored = Stored::new(routes(), &[]).await;
    let (shortest, longest) = stored.range();
    // In whole seconds, of which the last one has begun.
    assert!(LIFETIME * 95 / 100 - 1 <= shortest && longest <= LIFETIME);
    assert!(longest - shortest > LIFETIME / 50, "{shortest} {longest}");
    // Between the two some are fresh and some are not: those that said so.
    let mut middle = stored.seconds.clone();
    middle.sort_unstable();
    let middle = middle[MANY / 2];
    let hits = stored.cache.stats().hits;
    stored
        .clock
        .advance(SECOND * u32::try_from(middle).unwrap());
    for (number, seconds) in stored.seconds.iter().enumerate() {
        let left = stored.ttl(number).await;
        match left {
            Some(left) => assert_eq!(left + middle, *seconds),
            None => assert!(*seconds <= middle),
        }
    }
    let fresh = stored.cache.stats().hits - hits;
    assert!((1..MANY as u64).contains(&fresh), "{fresh}");
}

#[tokio::test]
async fn what_handlers_declare_is_kept_as_long_as_they_say_unless_the_policy_says_a_part() {
    let declared = [("cache-control", "max-age=10000")];
    let plain = Stored::new(Policy::from_headers(), &declared).await;
    assert_eq!(plain.range(), (LIFETIME, LIFETIME));
    // The route has the shorter one, or the handler.
    let longer = [("cache-control", "max-age=20000")];
    assert_ne!(Stored::new(routes(), &longer).await.range().0, LIFETIME);
    let shorter = [("cache-control", "max-age=100")];
    assert_eq!(Stored::new(routes(), &shorter).await.range(), (100, 100));
    let chosen = Policy::from_headers().jitter(0.5);
    let (shortest, longest) = Stored::new(chosen, &declared).await.range();
    assert!(LIFETIME / 2 <= shortest && longest <= LIFETIME);
    assert!(shortest < LIFETIME * 6 / 10, "{shortest}");
    let none = Stored::new(routes().jitter(0.0), &[]).await;
    assert_eq!(none.range(), (LIFETIME, LIFETIME));
}

#[tokio::test]
async fn what_a_handler_asks_for_at_most_is_not_shortened_further() {
    let clock = Clock::new();
    let cache = Cache::builder().clock(clock.clone()).build().unwrap();
    let policy = routes().cache_status(StatusHeader::On);
    let origin = Origin::new(with(&cache, policy), |request| {
        let context = CacheContext::from_extensions(request.extensions());
        context.unwrap().at_most(SECOND * 100);
        crate::origin::response(200, &[], "")
    });
    for number in 0..50 {
        let uri = format!("/{number}");
        origin.get(&uri).await;
        let hit = origin.get(&uri).await;
        let said = field(&hit, "cache-status").unwrap();
        assert_eq!(said, "tower-coherence; hit; ttl=100");
    }
}
