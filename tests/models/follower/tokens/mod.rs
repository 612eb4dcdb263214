//! P4 over the production follower, log and rules of tokens: two instances that
//! write and serve one key, and clients that carry the token of a write from one
//! to the other. And the same with one mistake in it.

/// What may happen, and how often: the bounds of a search.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Bounds {
    second: Second,
    ears: Ears,
    /// How many of the two instances write.
    writers: usize,
    writes: u8,
    /// Writes of something else, by a client that carries the tokens of all writes.
    other_writes: u8,
    /// Batches that one write becomes.
    parts: u8,
    /// Appends whose acknowledgement is lost: the batch is sent again.
    unheard: u8,
    /// Of each instance, those before the search begins included.
    questions: u64,
    /// Questions and answers of one instance that travel at a time.
    letters: usize,
    forgets: u8,
    replications: u8,
    failovers: u8,
    wipes: u8,
    trims: u8,
}

/// What the second instance knows when the search begins.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Second {
    /// What the first one knows.
    Follows,
    /// Nothing: it has still to ask.
    ComesLate,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Ears {
    Open,
    /// Each ring is lost.
    Shut,
}

/// How the rules are used. The default is how the crate does it; each other choice
/// is a mistake.
#[derive(Clone, Copy, Debug, Default)]
struct Usage {
    order: Order,
    held: Held,
    carried: Carried,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Order {
    #[default]
    RaiseFirst,
    RecordFirst,
}

/// Which entries count as applied.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Held {
    #[default]
    Recorded,
    /// All up to the position.
    UpToThePosition,
}

/// The tokens that a write carries, in the response of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Carried {
    /// Those that the instance does not satisfy go along: the new one stands for the
    /// others.
    #[default]
    Along,
    /// The new one stands for all.
    Dropped,
}

/// What a search found: for each property the shortest way to its discovery.
#[derive(Debug)]
struct Found {
    older: Option<String>,
    satisfied: Option<String>,
    refused: Option<String>,
}

impl Found {
    /// Everything was searched and nothing older is answered, and tokens are
    /// satisfied, and refused where that matters.
    #[track_caller]
    fn is_right(&self) {
        assert_eq!(self.older, None);
        assert!(
            self.satisfied.is_some() && self.refused.is_some(),
            "{self:?}"
        );
    }

    #[track_caller]
    fn is_caught(&self) {
        let way = self.older.as_deref();
        println!("  {}", way.expect("the mistake is noticed"));
    }
}

/// The production files, with the follower and the file of rules that are named.
macro_rules! variant {
    ($name:ident, $follower:ident, $rules:literal) => {
        #[path = "."]
        mod $name {
            use crate::$follower::{follower, local, servers};
            #[path = "."]
            mod tokens {
                #[path = $rules]
                pub(super) mod rules;
                #[path = "../../../../src/coherence/tokens/satisfied.rs"]
                pub(super) mod satisfied;
            }
            mod world;
            use self::world::{P4, REFUSED, SATISFIED, World};
            use super::{Bounds, Found, Usage};

            /// Searches everything inside the bounds, or until a failure.
            pub(super) fn search(name: &str, bounds: Bounds, usage: Usage) -> Found {
                let world = World { bounds, usage };
                let found = crate::search::breadth_first(name, world, &bounds, &[P4]);
                Found {
                    older: found(P4),
                    satisfied: found(SATISFIED),
                    refused: found(REFUSED),
                }
            }
        }
    };
}

variant!(
    as_it_is,
    production,
    "../../../../src/coherence/tokens/rules.rs"
);
variant!(by_number, production, "../broken/tokens_by_number.rs");
variant!(any_ring, production, "../broken/tokens_of_any_ring.rs");
variant!(any_answer, production, "../broken/tokens_of_any_answer.rs");
variant!(
    adopts_quietly,
    follower_adopts_quietly,
    "../../../../src/coherence/tokens/rules.rs"
);

/// Nothing breaks. Two writes, on any instance.
const QUIET: Bounds = Bounds {
    second: Second::Follows,
    ears: Ears::Open,
    writers: 2,
    writes: 2,
    other_writes: 0,
    parts: 1,
    unheard: 0,
    questions: 2,
    letters: 1,
    forgets: 0,
    replications: 0,
    failovers: 0,
    wipes: 0,
    trims: 0,
};
/// One write of two batches, either of which may stand in the log twice.
const PARTS: Bounds = Bounds {
    writers: 1,
    writes: 1,
    parts: 2,
    unheard: 1,
    ..QUIET
};
/// Here and after a failover: enough writes for the numbers to fit again.
const WIPES: Bounds = Bounds {
    writers: 1,
    wipes: 1,
    ..QUIET
};
const FAILOVERS: Bounds = Bounds {
    writers: 1,
    writes: 3,
    ears: Ears::Shut,
    replications: 1,
    failovers: 1,
    ..QUIET
};
const TRIMS: Bounds = Bounds {
    writers: 1,
    trims: 1,
    ..QUIET
};
/// Questions and answers that come late.
const LATE: Bounds = Bounds {
    writes: 1,
    questions: 3,
    letters: 2,
    ears: Ears::Shut,
    ..QUIET
};
/// An instance that begins anew, and one that comes late.
const STARTS: Bounds = Bounds {
    writers: 1,
    second: Second::ComesLate,
    writes: 1,
    forgets: 1,
    ..QUIET
};

