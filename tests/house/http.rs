//! The table of the rules of HTTP names tests that are there, or says why there is
//! none.

use crate::table::{Shape, mistakes, read, rows};

const TABLE: &str = include_str!("../../src/docs/http.md");

const SHAPE: Shape = Shape {
    ids: &[
        ('S', 10),
        ('K', 5),
        ('V', 6),
        ('A', 7),
        ('N', 6),
        ('C', 9),
        ('R', 8),
        ('I', 6),
        ('G', 10),
        ('T', 4),
        ('H', 4),
        ('Q', 1),
        ('L', 5),
        ('X', 1),
        ('O', 9),
        ('D', 15),
    ],
    columns: 5,
    reasons: &["open: ", "not done: "],
};

#[test]
fn each_rule_of_http_names_its_tests_or_says_why_there_is_none() {
    let rows = rows(TABLE, &SHAPE);
    let mistakes = mistakes(&rows, &SHAPE, read);
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
    let open = rows.iter().filter(|row| row.reason.starts_with("open"));
    println!("{} of {} rules are open", open.count(), rows.len());
}
