//! What do other cache layers for tower cost, and what do they let through?
//!
//! The same hit, in turns, and the same probes of safety, for each of them. See `README.md`.
//!
//! ```text
//! cargo run --release           both
//! cargo run --release hit       the hit only
//! cargo run --release probes    the probes only
//! ```

mod adapters;
mod client;
mod hit;
mod origin;
mod peers;
mod probes;
#[path = "../../support/mod.rs"]
mod support;

fn main() {
    let asked: Vec<String> = std::env::args().skip(1).collect();
    let asked: Vec<&str> = asked.iter().map(String::as_str).collect();
    match asked.as_slice() {
        [] => {
            hit::run();
            probes::run();
        }
        ["hit"] => hit::run(),
        ["probes"] => probes::run(),
        [probes::memory::WORD, peer] => probes::memory::tell(peer),
        _ => eprintln!("usage: [hit | probes]"),
    }
}
