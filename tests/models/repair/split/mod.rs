//! Two servers, of which both may be a master for a while, and what is sent once
//! more when that is over.

mod environment;

use environment::{Answers, Checkpoints, Environment, Heard, Left, Own, Replicas, Resent};

/// What a search found: for each property the shortest way to its discovery.
#[derive(Debug)]
struct Found {
    stale: Option<String>,
    unrepaired: Option<String>,
    storm: Option<String>,
    serves: Option<String>,
    missing: Option<String>,
    batches: Option<String>,
    everything: Option<String>,
    for_both: Option<String>,
}

impl Found {
    /// Everything was searched, and everybody gets what was accepted, with no more
    /// everythings than it takes. And it takes some: something is missing when the
    /// servers heal, and `how` it is repaired is found too.
    #[track_caller]
    fn is_right(&self, how: &[&Option<String>]) {
        assert_eq!(
            (&self.stale, &self.unrepaired, &self.storm),
            (&None, &None, &None)
        );
        assert!(self.missing.is_some(), "{self:?}");
        assert!(how.iter().all(|found| found.is_some()), "{self:?}");
    }

    /// Somebody does not get what was accepted, and this is the shortest way to it.
    #[track_caller]
    fn is_caught(&self) {
        let way = self.unrepaired.as_deref();
        println!("  {}", way.expect("the mistake is noticed"));
    }
}

/// The production files, with the file of rules that is named and as many batches
/// kept.
macro_rules! variant {
    ($name:ident, $kept_rules:literal, $most:literal) => {
        #[path = "."]
        #[allow(dead_code, reason = "production files, of which a model uses a part")]
        mod $name {
            #[path = "."]
            mod local {
                #[path = "../../../../src/bus/local/log.rs"]
                mod log;
                #[path = "../../../../src/bus/local/members.rs"]
                mod members;
                #[path = "../../../../src/bus/local/rules.rs"]
                mod rules;
                pub(super) use self::log::{Limits, Log, Spare, Weigh};
                pub(super) use self::rules::Identity;
            }
            #[path = "."]
            mod follower {
                #[path = "../../../../src/coherence/follower/history.rs"]
                mod history;
                #[path = "../../../../src/coherence/follower/machine.rs"]
                mod machine;
                #[path = "../../../../src/coherence/follower/rules.rs"]
                mod rules;
                #[path = "../../../../src/coherence/follower/step.rs"]
                mod step;
                pub(super) use self::machine::Follower;
                pub(super) use self::step::{Invalidation, Step};
            }
            #[path = "."]
            mod kept {
                const MOST: usize = $most;
                const MOST_BYTES: usize = 100;
                #[path = "../../../../src/coherence/kept/batches.rs"]
                mod batches;
                #[path = $kept_rules]
                mod rules;
                pub(super) use self::batches::{Again, Kept};
            }
            mod instance;
            mod servers;
            mod world;
            use super::environment;

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
                    stale: found(P3),
                    unrepaired: found(REPAIRED),
                    storm: found(ONE).or(found(BOUNDED)),
                    serves: found(SERVES),
                    missing: found(MISSING),
                    batches: found(BATCHES),
                    everything: found(EVERYTHING),
                    for_both: found(FOR_BOTH),
                }
            }
        }
    };
}

variant!(production, "../../../../src/coherence/kept/rules.rs", 2);
variant!(keeps_nothing, "../../../../src/coherence/kept/rules.rs", 0);
variant!(
    checkpoint_is_the_newest,
    "broken/checkpoint_is_the_newest.rs",
    1
);
variant!(trimmed_is_whole, "broken/trimmed_is_whole.rs", 2);
variant!(cut_is_whole, "broken/cut_is_whole.rs", 2);
variant!(
    any_everything_is_enough,
    "broken/any_everything_is_enough.rs",
    2
);
variant!(one_history_for_all, "broken/one_history_for_all.rs", 2);

/// One split, in which both sides are written to.
const SPLIT: Left = Left {
    ticks: 0,
    writes: [1, 1],
    questions: [2, 2],
    leads: [1, 1],
    promotions: 1,
    replications: 0,
    trims: 0,
    trimmed_to: 0,
};

/// One instance writes before, meanwhile and after.
const ONE_WRITES: Left = Left {
    writes: [3, 0],
    questions: [1, 1],
    replications: 1,
    ..SPLIT
};

/// An instance is led to and fro.
const FLAPS: Left = Left {
    writes: [2, 0],
    questions: [2, 1],
    leads: [3, 1],
    ..SPLIT
};

/// A log loses its beginning too.
const TRIMS: Left = Left {
    questions: [1, 1],
    trims: 1,
    trimmed_to: 1,
    ..SPLIT
};

