//! Three instances in processes of their own, each behind a proxy to the master of
//! two Redis servers, and random faults while clients read and write. What was
//! answered is checked against what was promised.
//!
//! ```text
//!  load ──http──► fleet: 3 instances ──► 3 proxies ──► master ◄─ link ─ replica
//!    │              ▲      │    │           ▲             ▲        ▲       ▲
//!    │  registers ──┘      │    └ news ─► watch           │        │       │
//!    │  (the origin,       │                │             │        │       │
//!    │   and its replica)  │                │             │        │       │
//!    │       plan ──► strike: stop, kill, cut, black-hole ┘   failover ────┘
//!    └──────► history ──► violations ──► report: one line of JSON
//! ```
//!
//! Some of the keys are read from a replica of the registers that lags, now more and
//! now less, on a route with a settle window of as much. The writes of others are
//! announced for two bounds, and do not run where the log has not taken that: what is
//! lost of them with a killed process is not stale for long.
//!
//! | variable | |
//! |---|---|
//! | `CHAOS_SECONDS` | how long faults strike, 20 unless set; longer if that is too short to strike three times with each |
//! | `CHAOS_SEED` | what is random: the plan and the load. Two runs of one seed have the same faults in the same order, not the same moments |
//! | `CHAOS_BOUND_MS` | the staleness bound, 1000 unless set |
//! | `CHAOS_WHILE_DEAF` | `bypass`, or `until-expiry`, which gives the bound up: the run must find violations then |
//! | `CHAOS_GUARD` | `off`: in a split brain both masters take writes alone; the run must find violations then |
//! | `CHAOS_LAG_MS` | by how much the replica of the registers lags at most, three tenths of the bound unless set |
//! | `CHAOS_SETTLE` | `off`: no window for what is read there; the run must find violations then |
//! | `CHAOS_INTENTS` | `off`: no write is announced; a run in which instances are killed must find violations then |
//! | `CHAOS_FAULTS` | names of faults, with commas between: only these. Unless set, `all` where the run is a minute or longer, and a few otherwise |
//!
//! It ends with 0 if nothing was violated, with 1 if something was (the reads and
//! writes are printed), with 2 if too little happened for the run to count: fewer
//! than 1,000 hits, 100 writes, or 3 strikes of a fault.

#[path = "../support/mod.rs"]
mod support;

mod dice;
mod failover;
mod fleet;
mod kind;
mod load;
mod options;
mod plan;
mod report;
mod run;
mod servers;
mod strike;
mod watch;

use options::Options;
use std::process::ExitCode;

fn main() -> ExitCode {
    support::instance::become_one_if_asked();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--list") {
        println!("chaos: test\n\n1 test, 0 benchmarks");
        return ExitCode::SUCCESS;
    }
    // As libtest does with a filter that matches none of its tests.
    if !is_meant(&arguments) {
        println!("\nrunning 0 tests\n\ntest result: ok. 0 passed; 1 filtered out\n");
        return ExitCode::SUCCESS;
    }
    let options = Options::from_environment();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let outcome = runtime.expect("a runtime").block_on(run::run(&options));
    report::print(&options, &outcome)
}

/// Whether the filters of `cargo test` name this test, or there are none.
fn is_meant(arguments: &[String]) -> bool {
    let mut filters = Vec::new();
    let mut skipped = Vec::new();
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--skip" => skipped.extend(arguments.next()),
            // These have a value of their own.
            "--test-threads" | "--format" | "--color" | "--logfile" | "-Z" => {
                arguments.next();
            }
            "--ignored" => return false,
            option if option.starts_with('-') => {}
            _ => filters.push(argument),
        }
    }
    let names = |filter: &&String| "chaos".contains(filter.as_str());
    (filters.is_empty() || filters.iter().any(names)) && !skipped.iter().any(names)
}
