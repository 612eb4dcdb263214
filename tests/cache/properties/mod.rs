//! Properties of the whole layer, for header fields that chance has put together.
//!
//! The random numbers come from a fixed seed; `FUZZ_CASES=20` tries twenty times as many
//! cases, and `FUZZ_SEED=7` others.

mod age;
mod classed;
mod exchange;
mod forbidden;
mod loosened;
mod sharing;
mod waiting;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::future::Future;

/// Tries the property on so many cases, each in a runtime of its own.
fn holds<S, F>(name: &str, cases: u32, cases_of: S, property: impl Fn(S::Value) -> F)
where
    S: Strategy,
    F: Future<Output = Result<(), TestCaseError>>,
{
    let seed = number("FUZZ_SEED", 1);
    let config = Config {
        cases: cases.saturating_mul(number("FUZZ_CASES", 1)),
        failure_persistence: None,
        ..Config::default()
    };
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&seed.to_le_bytes());
    let name_bytes = name.as_bytes();
    bytes[4..].copy_from_slice(&name_bytes[..12]);
    let rng = TestRng::from_seed(RngAlgorithm::XorShift, &bytes);
    let outcome = TestRunner::new_with_rng(config, rng).run(&cases_of, |case| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(property(case))
    });
    if let Err(error) = outcome {
        panic!("{name}, FUZZ_SEED={seed}: {error}");
    }
}

fn number(name: &str, otherwise: u32) -> u32 {
    let Ok(text) = std::env::var(name) else {
        return otherwise;
    };
    text.parse()
        .unwrap_or_else(|_| panic!("{name} must be a number, not {text:?}"))
}
