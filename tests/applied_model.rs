//! A write that waits until it is applied everywhere: the production log, list of
//! members, follower and [`Watch`] in all states that a small world can reach,
//! breadth first. And the same world with one mistake in it, for each mistake that
//! must not be made.

#![allow(
    clippy::duplicate_mod,
    reason = "a variant is the production files with one of them replaced"
)]

#[path = "../src/position.rs"]
#[allow(dead_code, reason = "a production file, of which a model uses a part")]
mod position;

#[path = "../src/clock.rs"]
#[allow(dead_code, reason = "a production file, of which a model uses a part")]
mod clock;

/// Two bounds alone are enough to see what goes wrong with one.
#[path = "models/applied"]
mod coherence {
    pub(crate) use settings::ALONE_FOR;
    pub(crate) mod settings {
        pub(crate) const ALONE_FOR: u32 = 2;
    }
    #[path = "."]
    pub(crate) mod outbox {
        #[path = "../../../src/coherence/outbox/landed.rs"]
        mod landed;
        pub(crate) use landed::Landed;
    }
}

#[allow(
    dead_code,
    unreachable_pub,
    reason = "production files, of which a model uses a part"
)]
#[path = "models/applied"]
mod bus {
    #[path = "../../../src/bus/engine.rs"]
    mod engine;
    #[path = "../../../src/bus/members.rs"]
    mod members;
    pub(crate) use engine::{Answer, Form, LogEntry, Question, Verdict};
    pub(crate) use members::{
        Census, Checkpoint, Inquiry, List, Report, RollCall, Standing, Stands,
    };
}

#[path = "models/applied"]
#[allow(dead_code, reason = "production files, of which a model uses a part")]
mod follower {
    #[path = "../../../src/coherence/follower/history.rs"]
    mod history;
    #[path = "../../../src/coherence/follower/machine.rs"]
    mod machine;
    #[path = "../../../src/coherence/follower/rules.rs"]
    mod rules;
    #[path = "../../../src/coherence/follower/step.rs"]
    mod step;
    pub(crate) use machine::Follower;
    pub(crate) use step::{Invalidation, Step};
}

#[path = "models/applied"]
mod cache {
    #[path = "../../../src/cache/alone.rs"]
    mod alone;

    use crate::clock::Moment;
    use std::time::Duration;

    pub(crate) fn proves_itself(
        within: Duration,
        now: Moment,
        as_of: Moment,
        began: Moment,
    ) -> bool {
        alone::proves_itself(within, now, as_of, began)
    }
}

#[path = "models/search.rs"]
mod search;

/// What may happen, and how often: the bounds of a search.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Bounds {
    /// For how long the writer has known of the list when it begins.
    list_is_old: u64,
    ticks: u8,
    writes: u8,
    waits: Waits,
    fills: u8,
    rings: u8,
    questions: u8,
    censuses: u8,
    replications: u8,
    failovers: u8,
    wipes: u8,
    deletions: u8,
    leaving: Leaving,
}

/// When the wait for a write begins.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Waits {
    WithTheWrite,
    /// Later, and not in the order of the writes.
    InAnyOrder,
}

/// Whether the instance signs off.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(dead_code, reason = "one of them is what must not be done")]
enum Leaving {
    Never,
    /// Once it serves nothing any more.
    AfterServing,
    /// A mistake: while it serves.
    Anytime,
    Left,
}

/// The production files, with the two files of rules that are named.
macro_rules! variant {
    ($name:ident, $log_rules:literal, $watch_rules:literal) => {
        #[path = "models/applied"]
        #[allow(dead_code, reason = "production files, of which a model uses a part")]
        mod $name {
            #[path = "."]
            mod local {
                #[path = "../../../src/bus/local/log.rs"]
                mod log;
                #[path = "../../../src/bus/local/members.rs"]
                mod members;
                #[path = $log_rules]
                mod rules;
                pub(super) use self::log::{Limits, Log, Spare, Weigh};
                pub(super) use self::rules::Identity;
            }
            #[path = "."]
            mod everywhere {
                #[path = $watch_rules]
                mod rules;
                #[path = "../../../src/coherence/everywhere/waiting.rs"]
                mod waiting;
                #[path = "../../../src/coherence/everywhere/watch.rs"]
                mod watch;
                pub(super) use self::waiting::Waiting;
                pub(super) use self::watch::{LogOf, Verdict, Watch};
            }
            mod world;
            use world::{AT_ONCE, BY_REPORT, BY_TIME, P5, World};

            pub(crate) fn search(name: &str, bounds: crate::Bounds) -> crate::Found {
                let world = World { bounds };
                let found = crate::search::breadth_first(name, world, &bounds, &[P5]);
                crate::Found {
                    serves_old: found(P5),
                    by_report: found(BY_REPORT),
                    by_time: found(BY_TIME),
                    at_once: found(AT_ONCE),
                }
            }
        }
    };
}

/// What a search found: for each property the shortest way to its discovery.
#[derive(Debug)]
struct Found {
    serves_old: Option<String>,
    by_report: Option<String>,
    by_time: Option<String>,
    at_once: Option<String>,
}

impl Found {
    /// Everything was searched, nothing is broken, and waits do end in both ways.
    #[track_caller]
    fn is_right(&self) {
        assert_eq!(self.serves_old, None);
        assert!(
            self.by_report.is_some() && self.by_time.is_some(),
            "{self:?}"
        );
    }

