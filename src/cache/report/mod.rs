//! The numbers through the `metrics` facade. The only folder that names it.

mod rows;

use self::rows::{BY_REASON, GAUGES, OF_TARGETS, READS, Row, Stand, TOTALS, WRITES};
use super::counts::RouteKind;
use super::handle::Cache;
use super::invalidating::Applier;
use super::route_stats::RouteStats;
use super::stats::Stats;
use crate::coherence::Figures;
use crate::telemetry;
use metrics::Label;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

impl Cache {
    #[doc = include_str!("../../docs/metrics.md")]
    pub fn report_metrics(&self) {
        let shared = self.shared();
        report(&shared.applier, shared.coherence.figures());
    }
}

/// On each heartbeat. The recorder is the application's: if it panics, the task goes on.
pub(super) fn beat(applier: &Applier, stand: &dyn Fn() -> Figures) {
    static SAID: Once = Once::new();
    let told = catch_unwind(AssertUnwindSafe(|| report(applier, stand())));
    if told.is_err() {
        SAID.call_once(telemetry::recorder_panicked);
    }
}

fn report(applier: &Applier, figures: Figures) {
    // Each time: a recorder may be installed at any time.
    describe();
    let stand = Stand {
        coherent: figures.coherent,
        bus_down: figures.is_down(),
        proof_age: figures.lag,
        stats: Stats::of(applier, figures),
    };
    let cache = [Label::new("cache", String::from(&*applier.name))];
    for row in TOTALS {
        count(row, (row.of)(&stand.stats), cache.to_vec());
    }
    for row in GAUGES {
        if let Some(value) = (row.of)(&stand) {
            metrics::gauge!(row.name, cache.to_vec()).set(value);
        }
    }
    for route in &stand.stats.routes {
        report_route(&cache, route);
    }
}

fn report_route(cache: &[Label], route: &RouteStats) {
    let pattern = route.pattern.as_deref().unwrap_or("none");
    let mut labels = cache.to_vec();
    labels.push(Label::new("route", String::from(pattern)));
    if route.kind == RouteKind::Read {
        return report_reads(&labels, route);
    }
    labels.push(Label::new("methods", route.methods.clone()));
    for row in WRITES {
        count(row, (row.of)(route), labels.clone());
    }
    for (target, times) in &route.targets {
        for row in OF_TARGETS {
            let target = Label::new("target", target.clone());
            count(row, (row.of)(times), with(&labels, target));
        }
    }
}

fn report_reads(labels: &[Label], route: &RouteStats) {
    for row in READS {
        count(row, (row.of)(route), labels.to_vec());
    }
    for row in BY_REASON {
        for (reason, times) in (row.of)(route) {
            let reason = Label::from_static_parts("reason", reason);
            count(row, *times, with(labels, reason));
        }
    }
}

fn with(labels: &[Label], more: Label) -> Vec<Label> {
    let mut labels = labels.to_vec();
    labels.push(more);
    labels
}

fn count<F>(row: &Row<F>, value: u64, labels: Vec<Label>) {
    metrics::counter!(row.name, labels).absolute(value);
}

fn describe() {
    fn counters<F>(rows: &[Row<F>]) {
        for row in rows {
            metrics::describe_counter!(row.name, row.unit, row.help);
        }
    }
    counters(READS);
    counters(BY_REASON);
    counters(WRITES);
    counters(OF_TARGETS);
    counters(TOTALS);
    for row in GAUGES {
        metrics::describe_gauge!(row.name, row.unit, row.help);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write;

    const DOCS: &str = include_str!("../../docs/metrics.md");

    fn lines<F>(text: &mut String, rows: &[Row<F>], kind: &str, labels: &str) {
        for row in rows {
            let Row { name, help, .. } = row;
            writeln!(text, "| `{name}` | {kind} | {labels} | {help} |").unwrap();
        }
    }

    #[test]
    fn the_docs_have_the_table_as_it_is() {
        let mut table = String::from("| name | kind | labels | meaning |\n|---|---|---|---|\n");
        lines(&mut table, READS, "counter", "`cache`, `route`");
        lines(
            &mut table,
            BY_REASON,
            "counter",
            "`cache`, `route`, `reason`",
        );
        lines(&mut table, WRITES, "counter", "`cache`, `route`, `methods`");
        let of_targets = "`cache`, `route`, `methods`, `target`";
        lines(&mut table, OF_TARGETS, "counter", of_targets);
        lines(&mut table, TOTALS, "counter", "`cache`");
        lines(&mut table, GAUGES, "gauge", "`cache`");
        assert!(DOCS.ends_with(&table), "{table}");
    }
}
