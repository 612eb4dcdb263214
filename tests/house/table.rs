//! Tables in the docs whose rows name the tests that show what they say.

use std::collections::BTreeMap;
use std::path::Path;

/// What a table has to be.
pub(crate) struct Shape {
    /// Letters, and how many rows each has: `A1`, `A2` and so on.
    pub(crate) ids: &'static [(char, u32)],
    /// The first is the id, the last two are the tests and what they do not show.
    pub(crate) columns: usize,
    /// How a reason may begin.
    pub(crate) reasons: &'static [&'static str],
}

pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) cells: Vec<String>,
    /// `file::function`, as the table has them.
    pub(crate) tests: Vec<String>,
    pub(crate) reason: String,
}

/// The lines that begin with an id and have as many cells as they should.
pub(crate) fn rows(table: &str, shape: &Shape) -> Vec<Row> {
    table.lines().filter_map(|line| row(line, shape)).collect()
}

fn row(line: &str, shape: &Shape) -> Option<Row> {
    let line = line.strip_prefix("| ")?.strip_suffix('|')?;
    let cells: Vec<String> = line.split('|').map(|cell| cell.trim().to_owned()).collect();
    let [id, .., tests, reason] = &cells[..] else {
        return None;
    };
    (is_id(id) && cells.len() == shape.columns).then(|| Row {
        id: id.clone(),
        tests: tests
            .split('`')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect(),
        reason: reason.clone(),
        cells: cells.clone(),
    })
}

fn is_id(text: &str) -> bool {
    let number = text.strip_prefix(|letter: char| letter.is_ascii_uppercase());
    number.is_some_and(|number| number.parse::<u32>().is_ok())
}

/// What is wrong with them; `read` is the text of a file.
pub(crate) fn mistakes(
    rows: &[Row],
    shape: &Shape,
    read: impl Fn(&str) -> Option<String>,
) -> Vec<String> {
    let mut mistakes = Vec::new();
    for row in rows {
        let (id, reason) = (&row.id, &row.reason);
        if row.tests.is_empty() && reason.is_empty() {
            mistakes.push(format!("{id} has neither a test nor a reason"));
        }
        let of_a_kind = |kind: &&str| {
            reason
                .strip_prefix(*kind)
                .is_some_and(|why| !why.is_empty())
        };
        if !reason.is_empty() && !shape.reasons.iter().any(of_a_kind) {
            mistakes.push(format!("{id} has a reason of no kind"));
        }
        for test in &row.tests {
            if !is_there(test, &read) {
                mistakes.push(format!("{id} names {test}, which is not there"));
            }
        }
    }
    mistakes.extend(miscounted(rows, shape));
    mistakes
}

fn is_there(test: &str, read: impl Fn(&str) -> Option<String>) -> bool {
    test.split_once("::").is_some_and(|(file, name)| {
        read(file).is_some_and(|text| text.contains(&format!("fn {name}(")))
    })
}

/// Each id once, and no others.
fn miscounted(rows: &[Row], shape: &Shape) -> Vec<String> {
    let mut times = BTreeMap::<&str, usize>::new();
    for row in rows {
        *times.entry(&row.id).or_default() += 1;
    }
    let mut mistakes = Vec::new();
    for (letter, last) in shape.ids {
        for number in 1..=*last {
            let id = format!("{letter}{number}");
            match times.remove(&*id) {
                None => mistakes.push(format!("{id} is missing")),
                Some(1) => {}
                Some(_) => mistakes.push(format!("{id} is there more than once")),
            }
        }
    }
    mistakes.extend(times.keys().map(|id| format!("{id} is not expected")));
    mistakes
}

/// The text of a file of this repository.
pub(crate) fn read(file: &str) -> Option<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(root.join(file)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape {
        ids: &[('A', 1), ('B', 2)],
        columns: 4,
        reasons: &["open: ", "not done: "],
    };

    /// A whole table in which A1 is these lines.
    fn with(first: &str) -> Vec<String> {
        let table =
            format!("| # | x | y | z |\n{first}\n| B1 | x | | open: y |\n| B2 | x | | open: y |");
        mistakes(&rows(&table, &SHAPE), &SHAPE, |file| {
            (file == "a.rs").then(|| "async fn it_holds() {}".to_owned())
        })
    }

    #[test]
    fn a_row_with_a_test_or_a_reason_is_right() {
        assert_eq!(with("| A1 | x | `a.rs::it_holds` | |"), [""; 0]);
        assert_eq!(with("| A1 | x | | not done: a draft |"), [""; 0]);
        assert_eq!(with("| A1 | x | `a.rs::it_holds` | open: more |"), [""; 0]);
    }

    #[test]
    fn a_test_that_is_not_there_is_found() {
        for name in ["a.rs::it_hold", "a.rs::holds", "b.rs::it_holds", "it_holds"] {
            let found = with(&format!("| A1 | x | `a.rs::it_holds`, `{name}` | |"));
            assert_eq!(found, [format!("A1 names {name}, which is not there")]);
        }
    }

    #[test]
    fn a_row_that_says_nothing_is_found() {
        let found = with("| A1 | x | | |");
        assert_eq!(found, ["A1 has neither a test nor a reason"]);
        for reason in ["later", "open:", "done: not"] {
            let found = with(&format!("| A1 | x | | {reason} |"));
            assert_eq!(found, ["A1 has a reason of no kind"]);
        }
    }

    #[test]
    fn a_row_that_is_missing_doubled_or_too_much_is_found() {
        assert_eq!(with(""), ["A1 is missing"]);
        let row = "| A1 | x | | open: y |";
        assert_eq!(
            with(&format!("{row}\n{row}")),
            ["A1 is there more than once"]
        );
        for other in ["A2", "C1"] {
            let found = with(&format!("{row}\n| {other} | x | | open: y |"));
            assert_eq!(found, [format!("{other} is not expected")]);
        }
        for cut in [
            "| A1 | x | open: y |",
            "| A1 | x | | open: y",
            "A1 | x | | open: y |",
        ] {
            assert_eq!(with(cut), ["A1 is missing"]);
        }
    }
}
