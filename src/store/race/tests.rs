//! The plain logic of the core, one step after the other. What threads may do to
//! it is in `tests/race_model.rs`. The tests are here and not in the files,
//! because the model includes the files with primitives of its own.

use super::primitives::Arc;
use super::rules;
use super::tick::Ticks;
use super::{
    Bond, Core, Figures, Fill, Flights, Landing, Lead, Name, Raise, Seat, Strength, Tick, Unbound,
    Validity, Verdict, Wait,
};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

fn core(max_cells: usize) -> Arc<Core> {
    Arc::new(Core::new(max_cells))
}

fn hard(name: u128) -> Raise {
    Raise {
        name: Name::Target(name),
        strength: Strength::Hard,
    }
}

fn soft(name: u128) -> Raise {
    Raise {
        name: Name::Target(name),
        strength: Strength::Soft,
    }
}

const EVERYTHING: Raise = Raise {
    name: Name::Everything,
    strength: Strength::Hard,
};

fn stored(core: &Arc<Core>, names: &[u128]) -> Bond {
    core.bind(&core.begin_fill(), names).unwrap()
}

#[test]
fn an_invalidation_kills_the_entries_that_bear_its_name_and_no_others() {
    let core = core(10);
    let (one, other) = (stored(&core, &[1, 3]), stored(&core, &[2]));
    core.apply(&[hard(1), hard(7)]);
    assert_eq!(core.validity(&one), Validity::Dead);
    assert_eq!(core.validity(&other), Validity::Valid);
    core.apply(&[EVERYTHING]);
    assert_eq!(core.validity(&other), Validity::Dead);
}

#[test]
fn a_soft_invalidation_does_not_hide_the_hard_one_before_it() {
    let core = core(10);
    let bond = stored(&core, &[1]);
    core.apply(&[soft(1)]);
    assert_eq!(core.validity(&bond), Validity::Soft);
    core.apply(&[hard(1)]);
    core.apply(&[soft(1)]);
    assert_eq!(core.validity(&bond), Validity::Dead);
}

#[test]
fn a_fill_begun_before_an_invalidation_is_not_bound_after_it() {
    let core = core(10);
    let (late, fresh) = (core.begin_fill(), core.begin_fill());
    core.apply(&[hard(1)]);
    let by = core.clock();
    let unbound = core.bind(&late, &[1, 2]).unwrap_err();
    assert_eq!(unbound, Unbound::Invalidated { by });
    assert!(core.bind(&fresh, &[2]).is_ok());
    assert!(core.bind(&core.begin_fill(), &[1]).is_ok());
}

#[test]
fn a_fill_begun_before_a_soft_invalidation_is_bound_and_reads_as_soft() {
    let core = core(10);
    let fill = core.begin_fill();
    core.apply(&[soft(1)]);
    let bond = core.bind(&fill, &[1]).unwrap();
    assert_eq!(core.validity(&bond), Validity::Soft);
}

#[test]
fn a_name_without_a_cell_leaves_a_tombstone_only_while_a_fill_is_in_flight() {
    let core = core(10);
    core.apply(&[hard(1)]);
    assert_eq!(core.figures().cells, 0);
    let fill = core.begin_fill();
    core.apply(&[hard(1)]);
    assert_eq!(core.figures().cells, 1);
    assert_eq!(core.collect(0), 0, "the fill may need it");
    drop(fill);
    assert_eq!(core.collect(0), 1);
    let figures = Figures {
        cells: 0,
        fills_in_flight: 0,
        floor: 2,
        clock: 2,
        floor_raises: 0,
    };
    assert_eq!(core.figures(), figures);
}

#[test]
fn cells_that_entries_hold_are_kept_and_exact_whatever_the_floor_says() {
    let core = core(1);
    let bond = stored(&core, &[1]);
    let fill = core.begin_fill();
    core.apply(&[hard(2)]);
    assert_eq!(core.collect(0), 0);
    let figures = core.figures();
    assert_eq!((figures.floor, figures.floor_raises), (1, 1));
    assert_eq!(core.validity(&bond), Validity::Valid);
    assert!(core.bind(&fill, &[1]).is_ok());
    drop(bond);
    let unbound = core.bind(&fill, &[3]).unwrap_err();
    assert_eq!(unbound, Unbound::Invalidated { by: Tick(1) });
    assert!(core.bind(&core.begin_fill(), &[3]).is_ok());
}

#[test]
fn at_the_bound_an_answer_is_not_stored_and_says_whether_it_was_valid() {
    let core = core(1);
    let bond = stored(&core, &[1]);
    let fill = core.begin_fill();
    let at = core.clock();
    assert_eq!(core.bind(&fill, &[1, 2]).unwrap_err(), Unbound::Full { at });
    core.apply(&[soft(1)]);
    assert_eq!(core.bind(&fill, &[1, 2]).unwrap_err(), Unbound::Full { at });
    core.apply(&[hard(1)]);
    let unbound = core.bind(&fill, &[2, 1]).unwrap_err();
    assert_eq!(unbound, Unbound::Invalidated { by: Tick(2) });
    drop(bond);
    assert!(core.bind(&core.begin_fill(), &[2]).is_ok());
    assert_eq!(core.figures().cells, 1);
}

