//! The table of faults names tests that are there, or says why there is none.

use crate::table::{self, Row, Shape, read, rows};
use std::path::Path;

const TABLE: &str = include_str!("../../src/docs/faults.md");

const SHAPE: Shape = Shape {
    ids: &[('F', 50)],
    columns: 6,
    reasons: &["open: ", "scope: ", "limit: "],
};

#[test]
fn each_fault_names_its_tests_or_says_why_there_is_none() {
    let rows = rows(TABLE, &SHAPE);
    let mistakes = mistakes(&rows, read);
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
    let open = rows.iter().filter(|row| row.reason.starts_with("open"));
    println!("{} of {} faults are open", open.count(), rows.len());
}

#[test]
fn each_test_of_a_fault_is_named_in_the_table() {
    let unnamed = unnamed(TABLE, &tests_of_faults());
    assert!(unnamed.is_empty(), "{}", unnamed.join("\n"));
}

/// `file::function` of each test that is there for the table.
fn tests_of_faults() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/redis/faults");
    let files = std::fs::read_dir(folder).expect("the folder is there");
    let mut tests = Vec::new();
    for file in files {
        let file = file.expect("the folder is readable").file_name();
        let path = format!("tests/redis/faults/{}", file.to_string_lossy());
        let text = read(&path).expect("a test file is readable");
        tests.extend(names(&text).map(|name| format!("{path}::{name}")));
    }
    assert!(tests.len() >= 40, "only {} tests found", tests.len());
    tests
}

fn names(text: &str) -> impl Iterator<Item = &str> {
    let behind = text.split("#[tokio::test]\nasync fn ").skip(1);
    behind.filter_map(|behind| behind.split('(').next())
}

fn unnamed(table: &str, tests: &[String]) -> Vec<String> {
    let missing = |test: &&String| !table.contains(&format!("`{test}`"));
    tests.iter().filter(missing).cloned().collect()
}

fn mistakes(rows: &[Row], read: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let mut mistakes = table::mistakes(rows, &SHAPE, read);
    for row in rows {
        // Which of P1 to P7, in words that may say more; or none.
        let promise = &row.cells[3];
        if promise != "none" && !promise.starts_with('P') {
            mistakes.push(format!("{} names no promise", row.id));
        }
    }
    mistakes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A whole table in which F1 is this line.
    fn with(first: &str) -> Vec<String> {
        let rest = (2..=50).map(|number| format!("| F{number} | x | y | P3 | | open: later |\n"));
        let table = format!("{first}\n{}", rest.collect::<String>());
        mistakes(&rows(&table, &SHAPE), |_| None)
    }

    #[test]
    fn a_test_that_no_row_names_is_found() {
        let text = "#[tokio::test]\nasync fn it_holds() {}\n\nasync fn helps() {}\n";
        let tests: Vec<String> = names(text).map(str::to_owned).collect();
        assert_eq!(tests, ["it_holds"]);
        assert_eq!(unnamed("| F1 | `it_holds_well` |", &tests), ["it_holds"]);
        assert_eq!(unnamed("| F1 | `it_holds` |", &tests), [""; 0]);
    }

    #[test]
    fn a_row_that_names_no_promise_is_found() {
        assert_eq!(
            with("| F1 | x | y | | | open: later |"),
            ["F1 names no promise"]
        );
        assert_eq!(with("| F1 | x | y | none | | scope: not ours |"), [""; 0]);
        assert_eq!(with("| F1 | x | y | P3 | | |").len(), 1);
    }
}
