//! What a run is given.

use crate::kind::Kind;
use crate::support::app::Deaf;
use std::time::Duration;

/// From here on all faults strike unless the run is told which.
const ENOUGH_FOR_ALL: u64 = 60;

/// Printed with the run, so that it can be had again.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) time: Duration,
    pub(crate) seed: u64,
    pub(crate) bound: Duration,
    pub(crate) while_deaf: Deaf,
    /// Whether a split brain is one of masters that take no write alone.
    pub(crate) guard: bool,
    /// By how much the replica of the registers lags at most.
    pub(crate) lag: Duration,
    /// The window of what is read there.
    pub(crate) settle: Duration,
    /// For how long the writes of some keys are announced.
    pub(crate) told: Duration,
    pub(crate) faults: Vec<Kind>,
}

impl Options {
    /// How long after it was heard of an announced write counts as over.
    pub(crate) fn intent(&self) -> Duration {
        let told = self.bound * 2;
        told + told / 1000 + Duration::from_millis(500)
    }

    pub(crate) fn from_environment() -> Self {
        let seconds = number("CHAOS_SECONDS", 20);
        let bound = number("CHAOS_BOUND_MS", 1000);
        let lag = number("CHAOS_LAG_MS", bound * 3 / 10);
        // The window has to be shorter than the bound, and what lags by more has none.
        assert!(lag < bound, "CHAOS_LAG_MS is {lag}, not below the bound");
        let lag = Duration::from_millis(lag);
        let options = Self {
            time: Duration::from_secs(seconds),
            seed: number("CHAOS_SEED", 1),
            bound: Duration::from_millis(bound),
            while_deaf: match text("CHAOS_WHILE_DEAF").as_deref() {
                None | Some("bypass") => Deaf::Bypass,
                Some("until-expiry") => Deaf::ServeUntilExpiry,
                Some(other) => panic!("CHAOS_WHILE_DEAF is {other}"),
            },
            guard: is_on("CHAOS_GUARD"),
            lag,
            settle: match is_on("CHAOS_SETTLE") {
                true => lag,
                false => Duration::ZERO,
            },
            told: match is_on("CHAOS_INTENTS") {
                true => Duration::from_millis(bound * 2),
                false => Duration::ZERO,
            },
            faults: faults(seconds),
        };
        println!("chaos: {options:?}");
        options
    }
}

fn faults(seconds: u64) -> Vec<Kind> {
    let names = text("CHAOS_FAULTS");
    let names = match names.as_deref() {
        Some("all") => return Kind::ALL.to_vec(),
        None if seconds >= ENOUGH_FOR_ALL => return Kind::ALL.to_vec(),
        None => return Kind::FEW.to_vec(),
        Some(names) => names,
    };
    let of_name = |name: &str| Kind::ALL.into_iter().find(|kind| kind.name() == name);
    let faults = names.split(',').filter(|name| !name.is_empty());
    faults
        .map(|name| of_name(name).unwrap_or_else(|| panic!("CHAOS_FAULTS: no fault {name}")))
        .collect()
}

fn is_on(name: &str) -> bool {
    match text(name).as_deref() {
        None | Some("on") => true,
        Some("off") => false,
        Some(other) => panic!("{name} is {other}"),
    }
}

fn number(name: &str, default: u64) -> u64 {
    text(name).map_or(default, |text| {
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is {text}, which is no number"))
    })
}

fn text(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