#[test]
fn a_tombstone_gives_way_at_the_bound_and_lifts_the_floor() {
    let core = core(1);
    let fill = core.begin_fill();
    core.apply(&[hard(1)]);
    let fresh = core.begin_fill();
    assert!(core.bind(&fresh, &[2]).is_ok());
    assert_eq!(core.figures().floor_raises, 1);
    let unbound = core.bind(&fill, &[3]).unwrap_err();
    assert_eq!(unbound, Unbound::Invalidated { by: Tick(1) });
}

#[test]
fn the_number_of_cells_never_passes_the_bound() {
    for max_cells in [0, 1, 7, 5_000] {
        let core = core(max_cells);
        let fill = core.begin_fill();
        for name in 0..8_000_u128 {
            let name = name << 64 | name;
            core.apply(&[hard(name)]);
            drop(core.bind(&fill, &[name, !name]));
        }
        assert!(core.figures().cells <= max_cells);
        drop(fill);
        for shard in 0..core.shards() + 3 {
            core.collect(shard);
        }
        assert_eq!(core.figures().cells, 0);
    }
}

#[test]
fn a_look_brings_the_proof_and_an_older_proof_changes_nothing() {
    let core = core(10);
    let bond = stored(&core, &[1]);
    assert_eq!(core.look(&bond).as_of, 0);
    core.apply_then_prove(&[hard(1)], 20);
    core.prove(10);
    let look = core.look(&bond);
    assert_eq!((look.as_of, look.validity), (20, Validity::Dead));
}

#[test]
fn an_empty_batch_takes_no_tick() {
    let core = core(10);
    core.apply(&[]);
    assert_eq!(core.clock(), Tick::ZERO);
}

#[test]
fn the_rules_keep_the_higher_tick() {
    let ticks = |hard, soft| Ticks {
        hard: Tick(hard),
        soft: Tick(soft),
    };
    assert_eq!(rules::raised(ticks(3, 1), ticks(2, 2)), ticks(3, 2));
    assert_eq!(rules::first(ticks(0, 5), Tick(4)), ticks(4, 5));
    assert_eq!(
        rules::floor_after_dropping(Tick(4), ticks(1, 6)),
        Tick(6),
        "a soft tick counts as well"
    );
    assert_eq!(rules::floor_at_the_bound(Tick(4), Tick(3)), Tick(4));
    assert!(rules::drops_freely(ticks(9, 9), None));
    assert!(rules::drops_freely(ticks(2, 3), Some(Tick(3))));
    assert!(!rules::drops_freely(ticks(2, 4), Some(Tick(3))));
}

type Key = &'static str;
type Seats = (Arc<Flights<Key, u8>>, Lead<Key, u8>, Vec<Wait<Key, u8>>);

fn seats(readings: &[Tick]) -> Seats {
    let flights = Arc::new(Flights::default());
    let Seat::Lead(lead) = flights.join("key", Tick::ZERO) else {
        panic!("the first one leads");
    };
    let waits = readings
        .iter()
        .map(|reading| match flights.join("key", *reading) {
            Seat::Wait(wait) => wait,
            Seat::Lead(_) => panic!("there is a leader"),
        })
        .collect();
    (flights, lead, waits)
}

#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn poll(wait: &mut Wait<Key, u8>, woken: &Arc<Woken>) -> Poll<Landing<Key, u8>> {
    let waker = Waker::from(Arc::clone(woken));
    pin!(wait).poll(&mut Context::from_waker(&waker))
}

#[test]
fn a_verdict_covers_the_requests_that_came_before_the_clock_it_knows() {
    let core = core(1);
    let fill = core.begin_fill();
    core.apply(&[hard(9)]);
    let valid = Verdict::of(fill.reading(), &core.bind(&fill, &[]));
    assert!(valid.covers(Tick(1)) && !valid.covers(Tick(2)));
    core.apply(&[soft(9)]);
    core.apply(&[EVERYTHING]);
    let invalidated = Verdict::of(fill.reading(), &core.bind(&fill, &[9]));
    assert!(invalidated.covers(Tick(0)) && !invalidated.covers(Tick(1)));
    let full = Verdict::of(Tick(1), &Err(Unbound::Full { at: Tick(3) }));
    assert!(full.covers(Tick(3)) && !full.covers(Tick(4)));
}

