//! Gives the memory of dead entries back.
//!
//! An invalidation only raises cells. What it killed keeps its place on the shelf
//! until it is pushed out, and a dead entry that was hot keeps live ones out of a
//! frequency-based shelf. So a task walks the shelves, a chunk at a time.

use super::counters::Counters;
use super::shelves::Shelves;
use super::slot::{Entry, Slot};
use crate::clock::{Clock, Moment};
use crate::store::Shelf;
use crate::store::race::{Core, Tick, Validity};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

/// How many slots are looked at, or cells collected, before other work on the
/// thread gets its turn.
const CHUNK: usize = 512;

/// The pause after a walk.
const PAUSE: Duration = Duration::from_secs(1);

/// After this many pauses without an invalidation a walk looks for what expired.
const QUIET_PAUSES: u32 = 30;

/// Walks the shelves and the cells of one cache.
pub(crate) struct Sweeper {
    pub(super) core: Arc<Core>,
    pub(super) shelves: Arc<Shelves>,
    pub(super) counters: Arc<Counters>,
    pub(super) clock: Clock,
}

impl Sweeper {
    /// Walks for ever. The owner drops it.
    pub(crate) async fn run(&self) -> Infallible {
        let mut walked = Walked {
            at: self.core.clock(),
            pauses: 0,
        };
        loop {
            self.clock.sleep(PAUSE).await;
            if walked.is_due(self.core.clock()) {
                self.walk().await;
            }
        }
    }

    /// Looks at every slot and every cell once.
    ///
    /// # Cancel safety
    ///
    /// What was removed by then is removed.
    pub(crate) async fn walk(&self) {
        for shelf in self.shelves.all() {
            self.walk_shelf(&shelf).await;
            shelf.tidy();
        }
        for shard in 0..self.core.shards() {
            self.core.collect(shard);
            tokio::task::yield_now().await;
        }
    }

    async fn walk_shelf(&self, shelf: &Shelf<Slot>) {
        for (looked_at, (fingerprint, slot)) in shelf.iter().enumerate() {
            let now = self.clock.now();
            if self.is_dead(shelf, &slot, now)
                && shelf.remove_if(fingerprint, |slot| self.is_dead(shelf, slot, now))
            {
                self.counters.swept.one();
            }
            if looked_at % CHUNK == CHUNK - 1 {
                tokio::task::yield_now().await;
            }
        }
    }

    fn is_dead(&self, shelf: &Shelf<Slot>, slot: &Slot, now: Moment) -> bool {
        match slot {
            Slot::Entry(entry) => self.is_useless(entry, now),
            Slot::Pass { until } => now >= *until,
            Slot::Variants(variants) => !variants
                .stored
                .iter()
                .any(|variant| shelf.contains(*variant)),
        }
    }

    /// Whether it will answer nobody, and the handler is not asked about it. A soft
    /// invalidation is noticed here, also of what nobody asks for.
    fn is_useless(&self, entry: &Entry, now: Moment) -> bool {
        if entry.edition.is_retired() {
            return true;
        }
        let Some(bond) = &entry.bond else {
            return true;
        };
        let soft = match self.core.validity(bond) {
            Validity::Dead => return true,
            Validity::Soft => true,
            Validity::Valid => false,
        };
        entry.is_idle(now) || (!entry.may_answer(now, soft) && entry.validators.is_empty())
    }
}

/// When the last walk was.
struct Walked {
    at: Tick,
    pauses: u32,
}

