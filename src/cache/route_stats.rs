//! What one route says about itself, in numbers.

use super::counts::{Counts, RouteKind, TargetStats};
use super::stats::{Stats, add};
use std::collections::BTreeMap;

/// What was counted of one route, see [`Stats::routes`]. The numbers of a read route are
/// zero where they speak of writes, and the other way round.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RouteStats {
    /// Its pattern. `None`: what has no route, and the layers with a policy of their own.
    pub pattern: Option<String>,
    /// What it is for.
    pub kind: RouteKind,
    /// The methods it is for, in order and with commas between; empty: all of its kind.
    pub methods: String,
    /// Whether a table or a layer has it now. A table that was replaced leaves the
    /// numbers of its routes behind.
    pub in_use: bool,
    /// Requests it was chosen for.
    pub matched: u64,
    /// As [`Stats::hits`].
    pub hits: u64,
    /// As [`Stats::stale`].
    pub stale: BTreeMap<&'static str, u64>,
    /// As [`Stats::refreshes`].
    pub refreshes: u64,
    /// As [`Stats::confirmed`].
    pub confirmed: u64,
    /// As [`Stats::misses`].
    pub misses: BTreeMap<&'static str, u64>,
    /// As [`Stats::bypasses`].
    pub bypasses: BTreeMap<&'static str, u64>,
    /// As [`Stats::fills`].
    pub fills: u64,
    /// As [`Stats::waiters`].
    pub waiters: u64,
    /// As [`Stats::stored`].
    pub stored: u64,
    /// As [`Stats::refusals`].
    pub refusals: BTreeMap<&'static str, u64>,
    /// As [`Stats::writes`].
    pub writes: u64,
    /// As [`Stats::refused_writes`].
    pub refused_writes: u64,
    /// As [`Stats::templates_widened`].
    pub templates_widened: u64,
    /// What the policy of a write names, as it is written there: `tag product:{id:int}`,
    /// `path /products`, `prefix /products/{id}`, or `closure`. How often a write named
    /// it, and how often something stored here bore what it named. See
    /// [`Stats::never_met`].
    pub targets: BTreeMap<String, TargetStats>,
}

impl RouteStats {
    pub(super) fn of(counts: &Counts, in_use: bool) -> Self {
        let hits = counts.hits.get();
        let misses = counts.misses.snapshot();
        let mut bypasses = counts.bypasses.snapshot();
        let (writes, refused_writes) = (counts.writes.get(), counts.refused_writes.get());
        let read = hits + sum(&misses) + sum(&bypasses);
        add(&mut bypasses, &counts.unfilled.snapshot());
        Self {
            pattern: counts.name.pattern.clone(),
            kind: counts.name.kind,
            methods: counts.name.methods.clone(),
            in_use,
            matched: read + writes + refused_writes,
            hits,
            stale: counts.stale.snapshot(),
            refreshes: counts.refreshes.get(),
            confirmed: counts.confirmed.get(),
            misses,
            bypasses,
            fills: counts.fills.get(),
            waiters: counts.waiters.get(),
            stored: counts.stored.get(),
            refusals: counts.refusals.snapshot(),
            writes,
            refused_writes,
            templates_widened: counts.templates_widened.get(),
            targets: counts.targets(),
        }
    }
}

fn sum(tally: &BTreeMap<&'static str, u64>) -> u64 {
    tally.values().sum()
}

impl Stats {
    /// The routes of the table that no request was ever for: a pattern with a slip, or
    /// one that nobody needs.
    pub fn never_matched(&self) -> impl Iterator<Item = &RouteStats> {
        let known = self.routes.iter();
        known.filter(|route| route.in_use && route.pattern.is_some() && route.matched == 0)
    }

    /// What writes have named that nothing stored here has ever borne, with the route that
    /// names it: a tag with a slip, or one that no read bears. Whether something was there
    /// when it was named is known of this instance only; another one may have had it.
    pub fn never_met(&self) -> impl Iterator<Item = (&RouteStats, &str)> {
        let known = self.routes.iter().filter(|route| route.in_use);
        known.flat_map(|route| {
            let targets = route.targets.iter();
            let unmet = targets.filter(|(_, target)| target.named > 0 && target.met == 0);
            unmet.map(move |(name, _)| (route, name.as_str()))
        })
    }
}
