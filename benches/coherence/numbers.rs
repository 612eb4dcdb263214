//! Percentiles, and how they are printed.

use std::time::Duration;

/// The median of a round's rank, over the rounds.
pub(crate) struct Ranks {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
}

/// One list of samples for each round.
#[derive(Default)]
pub(crate) struct Rounds(Vec<Vec<f64>>);

impl Rounds {
    pub(crate) fn begin(&mut self) {
        self.0.push(Vec::new());
    }

    pub(crate) fn add(&mut self, sample: Duration) {
        let round = self.0.last_mut().expect("a round has begun");
        round.push(sample.as_secs_f64() * 1e6);
    }

    pub(crate) fn ranks(mut self) -> Ranks {
        for round in &mut self.0 {
            round.sort_by(f64::total_cmp);
        }
        let rank = |percent: usize| {
            let of = |round: &Vec<f64>| round[(round.len() * percent / 100).min(round.len() - 1)];
            median(self.0.iter().map(of).collect())
        };
        Ranks {
            p50: rank(50),
            p99: rank(99),
        }
    }
}

impl Ranks {
    pub(crate) fn print(&self, name: &str) {
        println!("{name}_p50_us: {:.1}", self.p50);
        println!("{name}_p99_us: {:.1}", self.p99);
    }
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// What else the machine was doing when the question was asked.
pub(crate) fn load(question: &str) {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let minute = load.split(' ').next().unwrap_or_default();
    println!("{question}_load_average: {minute}");
}
