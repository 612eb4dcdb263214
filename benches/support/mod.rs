//! What the benchmarks share: turns that are taken in rounds, and the lines they end with.
//!
//! Each thing that is compared has its turn in each round, so that what else the machine
//! does meets all of them. A ratio is made within a round; its median over the rounds is
//! told with its quartiles. Where they are further apart than 15 % of it, all rounds are
//! run once more, and the second set is told.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "shared by benchmarks that use it in part"
)]
#![allow(clippy::disallowed_methods, reason = "a benchmark measures real time")]

pub mod shop;

use std::time::{Duration, Instant};

/// How many rounds there are.
pub const ROUNDS: usize = 21;

/// How long each turn is timed.
pub const TURN: Duration = Duration::from_millis(10);

/// Things are made before they are timed, this many at once.
const BATCH: usize = 200;

/// Nanoseconds for one run of `step` on each of the things that `make` makes.
pub fn nanos<T>(turn: Duration, mut make: impl FnMut() -> T, mut step: impl FnMut(T)) -> f64 {
    let (mut spent, mut steps) = (Duration::ZERO, 0_u32);
    let mut batch = Vec::with_capacity(BATCH);
    while spent < turn {
        batch.resize_with(BATCH, &mut make);
        let begun = Instant::now();
        for thing in batch.drain(..) {
            step(thing);
            steps += 1;
        }
        spent += begun.elapsed();
    }
    spent.as_secs_f64() * 1e9 / f64::from(steps)
}

/// A value of each round, in rising order.
#[derive(Clone, Debug)]
pub struct Rounds(Vec<f64>);

impl Rounds {
    pub fn new(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        Self(values)
    }

    pub fn median(&self) -> f64 {
        self.0[self.0.len() / 2]
    }

    fn quartiles(&self) -> (f64, f64) {
        let quarter = self.0.len() / 4;
        (self.0[quarter], self.0[self.0.len() - 1 - quarter])
    }

    fn is_wide(&self) -> bool {
        let (first, third) = self.quartiles();
        third - first > 0.15 * self.median()
    }

    /// One line: the name, the median, the quartiles.
    pub fn tell(&self, name: &str) {
        let ((first, third), median) = (self.quartiles(), self.median());
        let digits = if median >= 100.0 { 0 } else { 3 };
        println!(
            "{name}: {median:.digits$} ({first:.digits$} to {third:.digits$}, {} rounds)",
            self.0.len()
        );
    }
}

/// Runs all rounds, and once more if the first ratio spreads too far. Each round gives a
/// value for each of the names.
pub fn rounds<const N: usize>(names: [&str; N], mut round: impl FnMut() -> [f64; N]) -> [f64; N] {
    let mut run = || {
        let mut values: [Vec<f64>; N] = std::array::from_fn(|_| Vec::new());
        for _ in 0..ROUNDS {
            for (all, value) in values.iter_mut().zip(round()) {
                all.push(value);
            }
        }
        values.map(Rounds::new)
    };
    let mut told = run();
    if told[0].is_wide() {
        told = run();
    }
    for (name, rounds) in names.iter().zip(&told) {
        rounds.tell(name);
    }
    told.map(|rounds| rounds.median())
}

/// Numbers from 0 to `count`, the n-th as often as 1 / n^0.99 says.
pub struct Zipf {
    sums: Vec<f64>,
    state: u64,
}

impl Zipf {
    pub fn new(count: u32) -> Self {
        let mut sum = 0.0;
        let sums = (1..=count).map(|rank| {
            sum += f64::from(rank).powf(-0.99);
            sum
        });
        Self {
            sums: sums.collect(),
            state: 0x9e37_79b9_7f4a_7c15,
        }
    }

    pub fn next(&mut self) -> usize {
        // xorshift64*: even enough for a choice of keys, and the same in each run.
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        let random = self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11;
        #[allow(clippy::cast_precision_loss, reason = "53 bits fit")]
        let part = random as f64 / (1_u64 << 53) as f64;
        let total = self.sums.last().copied().unwrap_or_default();
        self.sums.partition_point(|sum| *sum < part * total)
    }

    /// Many of them beforehand, to be drawn at no cost.
    pub fn drawn(mut self, many: usize) -> impl FnMut() -> usize + Send {
        let drawn: Vec<usize> = (0..many).map(|_| self.next()).collect();
        let mut at = 0;
        move || {
            at = (at + 1) % drawn.len();
            drawn[at]
        }
    }
}
