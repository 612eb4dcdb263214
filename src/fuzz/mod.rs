//! Fuzzing inside the tests. Inputs are valid ones with a few edits: random bytes
//! alone never get past the first check of a parser.
//!
//! The random numbers come from a fixed seed, so every run of a revision tries the
//! same inputs, and a failure on one machine is one on each. It prints the seed
//! and the input, shrunk to the edits that matter. Two variables change that:
//!
//! - `FUZZ_CASES=20` tries twenty times as many inputs,
//! - `FUZZ_SEED=7` tries others.
//!
//! ```text
//! FUZZ_CASES=20 cargo test --all-features --lib fuzz -- --nocapture
//! ```
//!
//! What these tests cannot see: how much memory is taken *while* something is read. A
//! counting allocator needs unsafe code, which this crate forbids. So they look at
//! what is returned: its bytes are bounded by those of the input.

mod mutate;
mod path;

use mutate::mutated;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseResult, TestRng, TestRunner};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

/// A parser under test, and what its inputs are made from.
pub(crate) struct Target {
    pub(crate) name: &'static str,
    /// How many inputs are tried unless `FUZZ_CASES` says more.
    pub(crate) cases: u32,
    /// Valid inputs, and some that nearly are.
    pub(crate) corpus: Vec<Vec<u8>>,
    /// What the grammar is made of.
    pub(crate) words: &'static [&'static str],
}

/// Shown as the source of a byte string.
#[derive(Clone)]
struct Input(Vec<u8>);

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b\"{}\"", self.0.escape_ascii())
    }
}

impl Target {
    /// The property says `Ok(true)` for an input that was read to its end, so that it
    /// can be seen whether the edits leave enough of them.
    pub(crate) fn holds(&self, property: impl Fn(&[u8]) -> Result<bool, TestCaseError>) {
        let seed = number("FUZZ_SEED", 1);
        let cases = self.cases.saturating_mul(number("FUZZ_CASES", 1));
        let config = Config {
            cases,
            failure_persistence: None,
            ..Config::default()
        };
        let rng = TestRng::from_seed(RngAlgorithm::XorShift, &self.seed(seed));
        let read = std::cell::Cell::new(0_u32);
        let outcome = TestRunner::new_with_rng(config, rng).run(&self.inputs(), |input| {
            let whole = property(&input.0)?;
            read.set(read.get() + u32::from(whole));
            TestCaseResult::Ok(())
        });
        let name = self.name;
        if let Err(error) = outcome {
            panic!("{name}, FUZZ_SEED={seed}: {error}");
        }
        let read = read.get();
        println!("{name}: {cases} inputs, {read} read, FUZZ_SEED={seed}");
        assert!(read > cases / 20, "{name}: too few inputs are read at all");
        assert!(read < cases, "{name}: no input is refused");
    }

    fn inputs(&self) -> impl Strategy<Value = Input> + use<> {
        let (corpus, words) = (self.corpus.clone(), self.words);
        let edits = prop::collection::vec(any::<u64>(), 0..6);
        (any::<u32>(), edits).prop_map(move |(start, edits)| {
            let start = usize::try_from(start).unwrap_or_default();
            Input(mutated(&corpus, words, start, &edits))
        })
    }

    fn seed(&self, seed: u32) -> [u8; 16] {
        let half = |salt: u8| {
            let mut hasher = DefaultHasher::new();
            (salt, self.name, seed).hash(&mut hasher);
            hasher.finish().to_le_bytes()
        };
        let halves = [half(0), half(1)].concat();
        halves.try_into().expect("twice eight bytes")
    }
}

/// The inputs of a corpus that are text.
pub(crate) fn texts(corpus: &[&str]) -> Vec<Vec<u8>> {
    corpus.iter().map(|text| text.as_bytes().to_vec()).collect()
}

fn number(name: &str, otherwise: u32) -> u32 {
    let Ok(text) = std::env::var(name) else {
        return otherwise;
    };
    text.parse()
        .unwrap_or_else(|_| panic!("{name} must be a number, not {text:?}"))
}
