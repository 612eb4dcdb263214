//! The production follower over the production log, in all states that a small
//! world can reach, breadth first. And the same world with one mistake in it,
//! for each mistake that must not be made.

#![allow(
    clippy::duplicate_mod,
    reason = "a variant is the production files with one of them replaced"
)]

#[path = "../src/position.rs"]
#[allow(dead_code, reason = "a production file, of which a model uses a part")]
mod position;

#[allow(
    dead_code,
    unreachable_pub,
    reason = "a production file, of which a model uses a part"
)]
#[path = "models/follower"]
mod bus {
    #[path = "../../../src/bus/engine.rs"]
    mod engine;
    #[path = "../../../src/bus/members.rs"]
    mod members;
    pub(crate) use engine::{Answer, Form, LogEntry, Question, Verdict};
    pub(crate) use members::{Census, Checkpoint, Inquiry, List, Report, Standing, Stands};
}

#[path = "../src/clock.rs"]
#[allow(dead_code, reason = "a production file, of which a model uses a part")]
mod clock;

/// Two bounds alone are enough to see what goes wrong with one.
mod coherence {
    pub(crate) const ALONE_FOR: u32 = 2;
}

#[path = "../src/error.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    reason = "a production file, of which a model uses a part"
)]
mod error;

#[path = "../src/token.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    reason = "a production file, of which a model uses a part"
)]
mod token;

#[path = "models/search.rs"]
mod search;

#[path = "models/follower/environment.rs"]
mod environment;

#[path = "models/follower/alone.rs"]
mod alone;

/// Writes and their tokens.
#[path = "models/follower/tokens/mod.rs"]
mod tokens;

use environment::{
    Alone, Environment, FillTime, Hit, Identification, Left, Order, Own, ProofTime, Start, StartUp,
    Trips, Writer,
};

/// The production files, with the two files of rules that are named.
macro_rules! variant {
    ($name:ident, $log_rules:literal, $follower_rules:literal) => {
        #[path = "models/follower"]
        #[allow(dead_code, reason = "production files, of which a model uses a part")]
        mod $name {
            #[path = "."]
            pub(super) mod local {
                #[path = "../../../src/bus/local/log.rs"]
                mod log;
                #[path = "../../../src/bus/local/members.rs"]
                mod members;
                #[path = $log_rules]
                mod rules;
                pub(crate) use self::log::{Limits, Log, Spare, Weigh};
                pub(crate) use self::rules::Identity;
            }
            #[path = "."]
            pub(super) mod follower {
                #[path = "../../../src/coherence/follower/history.rs"]
                mod history;
                #[path = "../../../src/coherence/follower/machine.rs"]
                mod machine;
                #[path = $follower_rules]
                mod rules;
                #[path = "../../../src/coherence/follower/step.rs"]
                mod step;
                pub(crate) use self::machine::Follower;
                pub(crate) use self::step::{Invalidation, Step};
            }
            pub(super) mod servers;
            mod world;
            use self::world::{ALONE, EARNED, P3, SERVES, World};
            use crate::environment::{Environment, Left};

            /// Searches everything inside the bounds, or until a failure.
            pub(super) fn search(
                name: &str,
                bounds: Left,
                environment: Environment,
            ) -> crate::Found {
                let world = World {
                    bounds,
                    environment,
                };
                let found = crate::search::breadth_first(name, world, &bounds, &[P3]);
                crate::Found {
                    stale: found(P3),
                    unearned: found(EARNED),
                    serves: found(SERVES),
                    alone: found(ALONE),
                }
            }
        }
    };
}

/// What a search found: for each property the shortest way to its discovery.
#[derive(Debug)]
struct Found {
    stale: Option<String>,
    unearned: Option<String>,
    serves: Option<String>,
    alone: Option<String>,
}

