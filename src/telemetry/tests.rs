//! The events are those of the table in the docs.

use super::*;
use crate::concern::Applied;
use crate::position::{Mark, Position, Sequence};
use crate::target::Invalidate;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use tracing::field::{Field, Visit};
use tracing_subscriber::Registry;
use tracing_subscriber::layer::{Context, SubscriberExt};

const TABLE: &str = include_str!("../docs/events.md");

/// Name, level and fields.
type Row = (String, String, Vec<String>);

#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<Row>>>);

#[derive(Default)]
struct Fields(Vec<String>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, _: &dyn std::fmt::Debug) {
        if field.name() != "message" {
            self.0.push(field.name().to_owned());
        }
    }
}

impl tracing_subscriber::Layer<Registry> for Heard {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, Registry>) {
        let metadata = event.metadata();
        assert_eq!(metadata.target(), "tower_coherence");
        let mut fields = Fields::default();
        event.record(&mut fields);
        let level = metadata.level().as_str().to_lowercase();
        let row = (metadata.name().to_owned(), level, fields.0);
        self.0.lock().unwrap().push(row);
    }
}

/// Says everything once.
fn say_all() {
    let position = Position {
        sequence: Sequence::default(),
        mark: Mark(1),
    };
    bus_lost("redis", &"trouble");
    bus_back("redis");
    no_bus();
    adopted(Some(position));
    bus_finding("redis", "a finding");
    ring_lost("redis", &"reason");
    entry_unreadable("kind", position);
    sent_again(1);
    sent_again_everything();
    applied(&Applied::Everywhere {
        by: 1,
        waited_out: 0,
    });
    applied(&Applied::TimedOut {
        by: 1,
        missing: Vec::new(),
    });
    intents_ran_out(1);
    outbox_widened();
    member_renamed();
    task_panicked("ask");
    invalidation_unread(&Invalidate::nothing());
    nested_layer();
    mode_changed("bypass");
    mistake("what");
    route_never_stores(&"route", "reason");
    routes_replaced(1, 2, &[Some("/a".to_owned()), None]);
    mapping_panicked("/path");
    recorder_panicked();
}

fn rows() -> BTreeSet<Row> {
    let lines = TABLE.lines().filter_map(|line| line.strip_prefix("| `"));
    let rows = lines.map(|line| {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let fields = cells[2].split('`').skip(1).step_by(2);
        let name = cells[0].trim_end_matches('`').to_owned();
        (
            name,
            cells[1].to_owned(),
            fields.map(str::to_owned).collect(),
        )
    });
    rows.collect()
}

#[test]
fn each_event_is_as_the_table_says_and_the_table_has_no_other() {
    let heard = Heard::default();
    tracing::subscriber::with_default(Registry::default().with(heard.clone()), say_all);
    let heard = heard.0.lock().unwrap();
    let said: BTreeSet<Row> = heard.iter().cloned().collect();
    assert_eq!(said.len(), heard.len(), "each has a name of its own");
    assert_eq!(said, rows());
}