    /// And one census has ended two waits.
    #[track_caller]
    fn is_right_for_two(&self) {
        self.is_right();
        assert!(self.at_once.is_some(), "{self:?}");
    }

    #[track_caller]
    fn is_caught(&self) {
        let way = self.serves_old.as_deref();
        println!("  {}", way.expect("the mistake is noticed"));
    }
}

variant!(
    production,
    "../../../src/bus/local/rules.rs",
    "../../../src/coherence/everywhere/rules.rs"
);
variant!(
    any_list_is_whole,
    "../../../src/bus/local/rules.rs",
    "broken/any_list_is_whole.rs"
);
variant!(
    everybody_missing_is_gone,
    "../../../src/bus/local/rules.rs",
    "broken/everybody_missing_is_gone.rs"
);
variant!(
    silent_for_one_bound_is_gone,
    "../../../src/bus/local/rules.rs",
    "broken/silent_for_one_bound_is_gone.rs"
);
variant!(
    time_passes_early,
    "../../../src/bus/local/rules.rs",
    "broken/time_passes_early.rs"
);
variant!(
    last_wait_replaces,
    "../../../src/bus/local/rules.rs",
    "broken/last_wait_replaces.rs"
);
variant!(
    log_counts_reports_by_number,
    "broken/log_counts_reports_by_number.rs",
    "../../../src/coherence/everywhere/rules.rs"
);
variant!(
    log_keeps_an_old_list,
    "broken/log_keeps_an_old_list.rs",
    "../../../src/coherence/everywhere/rules.rs"
);

/// Nothing breaks but what is said.
const QUIET: Bounds = Bounds {
    list_is_old: 0,
    ticks: 4,
    writes: 1,
    waits: Waits::WithTheWrite,
    fills: 1,
    rings: 1,
    questions: 1,
    censuses: 1,
    replications: 0,
    failovers: 0,
    wipes: 0,
    deletions: 0,
    leaving: Leaving::Never,
};
const WIPES: Bounds = Bounds { wipes: 1, ..QUIET };
const DELETIONS: Bounds = Bounds {
    deletions: 1,
    rings: 0,
    ..QUIET
};
const FAILOVERS: Bounds = Bounds {
    failovers: 1,
    replications: 1,
    rings: 0,
    fills: 0,
    ..QUIET
};
const LEAVES: Bounds = Bounds {
    leaving: Leaving::AfterServing,
    ..QUIET
};
/// Two writes of one process: the wait for the later one may begin first.
const TWO_WAITS: Bounds = Bounds {
    list_is_old: 3,
    ticks: 2,
    writes: 2,
    waits: Waits::InAnyOrder,
    rings: 2,
    ..QUIET
};
/// And the log alone is deleted between them: the later entry has a lower number.
const TWO_WAITS_AND_A_DELETION: Bounds = Bounds {
    deletions: 1,
    questions: 2,
    fills: 0,
    rings: 0,
    ..TWO_WAITS
};

#[test]
fn nobody_serves_the_old_answer_once_a_wait_is_over() {
    production::search("quiet", QUIET).is_right();
}

#[test]
fn nobody_serves_the_old_answer_after_a_wipe() {
    production::search("wipes", WIPES).is_right();
}

#[test]
fn nobody_serves_the_old_answer_after_the_log_alone_was_deleted() {
    production::search("deletions", DELETIONS).is_right();
}

#[test]
fn nobody_serves_the_old_answer_after_a_failover_to_an_old_list() {
    production::search("failovers", FAILOVERS).is_right();
}

#[test]
fn nobody_serves_the_old_answer_after_an_instance_has_signed_off() {
    production::search("leaves", LEAVES).is_right();
}

#[test]
fn nobody_serves_the_old_answer_once_either_of_two_waits_is_over() {
    production::search("two waits", TWO_WAITS).is_right_for_two();
}

#[test]
fn nobody_serves_the_old_answer_once_either_of_two_waits_is_over_after_a_deletion() {
    production::search("two waits, deletion", TWO_WAITS_AND_A_DELETION).is_right();
}

#[test]
fn the_model_catches_a_wait_for_the_later_entry_that_an_earlier_one_replaces() {
    last_wait_replaces::search("last wait", TWO_WAITS).is_caught();
}

#[test]
fn the_model_catches_a_list_that_is_believed_however_young_it_is() {
    any_list_is_whole::search("any list", WIPES).is_caught();
}

#[test]
fn the_model_catches_a_missing_member_that_counts_as_gone() {
    everybody_missing_is_gone::search("missing is gone", QUIET).is_caught();
}

#[test]
fn the_model_catches_a_member_that_counts_as_gone_after_one_bound() {
    silent_for_one_bound_is_gone::search("one bound", QUIET).is_caught();
}

#[test]
fn the_model_catches_a_bound_that_is_not_waited_out() {
    time_passes_early::search("half a bound", QUIET).is_caught();
}

#[test]
fn the_model_catches_reports_that_are_compared_by_number() {
    log_counts_reports_by_number::search("by number", DELETIONS).is_caught();
}

#[test]
fn the_model_catches_a_new_master_with_an_old_list() {
    log_keeps_an_old_list::search("old list", FAILOVERS).is_caught();
}

#[test]
fn the_model_catches_a_member_that_signs_off_while_it_serves() {
    let bounds = Bounds {
        leaving: Leaving::Anytime,
        ..LEAVES
    };
    production::search("leaves too early", bounds).is_caught();
}
