//! What a run is given.

use crate::kind::Kind;
use crate::support::app::Deaf;
use std::time::Duration;

/// Printed with the run, so that it can be had again.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) time: Duration,
    pub(crate) seed: u64,
    pub(crate) bound: Duration,
    pub(crate) while_deaf: Deaf,
    pub(crate) faults: Vec<Kind>,
}

impl Options {
    pub(crate) fn from_environment() -> Self {
        let options = Self {
            time: Duration::from_secs(number("CHAOS_SECONDS", 20)),
            seed: number("CHAOS_SEED", 1),
            bound: Duration::from_millis(number("CHAOS_BOUND_MS", 1000)),
            while_deaf: match text("CHAOS_WHILE_DEAF").as_deref() {
                None | Some("bypass") => Deaf::Bypass,
                Some("until-expiry") => Deaf::ServeUntilExpiry,
                Some(other) => panic!("CHAOS_WHILE_DEAF is {other}"),
            },
            faults: faults(),
        };
        println!("chaos: {options:?}");
        options
    }
}

fn faults() -> Vec<Kind> {
    let Some(names) = text("CHAOS_FAULTS") else {
        return Kind::ALL.to_vec();
    };
    let of_name = |name: &str| Kind::ALL.into_iter().find(|kind| kind.name() == name);
    let faults = names.split(',').filter(|name| !name.is_empty());
    faults
        .map(|name| of_name(name).unwrap_or_else(|| panic!("CHAOS_FAULTS: no fault {name}")))
        .collect()
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
