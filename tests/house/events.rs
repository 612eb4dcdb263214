//! Each log event of `src` has a name, and the table in the docs is as long as there
//! are events. That the two say the same, a test in `src/telemetry` shows, which says
//! each event once.

use crate::source::{Source, all};
use crate::token::Token;

const TABLE: &str = include_str!("../../src/docs/events.md");

const LEVELS: &[&str] = &["error", "warn", "info", "debug", "trace", "event"];

/// The lines of a file's events, and whether they have a name.
fn events(source: &Source) -> Vec<(usize, bool)> {
    let tokens = &source.tokens;
    let text = |at: usize| tokens.get(at).map_or("", |token: &Token| &*token.text);
    let begins = (0..tokens.len()).filter(|at| {
        let level = text(at + 2);
        text(*at) == "tracing" && LEVELS.contains(&level) && text(at + 3) == "!"
    });
    begins
        .map(|at| (tokens[at].line, text(at + 5) == "name"))
        .collect()
}

#[test]
fn each_event_has_a_name_and_a_row() {
    let mut count = 0;
    for source in all() {
        for (line, named) in events(&source) {
            assert!(named, "{}:{line} has no name", source.path);
            count += 1;
        }
    }
    let rows = TABLE.lines().filter(|line| line.starts_with("| `")).count();
    assert_eq!(count, rows);
    assert!(count >= 20, "only {count} events found");
}

#[test]
fn an_event_without_a_name_is_found() {
    let text = "fn f() {\ntracing::warn!(name: \"a\", target: \"t\", \"b\");\ntracing::info!(target: \"t\", \"c\");\n}";
    let found = events(&Source::new("src/telemetry/x.rs", text));
    assert_eq!(found, [(2, true), (3, false)]);
}