variant!(
    production,
    "../../../src/bus/local/rules.rs",
    "../../../src/coherence/follower/rules.rs"
);
variant!(
    log_knows_by_number,
    "broken/log_knows_by_number.rs",
    "../../../src/coherence/follower/rules.rs"
);
variant!(
    log_knows_the_run_only,
    "broken/log_knows_the_run_only.rs",
    "../../../src/coherence/follower/rules.rs"
);
variant!(
    log_ignores_identity,
    "broken/log_ignores_identity.rs",
    "../../../src/coherence/follower/rules.rs"
);
variant!(
    log_starts_empty,
    "broken/log_starts_empty.rs",
    "../../../src/coherence/follower/rules.rs"
);
variant!(
    follower_counts,
    "../../../src/bus/local/rules.rs",
    "broken/follower_counts.rs"
);
variant!(
    follower_takes_late_answers,
    "../../../src/bus/local/rules.rs",
    "broken/follower_takes_late_answers.rs"
);
variant!(
    follower_adopts_quietly,
    "../../../src/bus/local/rules.rs",
    "broken/follower_adopts_quietly.rs"
);

impl Found {
    /// Everything was searched and no promise is broken, and the world is not so
    /// small that nothing is ever served in it.
    #[track_caller]
    fn is_right(&self) {
        assert_eq!((&self.stale, &self.unearned), (&None, &None));
        assert!(
            self.serves.is_some(),
            "nothing is served: the bounds are too small"
        );
    }

    /// Something stale is served, and this is the shortest way to it.
    #[track_caller]
    fn is_caught(&self) {
        println!("  {self:?}");
        assert!(self.stale.is_some());
    }
}

/// A running instance, a server and a replica that lags, a change between them,
/// and back.
const FAILOVERS: Left = Left {
    start: Start::Running,
    instances: 1,
    writer: Writer::Outside,
    letters: 1,
    ticks: 3,
    questions: 3,
    key_writes: 1,
    other_writes: 1,
    foreign_writes: 0,
    fills: 0,
    failovers: 2,
    replications: 1,
    wipes: 0,
    trims: 0,
};

/// A server that is wiped, with enough writes for the numbers to fit again.
const WIPES: Left = Left {
    failovers: 0,
    replications: 0,
    wipes: 1,
    other_writes: 2,
    ..FAILOVERS
};

/// A server that is trimmed, and written to by others.
const TRIMS: Left = Left {
    failovers: 0,
    replications: 0,
    trims: 2,
    other_writes: 0,
    foreign_writes: 1,
    ..FAILOVERS
};

/// A start without a log, and a key that is stored before the first answer.
const STARTS: Left = Left {
    start: Start::Fresh,
    failovers: 0,
    replications: 0,
    other_writes: 0,
    fills: 1,
    wipes: 1,
    ..FAILOVERS
};

/// Questions and answers that come late.
const LATE: Left = Left {
    letters: 2,
    questions: 4,
    failovers: 0,
    replications: 0,
    wipes: 1,
    other_writes: 0,
    ..FAILOVERS
};

/// A deaf instance, and a fill that takes its time.
const FILLS: Left = Left {
    ticks: 4,
    questions: 2,
    failovers: 0,
    replications: 0,
    wipes: 1,
    other_writes: 0,
    fills: 1,
    ..FAILOVERS
};

/// Two instances, of which one may come late.
const TWO: Left = Left {
    instances: 2,
    questions: 2,
    other_writes: 0,
    failovers: 1,
    replications: 0,
    ..FAILOVERS
};

/// Two instances that write: each has its own entries, and those of the other.
const TWO_WRITE: Left = Left {
    start: Start::BothRunning,
    writer: Writer::AnyInstance,
    ..TWO
};

const TWO_WRITE_AND_A_WIPE: Left = Left {
    failovers: 0,
    wipes: 1,
    ..TWO_WRITE
};

fn as_it_is() -> Environment {
    Environment::default()
}

#[test]
fn nothing_stale_is_served_later_than_the_bound_whatever_fails_over_and_back() {
    production::search("failovers", FAILOVERS, as_it_is()).is_right();
}

#[test]
fn nothing_stale_is_served_later_than_the_bound_after_a_wipe() {
    production::search("wipes", WIPES, as_it_is()).is_right();
}

#[test]
fn nothing_stale_is_served_later_than_the_bound_from_a_trimmed_log() {
    production::search("trims", TRIMS, as_it_is()).is_right();
}

#[test]
fn nothing_stale_is_served_later_than_the_bound_with_late_answers() {
    production::search("late answers", LATE, as_it_is()).is_right();
}

#[test]
fn nothing_stale_is_served_later_than_the_bound_after_a_start() {
    production::search("starts", STARTS, as_it_is()).is_right();
}

#[test]
fn nothing_stale_is_served_later_than_the_bound_by_two_instances() {
    production::search("two instances", TWO, as_it_is()).is_right();
}

