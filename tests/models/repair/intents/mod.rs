//! Writes that are announced, and a writer that is killed anywhere: the production log,
//! follower and [`Intents`] in all states that a small world can reach, breadth first.
//! And the same world with one mistake in it, for each mistake that must not be made.

#[path = "."]
#[allow(dead_code, reason = "production files, of which a model uses a part")]
mod local {
    #[path = "../../../../src/bus/local/log.rs"]
    mod log;
    #[path = "../../../../src/bus/local/members.rs"]
    mod members;
    #[path = "../../../../src/bus/local/rules.rs"]
    mod rules;
    pub(crate) use self::log::{Limits, Log, Spare, Weigh};
    pub(crate) use self::rules::Identity;
}

#[path = "."]
#[allow(dead_code, reason = "production files, of which a model uses a part")]
mod follower {
    #[path = "../../../../src/coherence/follower/history.rs"]
    mod history;
    #[path = "../../../../src/coherence/follower/machine.rs"]
    mod machine;
    #[path = "../../../../src/coherence/follower/rules.rs"]
    mod rules;
    #[path = "../../../../src/coherence/follower/step.rs"]
    mod step;
    pub(crate) use machine::Follower;
    pub(crate) use step::{Invalidation, Step};
}

mod environment;

use environment::{Environment, Left, Proving, Publishing};

/// The production files, with the file of rules that is named.
macro_rules! variant {
    ($name:ident, $rules:literal) => {
        #[path = "."]
        #[allow(dead_code, reason = "production files, of which a model uses a part")]
        mod $name {
            #[path = "."]
            mod intents {
                #[path = "../../../../src/coherence/intents/machine.rs"]
                mod machine;
                #[path = $rules]
                mod rules;
                pub(super) use self::machine::{Begun, Due, Heard, Intents, Order};
            }
            mod world;
            use self::world::{COVERED, ENDS, P3, RUNS_OUT, World};
            use super::environment::{Environment, Left};

            pub(super) fn search(
                name: &str,
                bounds: Left,
                environment: Environment,
            ) -> super::Found {
                let world = World {
                    bounds,
                    environment,
                };
                let found = crate::search::breadth_first(name, world, &bounds, &[COVERED, P3]);
                super::Found {
                    uncovered: found(COVERED),
                    stale: found(P3),
                    runs_out: found(RUNS_OUT),
                    ends: found(ENDS),
                }
            }
        }
    };
}

/// What a search found: for each property the shortest way to its discovery.
#[derive(Debug)]
struct Found {
    uncovered: Option<String>,
    stale: Option<String>,
    runs_out: Option<String>,
    ends: Option<String>,
}

variant!(production, "../../../../src/coherence/intents/rules.rs");
variant!(over_at_once, "broken/over_at_once.rs");
variant!(over_late, "broken/over_late.rs");
variant!(believes_any_end, "broken/believes_any_end.rs");
variant!(forgets_what_it_missed, "broken/forgets_what_it_missed.rs");
variant!(everything_is_no_loss, "broken/everything_is_no_loss.rs");

/// Nothing is stale for too long, and the search has seen what there is to see.
fn holds(found: &Found) {
    assert_eq!((&found.uncovered, &found.stale), (&None, &None));
    assert!(
        found.runs_out.is_some() && found.ends.is_some(),
        "{found:?}"
    );
}

fn caught(found: &Found) {
    let way = found.uncovered.as_ref().or(found.stale.as_ref());
    println!("{}", way.expect("the model notices"));
}

/// Of an instance that runs while the write begins.
const RUNNING: Left = Left {
    ticks: 5,
    questions: 3,
    rings: 1,
    fills: 1,
    refusals: 1,
    replications: 0,
    failovers: 0,
    wipes: 0,
};

/// Of one that starts in the middle of it.
const LATE: Left = Left {
    ticks: 6,
    rings: 0,
    ..RUNNING
};

/// With a failover that may lose what was acknowledged.
const FAILOVER: Left = Left {
    replications: 1,
    failovers: 1,
    rings: 0,
    refusals: 0,
    ..RUNNING
};

const WIPE: Left = Left {
    wipes: 1,
    rings: 0,
    refusals: 0,
    ..RUNNING
};

const LASTS: u64 = 2;

/// The instance's own routes announce their writes too.
const OWN: Environment = Environment {
    publishing: Publishing::Together,
    proving: Proving::Last,
    own: LASTS,
    late: false,
    slower: 0,
};

#[test]
fn a_writer_killed_anywhere_leaves_nothing_stale_beyond_its_intent() {
    for publishing in [Publishing::Together, Publishing::Apart] {
        let environment = Environment {
            publishing,
            ..Environment::default()
        };
        holds(&production::search("running", RUNNING, environment));
    }
}

#[test]
fn an_instance_that_starts_in_the_middle_of_a_write_learns_the_longest_time_from_the_log() {
    let late = Environment {
        late: true,
        ..Environment::default()
    };
    holds(&production::search("late", LATE, late));
}

#[test]
fn a_failover_that_loses_the_intent_is_covered_by_everything_once_more() {
    holds(&production::search("failover", FAILOVER, OWN));
}

#[test]
fn a_wipe_that_loses_the_intent_is_covered_by_everything_once_more() {
    holds(&production::search("wipe", WIPE, OWN));
}

/// The documented limit is real.
#[test]
fn a_handler_that_commits_later_than_its_intent_is_not_covered() {
    let slower = Environment {
        slower: 2,
        ..Environment::default()
    };
    let bounds = Left {
        ticks: 8,
        rings: 0,
        ..RUNNING
    };
    caught(&production::search("slower", bounds, slower));
}

/// The documented limit is real.
#[test]
fn one_that_does_not_know_the_longest_time_is_not_covered_after_a_wipe() {
    let late = Environment::default();
    caught(&production::search("wipe, unknown", WIPE, late));
}

#[test]
fn a_write_that_counts_as_over_at_once_is_caught() {
    let default = Environment::default();
    caught(&over_at_once::search("over at once", RUNNING, default));
}

#[test]
fn a_write_that_counts_as_over_late_is_caught() {
    let bounds = Left {
        ticks: 8,
        questions: 5,
        rings: 0,
        ..RUNNING
    };
    let default = Environment::default();
    caught(&over_late::search("over late", bounds, default));
}

#[test]
fn an_end_that_is_believed_out_of_order_is_caught() {
    let apart = Environment {
        publishing: Publishing::Apart,
        ..OWN
    };
    let found = believes_any_end::search("any end", RUNNING, apart);
    caught(&found);
}

#[test]
fn one_that_forgets_what_it_may_have_missed_is_caught() {
    let late = Environment { late: true, ..OWN };
    caught(&forgets_what_it_missed::search("forgets", LATE, late));
}

#[test]
fn one_that_takes_everything_for_no_loss_is_caught() {
    let found = everything_is_no_loss::search("no loss", FAILOVER, OWN);
    caught(&found);
}

#[test]
fn one_that_proves_before_it_invalidates_what_is_due_is_caught() {
    let first = Environment {
        proving: Proving::First,
        ..Environment::default()
    };
    caught(&production::search("proves first", RUNNING, first));
}

#[test]
fn an_end_that_goes_before_what_the_write_made_stale_is_caught() {
    let first = Environment {
        publishing: Publishing::EndFirst,
        ..Environment::default()
    };
    caught(&production::search("end first", RUNNING, first));
}