#[test]
fn a_softly_invalidated_answer_covers_only_those_from_before_the_fill() {
    let core = core(10);
    let fill = core.begin_fill();
    core.apply(&[soft(1)]);
    let verdict = Verdict::of(fill.reading(), &core.bind(&fill, &[1]));
    assert!(verdict.covers(fill.reading()) && !verdict.covers(core.clock()));
}

#[test]
fn a_landed_flight_wakes_all_and_shares_with_those_it_covers() {
    let (flights, lead, mut waits) = seats(&[Tick(0), Tick(1)]);
    let woken = Arc::new(Woken::default());
    for wait in &mut waits {
        assert!(poll(wait, &woken).is_pending());
        assert!(poll(wait, &woken).is_pending());
    }
    let invalidated = Verdict::of(Tick(0), &Err(Unbound::Invalidated { by: Tick(1) }));
    lead.land(7, invalidated);
    assert_eq!((woken.0.load(Ordering::Relaxed), flights.len()), (2, 0));
    assert!(matches!(
        poll(&mut waits[0], &woken),
        Poll::Ready(Landing::Shared(7))
    ));
    assert!(matches!(
        poll(&mut waits[1], &woken),
        Poll::Ready(Landing::Again)
    ));
    assert!(matches!(flights.join("key", Tick(1)), Seat::Lead(_)));
}

#[test]
fn a_released_flight_lets_all_go_on_alone() {
    let (flights, lead, mut waits) = seats(&[Tick(0), Tick(0)]);
    lead.release();
    let woken = Arc::default();
    for wait in &mut waits {
        assert!(matches!(poll(wait, &woken), Poll::Ready(Landing::Alone)));
    }
    assert_eq!(flights.len(), 0);
}

#[test]
fn a_failed_leader_is_followed_by_the_longest_waiting_one_only() {
    let (flights, lead, mut waits) = seats(&[Tick(0); 3]);
    let woken = Arc::default();
    for wait in &mut waits {
        assert!(poll(wait, &woken).is_pending());
    }
    drop(lead);
    assert_eq!(woken.0.load(Ordering::Relaxed), 1);
    drop(waits.remove(0));
    assert_eq!(woken.0.load(Ordering::Relaxed), 2, "the lead passes on");
    assert!(poll(&mut waits[1], &woken).is_pending());
    let Poll::Ready(Landing::Lead(lead)) = poll(&mut waits[0], &woken) else {
        panic!("it is to lead");
    };
    assert!(matches!(flights.join("key", Tick(0)), Seat::Wait(_)));
    drop(waits);
    assert_eq!(flights.len(), 1);
    drop(lead);
    assert_eq!(flights.len(), 0);
}

#[test]
fn a_wait_that_is_polled_after_its_end_goes_on_alone() {
    let (_, lead, mut waits) = seats(&[Tick(0)]);
    lead.land(1, Verdict::of(Tick(0), &Err(Unbound::Full { at: Tick(0) })));
    let woken = Arc::default();
    assert!(poll(&mut waits[0], &woken).is_ready());
    assert!(matches!(
        poll(&mut waits[0], &woken),
        Poll::Ready(Landing::Alone)
    ));
}

#[test]
fn what_tasks_hold_can_move_between_threads() {
    fn moves<T: Send + Sync + 'static>() {}
    moves::<Core>();
    moves::<Fill>();
    moves::<Bond>();
    moves::<Flights<String, Vec<u8>>>();
    moves::<Lead<String, Vec<u8>>>();
    moves::<Wait<String, Vec<u8>>>();
}

/// On real threads and real memory: a writer, fills that store, and hits.
#[test]
fn no_thread_is_served_what_was_invalidated_before_it_asked() {
    const ROUNDS: u64 = 2_000;
    let core = core(4);
    let (origin, applied) = (AtomicU64::new(0), AtomicU64::new(0));
    let shelf = std::sync::Mutex::new(None::<Arc<(Bond, u64)>>);
    let request = || {
        while applied.load(Ordering::SeqCst) < ROUNDS {
            let floor = applied.load(Ordering::SeqCst);
            let entry = shelf.lock().unwrap().clone();
            if let Some(entry) = entry.filter(|e| core.validity(&e.0) == Validity::Valid) {
                assert!(entry.1 >= floor);
                continue;
            }
            let fill = core.begin_fill();
            let content = origin.load(Ordering::SeqCst);
            if let Ok(bond) = core.bind(&fill, &[1, 2]) {
                *shelf.lock().unwrap() = Some(Arc::new((bond, content)));
            }
        }
    };
    thread::scope(|scope| {
        let requests = [scope.spawn(request), scope.spawn(request)];
        for version in 1..=ROUNDS {
            origin.store(version, Ordering::SeqCst);
            core.apply(&[hard(u128::from(version % 5))]);
            core.apply(&[hard(1)]);
            applied.store(version, Ordering::SeqCst);
            core.collect(0);
        }
        for thread in requests {
            thread.join().unwrap();
        }
    });
}