impl Walked {
    fn is_due(&mut self, clock: Tick) -> bool {
        self.pauses += 1;
        let due = clock != self.at || self.pauses >= QUIET_PAUSES;
        if due {
            *self = Self {
                at: clock,
                pauses: 0,
            };
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::super::leaving::Leaving;
    use super::super::lookup::{Ask, Found};
    use super::super::record::{Content, Draft, Recipe};
    use super::super::{Cache, Rule};
    use super::*;
    use crate::clock::SetClock;
    use crate::eviction::Eviction;
    use crate::policy::Policy;
    use crate::semantics::{Dating, Exchange, KeyParts, RouteRules, storable};
    use crate::tag::Tag;
    use http::{HeaderMap, HeaderValue, Request, StatusCode, request};

    const MINUTE: Duration = Duration::from_secs(60);

    struct Store {
        cache: Cache,
        rule: Arc<Rule>,
        clock: Arc<SetClock>,
    }

    impl Store {
        fn new(policy: Policy) -> Self {
            let clock = Arc::new(SetClock::new());
            let cache = Cache::builder()
                .max_bytes(1 << 30)
                .with_clock(Clock::Set(clock.clone()))
                .build()
                .unwrap();
            cache.shared().coherence.ensure_running();
            let rule = cache.shared().rule(policy);
            Self { cache, rule, clock }
        }

        fn sweeper(&self) -> Sweeper {
            let shared = self.cache.shared();
            Sweeper {
                core: shared.core.clone(),
                shelves: shared.shelves.clone(),
                counters: shared.counters.clone(),
                clock: shared.clock.clone(),
            }
        }

        /// Stores a small response to `/number`, as a fill does.
        fn put(&self, number: u32, tag: Option<&Tag>, lines: &[(&'static str, &'static str)]) {
            let shared = self.cache.shared();
            let request = asked(number);
            let fill = shared.core.begin_fill();
            let ask = ask(&request);
            let primary = shared.fingerprint(&self.rule, &ask);
            let headers: HeaderMap = lines
                .iter()
                .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)))
                .collect();
            let exchange = Exchange {
                method: &request.method,
                request: &request.headers,
                status: StatusCode::OK,
                response: &headers,
                targeted: &[],
            };
            let route = RouteRules {
                lifetime: Some(MINUTE),
                ..RouteRules::default()
            };
            let storable = storable(&exchange, &route, shared.clock.wall()).unwrap();
            let draft = Draft {
                status: StatusCode::OK,
                vary: storable.vary,
                lifetime: storable.freshness.lifetime,
                reuse: storable.reuse,
                validators: storable.validators,
                audience: storable.audience,
                began: shared.clock.now(),
                received: shared.clock.now(),
                initial_age: Duration::ZERO,
                leaving: Leaving::AsStored,
                dating: Dating::of(&headers, shared.clock.wall()),
                tags: tag.into_iter().cloned().collect(),
                groups: Vec::new(),
                headers,
            };
            let recipe = Recipe {
                rule: self.rule.clone(),
                key: ask.key.to_stored(),
                primary,
                selected: primary,
                request: request.clone(),
            };
            let content = Content {
                body: "x".into(),
                trailers: None,
            };
            let (_, _, stored) = shared.store(&fill, &recipe, draft, content, None, None);
            stored.unwrap();
        }

