//! What does coherence cost over a real Redis?
//!
//! - [`travel`]: how long until another instance has applied an invalidation,
//!   beside bare `PUBLISH`?
//! - [`receipts`]: how long does a writer wait for its receipt?
//! - [`flood`]: how many invalidations does one instance apply, and what is left
//!   for hits meanwhile?
//! - [`outage`]: what does the origin see while Redis is away?
//!
//! All of it, or the questions that are named; each starts a `redis-server` of its
//! own on the loopback device:
//!
//! ```text
//! cargo bench --bench coherence
//! cargo bench --bench coherence -- travel receipts flood outage outage-stop
//! ```
#![allow(clippy::disallowed_methods, reason = "a benchmark measures real time")]

mod bare;
mod fleet;
mod flood;
mod numbers;
mod outage;
mod receipts;
mod travel;

#[path = "../../tests/support/redis_server.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    reason = "shared with the tests, and used in part"
)]
mod redis_server;

use std::future::Future;

const QUESTIONS: [&str; 4] = ["travel", "receipts", "flood", "outage"];

/// How many instances take part where their number matters.
const FLEETS: [usize; 3] = [2, 5, 20];

/// In a task, as all that it is compared with: a wake from outside the runtime
/// costs more than one from inside.
fn inside<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime can be made");
    let task = runtime.spawn(work);
    runtime.block_on(task).expect("no question panics")
}

fn main() {
    // Cargo adds an option of its own.
    let named = std::env::args().skip(1).filter(|word| word != "--bench");
    let mut named: Vec<_> = named.collect();
    if named.is_empty() {
        named = QUESTIONS.map(str::to_owned).into();
    }
    for question in named {
        numbers::load(&question);
        match question.as_str() {
            "travel" => FLEETS.iter().for_each(|n| inside(travel::run(*n))),
            "receipts" => FLEETS.iter().for_each(|n| inside(receipts::run(*n))),
            "flood" => flood::run(),
            "outage" => inside(outage::run(outage::Fault::Kill)),
            "outage-stop" => inside(outage::run(outage::Fault::Stop)),
            unknown => panic!("no question is called {unknown}"),
        }
    }
}
