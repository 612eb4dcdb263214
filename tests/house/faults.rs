//! The table of faults names tests that are there, or says why there is none.

use std::collections::BTreeMap;
use std::path::Path;

const TABLE: &str = include_str!("../../src/docs/faults.md");

const LAST: u32 = 50;

struct Row {
    number: u32,
    /// Which of P1 to P7, in words that may say more; or `none`.
    promise: String,
    /// `file::function`, as the table has them.
    tests: Vec<String>,
    reason: String,
}

#[test]
fn each_fault_names_its_tests_or_says_why_there_is_none() {
    let rows = rows(TABLE);
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

fn read(file: &str) -> Option<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(root.join(file)).ok()
}

fn rows(table: &str) -> Vec<Row> {
    table.lines().filter_map(row).collect()
}

fn row(line: &str) -> Option<Row> {
    let cells: Vec<&str> = line
        .strip_prefix("| F")?
        .split('|')
        .map(str::trim)
        .collect();
    Some(Row {
        number: cells[0].parse().ok()?,
        tests: cells
            .get(4)?
            .split('`')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect(),
        promise: (*cells.get(3)?).to_owned(),
        reason: (*cells.get(5)?).to_owned(),
    })
}

fn mistakes(rows: &[Row], read: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let mut mistakes = Vec::new();
    let mut times = BTreeMap::<u32, usize>::new();
    for Row {
        number,
        promise,
        tests,
        reason,
    } in rows
    {
        if promise != "none" && !promise.starts_with('P') {
            mistakes.push(format!("F{number} names no promise"));
        }
        *times.entry(*number).or_default() += 1;
        if tests.is_empty() && reason.is_empty() {
            mistakes.push(format!("F{number} has neither a test nor a reason"));
        }
        if !["", "open: ", "scope: ", "limit: "]
            .iter()
            .any(|word| reason.starts_with(word) && word.is_empty() == reason.is_empty())
        {
            mistakes.push(format!("F{number} has a reason of no kind"));
        }
        for test in tests {
            let there = test.split_once("::").is_some_and(|(file, name)| {
                read(file).is_some_and(|text| text.contains(&format!("fn {name}(")))
            });
            if !there {
                mistakes.push(format!("F{number} names {test}, which is not there"));
            }
        }
    }
    for number in 1..=LAST {
        match times.get(&number) {
            None => mistakes.push(format!("F{number} is missing")),
            Some(1) => {}
            Some(_) => mistakes.push(format!("F{number} is there more than once")),
        }
    }
    mistakes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A whole table in which F1 is these lines.
    fn with(first: &str) -> Vec<String> {
        let rest = (2..=LAST).map(|number| format!("| F{number} | x | y | P3 | | open: later |\n"));
        let table = format!("{first}\n{}", rest.collect::<String>());
        mistakes(&rows(&table), |file| {
            (file == "a.rs").then(|| "async fn it_holds() {}".to_owned())
        })
    }

    #[test]
    fn a_row_with_a_test_or_a_reason_is_right() {
        assert_eq!(with("| F1 | x | y | P3 | `a.rs::it_holds` | |"), [""; 0]);
        assert_eq!(with("| F1 | x | y | P3 | | scope: not ours |"), [""; 0]);
    }

    #[test]
    fn a_test_that_is_not_there_is_found() {
        for name in ["a.rs::it_hold", "a.rs::holds", "b.rs::it_holds", "it_holds"] {
            let found = with(&format!(
                "| F1 | x | y | P3 | `a.rs::it_holds`, `{name}` | |"
            ));
            assert_eq!(found, [format!("F1 names {name}, which is not there")]);
        }
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
    fn a_row_that_says_nothing_is_found() {
        assert_eq!(
            with("| F1 | x | y | P3 | | |"),
            ["F1 has neither a test nor a reason"]
        );
        assert_eq!(
            with("| F1 | x | y | P3 | | later |"),
            ["F1 has a reason of no kind"]
        );
    }

    #[test]
    fn a_row_that_names_no_promise_is_found() {
        assert_eq!(
            with("| F1 | x | y | | `a.rs::it_holds` | |"),
            ["F1 names no promise"]
        );
        assert_eq!(with("| F1 | x | y | none | | scope: not ours |"), [""; 0]);
    }

    #[test]
    fn a_row_that_is_missing_or_doubled_is_found() {
        assert_eq!(with(""), ["F1 is missing"]);
        let row = "| F1 | x | y | P3 | | open: later |";
        assert_eq!(
            with(&format!("{row}\n{row}")),
            ["F1 is there more than once"]
        );
        assert_eq!(with("| F1 | x | y |"), ["F1 is missing"]);
    }
}