/// A token that stands for others too, and a failover that may lose their writes.
const CARRIED: Bounds = Bounds {
    ears: Ears::Shut,
    writes: 1,
    other_writes: 1,
    replications: 1,
    failovers: 1,
    ..QUIET
};

fn rightly() -> Usage {
    Usage::default()
}

#[test]
fn with_its_token_nobody_is_answered_with_less_than_the_write() {
    as_it_is::search("tokens", QUIET, rightly()).is_right();
}

#[test]
fn with_its_token_nobody_is_answered_with_less_than_a_write_of_two_batches() {
    as_it_is::search("tokens of two batches", PARTS, rightly()).is_right();
}

#[test]
fn with_its_token_nobody_is_answered_with_less_than_the_write_after_a_wipe() {
    as_it_is::search("tokens, wipe", WIPES, rightly()).is_right();
}

#[test]
fn with_its_token_nobody_is_answered_with_less_than_a_write_that_a_failover_lost() {
    as_it_is::search("tokens, failover", FAILOVERS, rightly()).is_right();
}

#[test]
fn with_its_token_nobody_is_answered_with_less_than_the_write_from_a_trimmed_log() {
    as_it_is::search("tokens, trims", TRIMS, rightly()).is_right();
}

#[test]
fn with_its_token_nobody_is_answered_with_less_than_the_write_by_late_answers() {
    as_it_is::search("tokens, late answers", LATE, rightly()).is_right();
}

#[test]
fn with_its_token_nobody_is_answered_with_less_than_the_write_by_who_comes_late() {
    as_it_is::search("tokens, starts", STARTS, rightly()).is_right();
}

#[test]
fn with_its_token_nobody_is_answered_with_less_than_what_the_writer_carried() {
    as_it_is::search("tokens, carried", CARRIED, rightly()).is_right();
}

#[test]
fn a_token_is_satisfied_by_rings_alone_and_by_questions_alone() {
    let rings = Bounds {
        questions: 1,
        ..QUIET
    };
    as_it_is::search("tokens by rings", rings, rightly()).is_right();
    let questions = Bounds {
        ears: Ears::Shut,
        ..QUIET
    };
    as_it_is::search("tokens by questions", questions, rightly()).is_right();
}

#[test]
fn the_model_catches_tokens_that_are_compared_by_number() {
    by_number::search("tokens by number", WIPES, rightly()).is_caught();
}

#[test]
fn the_model_catches_tokens_that_are_compared_by_number_after_a_failover() {
    by_number::search("tokens by number, failover", FAILOVERS, rightly()).is_caught();
}

#[test]
fn the_model_catches_a_token_of_a_head_that_was_adopted_without_everything() {
    adopts_quietly::search("adopts quietly, trims", TRIMS, rightly()).is_caught();
    adopts_quietly::search("adopts quietly, starts", STARTS, rightly()).is_caught();
}

#[test]
fn the_model_catches_a_ring_that_counts_as_applied_without_what_came_before_it() {
    any_ring::search("any ring", PARTS, rightly()).is_caught();
}

#[test]
fn the_model_catches_an_answer_that_counts_as_applied_though_it_was_dropped() {
    any_answer::search("any answer", LATE, rightly()).is_caught();
}

#[test]
fn the_model_catches_an_entry_that_counts_as_applied_before_the_cells_are_raised() {
    let usage = Usage {
        order: Order::RecordFirst,
        ..rightly()
    };
    as_it_is::search("record first", QUIET, usage).is_caught();
}

#[test]
fn the_model_catches_a_token_that_any_later_position_satisfies() {
    let usage = Usage {
        held: Held::UpToThePosition,
        ..rightly()
    };
    as_it_is::search("later position", WIPES, usage).is_caught();
}

#[test]
fn the_model_catches_a_token_that_stands_for_others_that_are_not_applied() {
    let usage = Usage {
        carried: Carried::Dropped,
        ..rightly()
    };
    as_it_is::search("carried and dropped", CARRIED, usage).is_caught();
}
