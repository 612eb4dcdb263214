//! Requests that share flights, some of which fail or hang up.

use super::super::bind::Unbound;
use super::super::bond::Validity;
use super::super::flights::{Flights, Seat};
use super::super::lead::Lead;
use super::super::name::Strength;
use super::super::tick::Tick;
use super::super::verdict::Verdict;
use super::super::wait::{Landing, Wait};
use super::world::{Arrival, Entry, Versions, World, chance, names, target};
use shuttle::future::block_on;
use shuttle::sync::Arc;
use shuttle::thread::{self, yield_now};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

const KEY: usize = 0;

struct Airport {
    world: Arc<World>,
    flights: Arc<Flights<usize, Versions>>,
    manners: Manners,
    /// Seen by the model only.
    leaders: AtomicUsize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Manners {
    /// Leaders land, waiters wait.
    Good,
    /// Leaders fail, release, or do not store; waiters hang up.
    Bad,
}

#[derive(Clone, Copy)]
enum Act {
    Request,
    Write,
}

/// Three requests for one key, and a write. All are answered or gone in the end,
/// whoever fails or hangs up, and no flight is left.
pub(crate) fn flights() {
    use Act::{Request, Write};
    fly(Manners::Bad, &[&[Request], &[Request], &[Request], &[Write]]);
}

/// One leads, another comes after a write, and there is a second write.
pub(crate) fn waiters() {
    use Act::{Request, Write};
    fly(Manners::Good, &[&[Request], &[Write, Request], &[Write]]);
}

/// A leader that lands while one waits, in the smallest form.
pub(crate) fn landing() {
    let (flights, lead, [wait]) = seats();
    land(lead);
    assert!(!wait.join().unwrap(), "it hears of the landing");
    assert_eq!(flights.len(), 0, "a flight is left");
}

/// A leader that fails while two wait: one of them leads on and lands, the other
/// one hears of it.
pub(crate) fn handing_on() {
    let (flights, lead, waits) = seats::<2>();
    drop(lead);
    let led = waits.map(|wait| wait.join().unwrap());
    assert_eq!(led.iter().filter(|led| **led).count(), 1, "one leads");
    assert_eq!(flights.len(), 0, "a flight is left");
}

type Empty = Arc<Flights<usize, ()>>;

/// A leader, and threads that wait and say whether they came to lead.
fn seats<const WAITERS: usize>() -> (Empty, Lead<usize, ()>, [thread::JoinHandle<bool>; WAITERS]) {
    let flights = Empty::default();
    let Seat::Lead(lead) = flights.join(KEY, Tick::ZERO) else {
        panic!("the first one leads");
    };
    let waits = std::array::from_fn(|_| match flights.join(KEY, Tick::ZERO) {
        Seat::Wait(wait) => thread::spawn(move || block_on(wait_or_lead(wait))),
        Seat::Lead(_) => panic!("there is a leader"),
    });
    (flights, lead, waits)
}

fn land(lead: Lead<usize, ()>) {
    let at = Tick::ZERO;
    lead.land((), Verdict::of(at, &Err(Unbound::Full { at })));
}

async fn wait_or_lead(wait: Wait<usize, ()>) -> bool {
    let Landing::Lead(lead) = wait.await else {
        return false;
    };
    land(lead);
    true
}

fn fly(manners: Manners, threads: &[&'static [Act]]) {
    let airport = Arc::new(Airport {
        world: World::new(100),
        flights: Arc::new(Flights::default()),
        manners,
        leaders: AtomicUsize::new(0),
    });
    let spawn = |acts: &&'static [Act]| {
        let (airport, acts) = (Arc::clone(&airport), *acts);
        thread::spawn(move || acts.iter().for_each(|act| airport.act(*act)))
    };
    let threads: Vec<_> = threads.iter().map(spawn).collect();
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(airport.flights.len(), 0, "a flight is left");
}

/// Takes a while, up to this many steps.
fn linger(steps: u32) {
    (0..chance(steps)).for_each(|_| yield_now());
}

impl Airport {
    fn act(&self, act: Act) {
        match act {
            Act::Request => block_on(self.request()),
            Act::Write => {
                linger(24);
                self.world.write(target(KEY), Strength::Hard);
            }
        }
    }

    async fn request(&self) {
        let arrival = self.world.arrive();
        loop {
            if self.world.hit(KEY, arrival).is_some() {
                return;
            }
            let reading = self.world.core.clock();
            let landing = match self.flights.join(KEY, reading) {
                Seat::Lead(lead) => Some(Landing::Lead(lead)),
                Seat::Wait(wait) => Impatient::new(wait, self.manners).await,
            };
            match landing {
                Some(Landing::Again) => {}
                Some(landing) => return self.answer(landing, arrival),
                None => return,
            }
        }
    }

    fn answer(&self, landing: Landing<usize, Versions>, arrival: Arrival) {
        let content = match landing {
            Landing::Lead(lead) => self.lead(lead),
            Landing::Shared(content) => content,
            Landing::Alone | Landing::Again => self.world.fill(KEY),
        };
        arrival.allows(KEY, content, Validity::Valid);
    }

    /// Fills; or gives up before or after the handler, which leaves nothing to judge.
    fn lead(&self, lead: Lead<usize, Versions>) -> Versions {
        let others = self.leaders.fetch_add(1, Ordering::Relaxed);
        assert_eq!(others, 0, "two lead at once");
        let how = match self.manners {
            Manners::Good => 3,
            Manners::Bad => chance(6),
        };
        let fill = self.world.core.begin_fill();
        let content = self.world.handler();
        linger(8);
        let bound = self.world.core.bind(&fill, &names(KEY));
        let verdict = Verdict::of(fill.reading(), &bound);
        if let Ok(bond) = bound
            && how != 2
        {
            self.world.put(KEY, Entry { bond, content });
        }
        drop(fill);
        linger(8);
        self.leaders.fetch_sub(1, Ordering::Relaxed);
        match how {
            0 => drop(lead),
            1 => lead.release(),
            _ => lead.land(content, verdict),
        }
        content
    }
}

/// A wait that may be dropped after some polls.
struct Impatient {
    wait: Option<Wait<usize, Versions>>,
    polls: Option<u32>,
}

impl Impatient {
    fn new(wait: Wait<usize, Versions>, manners: Manners) -> Self {
        let hangs_up = manners == Manners::Bad && chance(2) == 0;
        let polls = hangs_up.then(|| chance(3));
        Self {
            wait: Some(wait),
            polls,
        }
    }
}

impl Future for Impatient {
    type Output = Option<Landing<usize, Versions>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.polls == Some(0) {
            drop(self.wait.take());
        }
        self.polls = self.polls.map(|polls| polls.saturating_sub(1));
        let Some(wait) = &mut self.wait else {
            return Poll::Ready(None);
        };
        let landing = Pin::new(wait).poll(context).map(Some);
        if landing.is_pending() && self.polls.is_some() {
            context.waker().wake_by_ref();
        }
        landing
    }
}