        fn serves(&self, number: u32) -> bool {
            let shared = self.cache.shared();
            shared.coherence.ensure_running();
            let request = asked(number);
            matches!(shared.look_up(&self.rule, &ask(&request)), Found::Hit(..))
        }
    }

    fn asked(number: u32) -> request::Parts {
        let request = Request::get(format!("http://h/{number}")).body(());
        request.unwrap().into_parts().0
    }

    fn ask(request: &request::Parts) -> Ask<'_> {
        Ask {
            key: KeyParts::of(&request.uri, &request.headers, None).unwrap(),
            headers: &request.headers,
            bears_token: false,
        }
    }

    /// Cause: an invalidation raises one cell, whatever hangs on it. Effect: its
    /// entries keep their memory, and in a frequency-based store keep live ones
    /// out. So a walk leaves none of them.
    #[tokio::test]
    async fn a_walk_gives_back_all_that_one_tag_took_and_keeps_what_is_alive() {
        for (dead, eviction) in [(100_000, Eviction::TinyLfu), (5_000, Eviction::Lru)] {
            let policy = Policy::from_headers().own_store(1 << 30, eviction);
            let store = Store::new(policy);
            let tag = Tag::new("t");
            let alive = dead..dead + 100;
            (0..dead).for_each(|number| store.put(number, Some(&tag), &[]));
            alive
                .clone()
                .for_each(|number| store.put(number, None, &[]));
            store.cache.invalidate_now(tag);
            let full = store.cache.stats();
            assert_eq!(full.entries, u64::from(alive.end));
            store.sweeper().walk().await;
            let swept = store.cache.stats();
            assert_eq!((swept.entries, swept.swept), (100, u64::from(dead)));
            assert!(swept.bytes * 20 < full.bytes, "{swept}");
            assert!(swept.cells <= 500, "{}", swept.cells);
            assert!(alive.clone().all(|number| store.serves(number)));
            assert!(!(0..dead).any(|number| store.serves(number)));
        }
    }

    #[tokio::test]
    async fn what_is_expired_or_leads_to_nothing_is_dead_and_what_is_soft_is_not() {
        let store = Store::new(Policy::from_headers());
        store.put(1, None, &[("cache-control", "max-age=10")]);
        let stale = [("cache-control", "max-age=60, stale-while-revalidate=30")];
        store.put(2, Some(&Tag::new("soft")), &stale);
        store.put(5, Some(&Tag::new("soft")), &[]);
        store.put(3, None, &[("vary", "x"), ("cache-control", "max-age=10")]);
        store.put(4, None, &[("vary", "x")]);
        store.put(
            6,
            None,
            &[("cache-control", "max-age=5"), ("etag", "\"a\"")],
        );
        assert_eq!(store.cache.stats().entries, 8);
        let soft = crate::target::Invalidate::tag("soft").soft();
        store.cache.invalidate_now(soft);
        store.clock.advance(Duration::from_secs(10));
        // One walk may come by an index before it comes by its variant.
        store.sweeper().walk().await;
        store.sweeper().walk().await;
        // What may be served stale is left, what the handler can be asked about, and
        // what is fresh with its index.
        assert_eq!(store.cache.stats().entries, 4);
        assert!(store.serves(4));
        store.clock.advance(Duration::from_secs(30));
        store.sweeper().walk().await;
        assert_eq!(store.cache.stats().entries, 3);
    }

    #[tokio::test]
    async fn what_nobody_asks_for_is_dead_where_the_policy_says_so() {
        for (policy, left) in [
            (Policy::from_headers(), 2),
            (Policy::from_headers().idle(Duration::from_secs(10)), 1),
        ] {
            let store = Store::new(policy);
            store.put(1, None, &[("etag", "\"a\"")]);
            store.put(2, None, &[]);
            store.clock.advance(Duration::from_secs(10));
            store.sweeper().walk().await;
            assert_eq!(store.cache.stats().entries, 2);
            assert!(store.serves(2));
            store.clock.advance(Duration::from_secs(1));
            store.sweeper().walk().await;
            assert_eq!(store.cache.stats().entries, left);
            assert!(store.serves(2));
        }
    }

    #[tokio::test]
    async fn a_walk_is_due_after_an_invalidation_or_half_a_minute() {
        let store = Store::new(Policy::from_headers());
        store.put(1, Some(&Tag::new("t")), &[]);
        store.put(2, None, &[("cache-control", "max-age=1")]);
        let sweeper = store.sweeper();
        let run = sweeper.run();
        tokio::pin!(run);
        assert!(futures_util::poll!(run.as_mut()).is_pending());
        let mut seconds = async |count| {
            for _ in 0..count {
                store.clock.advance(PAUSE);
                // A walk yields once for each shard of the cells.
                for _ in 0..store.sweeper().core.shards() + 10 {
                    assert!(futures_util::poll!(run.as_mut()).is_pending());
                }
            }
            store.cache.stats().swept
        };
        assert_eq!(seconds(29).await, 0);
        assert_eq!(seconds(1).await, 1);
        assert_eq!(seconds(5).await, 1);
        store.cache.invalidate_now(Tag::new("t"));
        assert_eq!(seconds(1).await, 2);
    }
}