#[test]
fn nothing_stale_is_served_later_than_the_bound_by_two_instances_that_write() {
    production::search("two write", TWO_WRITE, as_it_is()).is_right();
}

#[test]
fn nothing_stale_is_served_later_than_the_bound_by_two_instances_that_write_to_a_wiped_log() {
    production::search("two write, wipe", TWO_WRITE_AND_A_WIPE, as_it_is()).is_right();
}

#[test]
fn nothing_stale_is_served_later_than_the_bound_by_a_deaf_instance() {
    let found = production::search("fills", FILLS, as_it_is());
    found.is_right();
    assert!(found.alone.is_some(), "nothing is served alone: {found:?}");
}

#[test]
fn the_model_catches_a_fill_that_proves_as_of_its_end() {
    let environment = Environment {
        fill_time: FillTime::Ended,
        ..as_it_is()
    };
    production::search("as of the end", FILLS, environment).is_caught();
}

#[test]
fn the_model_catches_a_deaf_instance_that_answers_for_as_long_as_it_may_be_alone() {
    let environment = Environment {
        alone: Alone::SinceTheProof,
        ..as_it_is()
    };
    production::search("since the proof", FILLS, environment).is_caught();
}

#[test]
fn the_model_catches_a_writer_that_waits_for_its_own_entry_and_skips_it() {
    let environment = Environment {
        own: Own::NeverApplied,
        ..as_it_is()
    };
    production::search("own never applied", TWO_WRITE, environment).is_caught();
}

#[test]
fn the_model_catches_a_follower_that_goes_by_the_next_number() {
    follower_counts::search("next number", WIPES, as_it_is()).is_caught();
}

#[test]
fn the_model_catches_a_log_that_compares_by_number_only() {
    log_knows_by_number::search("number only", WIPES, as_it_is()).is_caught();
}

#[test]
fn the_model_catches_head_and_entries_in_two_round_trips() {
    let environment = Environment {
        trips: Trips::Two,
        ..as_it_is()
    };
    production::search("two trips", FAILOVERS, environment).is_caught();
}

#[test]
fn the_model_catches_a_log_that_knows_a_server_by_its_run_alone() {
    log_knows_the_run_only::search("run alone", FAILOVERS, as_it_is()).is_caught();
}

#[test]
fn the_model_catches_a_log_without_an_identity() {
    log_ignores_identity::search("no identity", FAILOVERS, as_it_is()).is_caught();
}

#[test]
fn the_model_catches_an_identity_that_the_follower_checks() {
    let environment = Environment {
        identification: Identification::ByTheFollower,
        ..as_it_is()
    };
    log_ignores_identity::search("follower's identity", FAILOVERS, environment).is_caught();
}

#[test]
fn the_model_catches_a_flush_that_comes_before_the_question() {
    let environment = Environment {
        start_up: StartUp::FlushThenAsk,
        ..as_it_is()
    };
    follower_adopts_quietly::search("flush then ask", STARTS, environment).is_caught();
}

#[test]
fn the_model_catches_a_late_joiner_that_adopts_without_everything() {
    follower_adopts_quietly::search("late joiner", STARTS, as_it_is()).is_caught();
}

#[test]
fn the_model_catches_a_log_that_starts_empty() {
    log_starts_empty::search("empty log", WIPES, as_it_is()).is_caught();
}

#[test]
fn the_model_catches_a_hit_path_without_the_proof() {
    let environment = Environment {
        hit: Hit::WithoutProof,
        ..as_it_is()
    };
    production::search("no proof", WIPES, environment).is_caught();
}

#[test]
fn the_model_catches_a_proof_that_is_published_before_the_cells_are_raised() {
    let environment = Environment {
        order: Order::ProveFirst,
        ..as_it_is()
    };
    production::search("proof first", WIPES, environment).is_caught();
}

#[test]
fn the_model_catches_a_proof_as_of_the_answers_arrival() {
    let environment = Environment {
        proof_time: ProofTime::Received,
        ..as_it_is()
    };
    production::search("as of arrival", LATE, environment).is_caught();
}

#[test]
fn the_model_catches_a_late_answer_that_is_taken_for_a_new_one() {
    follower_takes_late_answers::search("late answer taken", LATE, as_it_is()).is_caught();
}
