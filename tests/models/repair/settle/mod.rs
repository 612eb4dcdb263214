//! A handler that reads a replica that lags, and the notes that keep what it reads
//! too early from being stored.

mod environment;

use environment::{Adoption, Counted, Environment, Left, Order};

/// What a search found: for each property the shortest way to its discovery.
#[derive(Debug)]
struct Found {
    old: Option<String>,
    stored: Option<String>,
    refused: Option<String>,
    soft: Option<String>,
}

impl Found {
    /// Everything was searched, and nothing old is stored; but what is new is, and
    /// there was something to refuse.
    #[track_caller]
    fn is_right(&self) {
        assert_eq!(self.old, None);
        assert!(self.stored.is_some() && self.refused.is_some(), "{self:?}");
    }

    /// Something old is stored, and this is the shortest way to it.
    #[track_caller]
    fn is_caught(&self) {
        println!("  {}", self.old.as_deref().expect("the mistake is noticed"));
    }
}

/// The production notes, with the file of rules that is named and room for as many.
macro_rules! variant {
    ($name:ident, $rules:literal, $most:literal) => {
        #[path = "."]
        #[allow(dead_code, reason = "production files, of which a model uses a part")]
        mod $name {
            const MAX_NOTES: usize = $most;
            /// In order, so that equal notes look alike.
            type Latest = std::collections::BTreeMap<u128, crate::clock::Moment>;
            use super::environment;
            #[path = "../../../../src/cache/settling/notes.rs"]
            mod notes;
            #[path = $rules]
            mod rules;
            mod world;

            pub(super) fn search(
                name: &str,
                bounds: super::Left,
                environment: super::Environment,
            ) -> super::Found {
                use self::world::*;
                let world = World {
                    bounds,
                    environment,
                };
                let found = crate::search::breadth_first(name, world, &bounds, &[]);
                super::Found {
                    old: found(FRESH),
                    stored: found(STORED),
                    refused: found(REFUSED),
                    soft: found(SOFT),
                }
            }
        }
    };
}

variant!(production, "../../../../src/cache/settling/rules.rs", 2);
variant!(ends_early, "broken/ends_early.rs", 2);
variant!(goes_back, "broken/goes_back.rs", 2);
variant!(forgets, "broken/forgets.rs", 2);

/// A write that is applied by the writer and heard of besides.
const HEARD: Left = Left {
    ticks: 3,
    writes: 1,
    softs: 0,
    others: 0,
    adoptions: 0,
    fills: 2,
    repeats: 1,
};

/// Two writes that are applied side by side.
const WRITES: Left = Left {
    writes: 2,
    fills: 1,
    repeats: 0,
    ..HEARD
};

/// A soft invalidation while a fill is under way, and a hard one.
const SOFTS: Left = Left {
    softs: 1,
    fills: 1,
    repeats: 0,
    ..HEARD
};

/// A write that is heard of by nothing but an adopted position.
const ADOPTIONS: Left = Left {
    writes: 0,
    adoptions: 1,
    others: 1,
    fills: 1,
    repeats: 0,
    ..HEARD
};

/// Other names, for which notes are dropped.
const OTHERS: Left = Left {
    others: 2,
    fills: 1,
    repeats: 0,
    ..HEARD
};

fn as_it_is() -> Environment {
    Environment::default()
}

#[test]
fn nothing_that_a_lagging_replica_said_too_early_is_stored() {
    production::search("heard", HEARD, as_it_is()).is_right();
}

#[test]
fn nothing_old_is_stored_while_two_writes_are_applied_side_by_side() {
    production::search("writes", WRITES, as_it_is()).is_right();
}

#[test]
fn nothing_old_is_stored_as_new_when_a_soft_invalidation_comes_meanwhile() {
    let found = production::search("softs", SOFTS, as_it_is());
    found.is_right();
    assert!(found.soft.is_some());
}

#[test]
fn nothing_old_is_stored_after_a_position_was_adopted() {
    production::search("adoptions", ADOPTIONS, as_it_is()).is_right();
}

#[test]
fn nothing_old_is_stored_when_notes_are_dropped() {
    production::search("others", OTHERS, as_it_is()).is_right();
}

#[test]
fn the_model_catches_a_note_that_comes_after_the_cells_are_raised() {
    let environment = Environment {
        order: Order::RaiseFirst,
        ..as_it_is()
    };
    production::search("raise first", HEARD, environment).is_caught();
}

#[test]
fn the_model_catches_a_window_that_is_counted_from_the_end_of_a_fill() {
    let environment = Environment {
        counted: Counted::FromTheEnd,
        ..as_it_is()
    };
    production::search("from the end", HEARD, environment).is_caught();
}

#[test]
fn the_model_catches_an_adopted_position_that_starts_no_window() {
    let environment = Environment {
        adoption: Adoption::LeavesNoNote,
        ..as_it_is()
    };
    production::search("no window", ADOPTIONS, environment).is_caught();
}

#[test]
fn the_model_catches_a_window_that_ends_as_long_as_the_replica_may_lag() {
    ends_early::search("ends early", HEARD, as_it_is()).is_caught();
}

#[test]
fn the_model_catches_a_note_that_goes_back_in_time() {
    goes_back::search("goes back", WRITES, as_it_is()).is_caught();
}

#[test]
fn the_model_catches_a_note_that_is_forgotten_while_a_fill_needs_it() {
    forgets::search("forgets", OTHERS, as_it_is()).is_caught();
}
