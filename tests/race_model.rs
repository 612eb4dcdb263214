//! The race core under a model checker: the files of `src/store/race/`, as they
//! are, with the primitives of shuttle, over a shelf that also evicts at random.
//!
//! `core!(sound)` is the core as it ships. Each other one has exactly one file
//! swapped for a broken one from `models/race/broken/`, and the model has to
//! notice. Bounds: two to four threads, three keys of up to two names, at most
//! five operations a thread; random and PCT schedules, and all of the two smallest
//! scenarios. The numbers are printed.
//! shuttle knows sequentially consistent memory only.

#![allow(
    clippy::duplicate_mod,
    reason = "each broken core is the sound one but for one file"
)]

use shuttle::scheduler::{DfsScheduler, PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, FailurePersistence, Runner};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The core in a module of its own, with the named file taken from elsewhere.
macro_rules! core {
    ($name:ident $($swap:tt)*) => {
        #[path = "../src/store/race"]
        #[allow(
            dead_code,
            unused_imports,
            reason = "the crate uses all of the core, a model only what it is about"
        )]
        pub(crate) mod $name {
            core!(@files ($($swap)*) apply bind bond borne cell core fill flight flights hit in_flight
                lead listen lock look name prove registry renew rules sweep tick verdict wait);
            pub(crate) mod primitives {
                pub(crate) use shuttle::sync::atomic::{AtomicU64, Ordering};
                pub(crate) use shuttle::sync::{Arc, Mutex, MutexGuard};
            }
            #[path = "../../../tests/models/race/mod.rs"]
            pub(crate) mod model;
        }
    };
    (@files $swap:tt $($file:ident)*) => { $(core!(@file $file $swap);)* };
    (@file apply (apply = $path:literal)) => { #[path = $path] mod apply; };
    (@file fill (fill = $path:literal)) => { #[path = $path] mod fill; };
    (@file hit (hit = $path:literal)) => { #[path = $path] mod hit; };
    (@file listen (listen = $path:literal)) => { #[path = $path] mod listen; };
    (@file look (look = $path:literal)) => { #[path = $path] mod look; };
    (@file prove (prove = $path:literal)) => { #[path = $path] mod prove; };
    (@file renew (renew = $path:literal)) => { #[path = $path] mod renew; };
    (@file rules (rules = $path:literal)) => { #[path = $path] mod rules; };
    (@file verdict (verdict = $path:literal)) => { #[path = $path] mod verdict; };
    (@file wait (wait = $path:literal)) => { #[path = $path] mod wait; };
    (@file $file:ident $swap:tt) => { mod $file; };
}

core!(sound);
core!(early_clock apply = "../../../tests/models/race/broken/early_clock.rs");
core!(late_reading fill = "../../../tests/models/race/broken/late_reading.rs");
core!(unregistered fill = "../../../tests/models/race/broken/unregistered.rs");
core!(late_memory hit = "../../../tests/models/race/broken/late_memory.rs");
core!(late_proof look = "../../../tests/models/race/broken/late_proof.rs");
core!(early_proof prove = "../../../tests/models/race/broken/early_proof.rs");
core!(unlooked renew = "../../../tests/models/race/broken/unlooked.rs");
core!(forgotten_names renew = "../../../tests/models/race/broken/forgotten_names.rs");
core!(written rules = "../../../tests/models/race/broken/written.rs");
core!(no_floor rules = "../../../tests/models/race/broken/no_floor.rs");
core!(low_tombstone rules = "../../../tests/models/race/broken/low_tombstone.rs");
core!(narrow_bound rules = "../../../tests/models/race/broken/narrow_bound.rs");
core!(later_than_arrival verdict = "../../../tests/models/race/broken/later_than_arrival.rs");
core!(timeless_verdict verdict = "../../../tests/models/race/broken/timeless_verdict.rs");
core!(lost_wake listen = "../../../tests/models/race/broken/lost_wake.rs");
core!(dropped_heir wait = "../../../tests/models/race/broken/dropped_heir.rs");

/// Schedules of each kind that the sound core has to stand, and that a broken one
/// has to fall within.
const SCHEDULES: usize = 5_000;
const SCHEDULES_TO_CATCH: usize = 20_000;
/// More than there are.
const ALL_SCHEDULES: usize = 50_000;
const PREEMPTIONS: usize = 3;
const SEED: u64 = 9111;

fn run(scheduler: impl Scheduler + 'static, scenario: fn()) -> Result<usize, (usize, String)> {
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = {
        let runs = Arc::clone(&runs);
        move || {
            runs.fetch_add(1, Ordering::Relaxed);
            scenario();
        }
    };
    let mut config = Config::default();
    config.failure_persistence = FailurePersistence::None;
    let runner = Runner::new(scheduler, config);
    let outcome = catch_unwind(AssertUnwindSafe(|| runner.run(counted)));
    let runs = runs.load(Ordering::Relaxed);
    outcome.map(|_| runs).map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
        (runs, text.unwrap_or_default())
    })
}

fn stands(what: &str, scenario: fn()) {
    let random = run(RandomScheduler::new(SCHEDULES), scenario);
    let pct = run(PctScheduler::new(PREEMPTIONS, SCHEDULES), scenario);
    println!("{what}: random {random:?}, PCT({PREEMPTIONS}) {pct:?} schedules");
    assert!(random.is_ok() && pct.is_ok(), "{what}: {random:?} {pct:?}");
}

/// Looks at all schedules, depth first.
fn stands_in_full(what: &str, scenario: fn()) {
    let all = run(DfsScheduler::new(Some(ALL_SCHEDULES), false), scenario);
    println!("{what}: all {all:?} schedules (bound {ALL_SCHEDULES})");
    assert!(all.is_ok_and(|all| all < ALL_SCHEDULES), "{what}");
}

/// The scenario must fail, and for one of the reasons named. The seeds are fixed:
/// whether a broken core is noticed is no matter of luck.
fn falls(what: &str, reasons: &[&str], scenario: fn()) {
    let random = RandomScheduler::new_from_seed(SEED, SCHEDULES_TO_CATCH);
    let pct = PctScheduler::new_from_seed(SEED, PREEMPTIONS, SCHEDULES_TO_CATCH);
    let found = run(random, scenario).and_then(|_| run(pct, scenario));
    println!("{what}: {found:?}");
    let Err((_, text)) = found else {
        panic!("{what}: not noticed in {found:?} schedules");
    };
    let expected = reasons.iter().any(|reason| text.contains(reason));
    assert!(expected, "{what}: fell for another reason: {text}");
}

#[test]
fn the_model_stands_for_a_late_fill_against_invalidations() {
    stands("race", sound::model::race);
}

#[test]
fn the_model_stands_for_tombstones_collection_and_the_floor() {
    stands("floor", sound::model::floor);
}

#[test]
fn the_model_stands_for_a_proof_read_before_the_cells() {
    stands("proof", sound::model::proof);
}

#[test]
fn the_model_stands_for_flights_over_an_evicting_shelf() {
    stands("flights", sound::model::flights);
}

#[test]
fn the_model_stands_for_waiters_that_arrive_between_writes() {
    stands("waiters", sound::model::waiters);
}

#[test]
fn the_model_stands_for_answers_that_the_handler_confirms() {
    stands("renewal", sound::model::renewal);
}

#[test]
fn every_schedule_of_one_fill_one_write_and_one_hit_keeps_the_promise() {
    stands_in_full("smallest", sound::model::smallest);
}

#[test]
fn every_schedule_of_a_landing_and_a_waiter_ends() {
    stands_in_full("landing", sound::model::landing);
}

#[test]
fn the_model_stands_for_a_lead_that_is_handed_on() {
    stands("handing on", sound::model::handing_on);
}

#[test]
fn the_model_catches_a_clock_that_is_read_after_the_handler() {
    falls("late reading", &["P1"], late_reading::model::race);
}

#[test]
fn the_model_catches_a_fill_in_flight_that_nobody_knows_of() {
    falls("unregistered", &["P1"], unregistered::model::race);
}

#[test]
fn the_model_catches_a_clock_that_is_published_before_the_cells_are_raised() {
    falls("early clock", &["P1"], early_clock::model::race);
}

#[test]
fn the_model_catches_a_hit_that_remembers_the_clock_after_comparing() {
    falls("late memory", &["P1"], late_memory::model::race);
}

#[test]
fn the_model_catches_a_cell_that_is_written_instead_of_raised() {
    falls("written", &["P1"], written::model::race);
}

#[test]
fn the_model_catches_a_collection_without_the_floor() {
    falls("no floor", &["P1"], no_floor::model::floor);
}

#[test]
fn the_model_catches_a_tombstone_below_the_floor() {
    falls("low tombstone", &["P1"], low_tombstone::model::floor);
}

#[test]
fn the_model_catches_a_bound_that_widens_nothing() {
    falls("narrow bound", &["P1"], narrow_bound::model::floor);
}

#[test]
fn the_model_catches_a_confirmation_of_what_was_invalidated() {
    falls("unlooked", &["P1"], unlooked::model::renewal);
}

#[test]
fn the_model_catches_a_renewed_answer_that_forgets_what_it_bore() {
    falls("forgotten names", &["P1"], forgotten_names::model::renewal);
}

#[test]
fn the_model_catches_cells_compared_before_the_proof_is_read() {
    falls("late proof", &["P3"], late_proof::model::proof);
}

#[test]
fn the_model_catches_a_proof_published_before_the_cells_are_raised() {
    falls("early proof", &["P3"], early_proof::model::proof);
}

#[test]
fn the_model_catches_a_waiter_judged_by_later_than_my_arrival() {
    falls(
        "later than arrival",
        &["P1"],
        later_than_arrival::model::waiters,
    );
}

#[test]
fn the_model_catches_a_verdict_that_outlives_its_clock() {
    falls(
        "timeless verdict",
        &["P1"],
        timeless_verdict::model::waiters,
    );
}

#[test]
fn the_model_catches_an_heir_that_leaves_without_passing_the_lead_on() {
    falls(
        "dropped heir",
        &["deadlock", "a flight is left"],
        dropped_heir::model::flights,
    );
}

#[test]
fn the_model_catches_a_waker_that_is_left_after_the_look_and_not_with_it() {
    falls("lost wake", &["deadlock"], lost_wake::model::landing);
}