/// What is sent again may be lost again.
const TWICE: Left = Left {
    promotions: 2,
    writes: [1, 0],
    questions: [2, 1],
    leads: [1, 2],
    ..SPLIT
};

/// With time, for the bound.
const TIMES: Left = Left {
    ticks: 3,
    writes: [1, 0],
    questions: [1, 1],
    replications: 1,
    ..SPLIT
};

fn as_it_is() -> Environment {
    Environment::default()
}

#[test]
fn three_heartbeats_after_two_masters_were_healed_everybody_has_what_either_accepted() {
    let found = production::search("split", SPLIT, as_it_is());
    found.is_right(&[&found.everything, &found.for_both]);
}

#[test]
fn what_one_wrote_before_meanwhile_and_after_arrives() {
    let found = production::search("one writes", ONE_WRITES, as_it_is());
    found.is_right(&[&found.everything, &found.batches]);
}

#[test]
fn what_an_instance_wrote_that_was_led_to_and_fro_arrives() {
    let found = production::search("flaps", FLAPS, as_it_is());
    found.is_right(&[&found.everything]);
}

#[test]
fn what_was_lost_arrives_from_a_trimmed_log_too() {
    let found = production::search("trims", TRIMS, as_it_is());
    found.is_right(&[&found.everything, &found.for_both]);
}

#[test]
fn what_is_sent_again_and_lost_again_arrives() {
    let found = production::search("twice", TWICE, as_it_is());
    found.is_right(&[&found.everything]);
}

#[test]
fn where_no_master_writes_without_its_replica_nothing_stale_is_served_later_than_the_bound() {
    let environment = Environment {
        replicas: Replicas::MustBeThere,
        ..as_it_is()
    };
    let found = production::search("with its replica", TIMES, environment);
    found.is_right(&[&found.serves]);
}

#[test]
fn the_model_catches_a_server_that_answers_and_cannot_write() {
    let environment = Environment {
        replicas: Replicas::MustBeThere,
        answers: Answers::Anybody,
        ..as_it_is()
    };
    let found = production::search("anybody answers", TIMES, environment);
    println!("  {}", found.stale.expect("the mistake is noticed"));
}

/// The limit is real: this is what the documentation says of two masters.
#[test]
fn where_a_master_writes_without_its_replica_something_stale_is_served_later_than_the_bound() {
    let found = production::search("without its replica", TIMES, as_it_is());
    println!("  {}", found.stale.expect("the limit is found"));
}

#[test]
fn the_model_catches_an_instance_that_keeps_nothing_of_what_was_acknowledged() {
    keeps_nothing::search("keeps nothing", SPLIT, as_it_is()).is_caught();
}

#[test]
fn the_model_catches_a_checkpoint_that_is_the_newest_only() {
    checkpoint_is_the_newest::search("newest only", ONE_WRITES, as_it_is()).is_caught();
}

#[test]
fn the_model_catches_a_newest_that_stands_for_what_another_master_took() {
    one_history_for_all::search("one history", ONE_WRITES, as_it_is()).is_caught();
}

#[test]
fn the_model_catches_a_checkpoint_that_is_compared_by_number() {
    let environment = Environment {
        checkpoints: Checkpoints::ByNumber,
        ..as_it_is()
    };
    production::search("by number", SPLIT, environment).is_caught();
}

#[test]
fn the_model_catches_what_was_trimmed_by_other_hands_and_counts_as_whole() {
    trimmed_is_whole::search("trimmed", TRIMS, as_it_is()).is_caught();
}

#[test]
fn the_model_catches_batches_that_are_not_sent_again_after_a_cut() {
    cut_is_whole::search("cut", ONE_WRITES, as_it_is()).is_caught();
}

#[test]
fn the_model_catches_what_is_sent_again_and_not_kept_again() {
    let environment = Environment {
        resent: Resent::IsForgotten,
        ..as_it_is()
    };
    production::search("not kept again", TWICE, environment).is_caught();
}

#[test]
fn the_model_catches_an_everything_that_is_older_than_what_is_lacking() {
    any_everything_is_enough::search("any everything", FLAPS, as_it_is()).is_caught();
}

#[test]
fn the_model_catches_an_own_everything_that_is_not_applied_where_it_stands() {
    let environment = Environment {
        own: Own::IsSkipped,
        ..as_it_is()
    };
    production::search("own everything", SPLIT, environment).is_caught();
}

#[test]
fn the_model_catches_an_everything_of_each_where_one_is_enough() {
    let environment = Environment {
        heard: Heard::MovesThePosition,
        ..as_it_is()
    };
    let found = production::search("heard", SPLIT, environment);
    println!("  {}", found.storm.expect("the second one is noticed"));
}
