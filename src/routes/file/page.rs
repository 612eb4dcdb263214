//! The page of route files names each key, and no other.

use super::setting::Keyed;
use super::tables::TABLES;
use crate::policy::{Policy, WritePolicy};

const PAGE: &str = include_str!("../../docs/routes.md");

/// The names at the beginning of the rows of a section.
fn rows(section: &str) -> Vec<&'static str> {
    let (_, after) = PAGE
        .split_once(&format!("\n# {section}\n"))
        .expect("the section is there");
    let section = after.split("\n# ").next().unwrap_or_default();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    let mut names: Vec<_> = rows.filter_map(|row| row.split('`').next()).collect();
    names.sort_unstable();
    names
}

fn keys<P: Keyed>() -> Vec<&'static str> {
    let mut keys: Vec<_> = P::KEYS.iter().map(|key| key.name).collect();
    keys.sort_unstable();
    keys
}

#[test]
fn the_page_names_each_key_of_a_route_file_and_no_other() {
    assert_eq!(rows("Settings of reads"), keys::<Policy>());
    assert_eq!(rows("Settings of writes"), keys::<WritePolicy>());
    let mut tables = TABLES;
    tables.sort_unstable();
    assert_eq!(rows("Tables"), tables);
}

#[test]
fn a_key_takes_the_place_of_keys_that_there_are() {
    let policies = Policy::KEYS.iter().flat_map(|key| key.instead_of);
    assert!(policies.clone().count() > 0);
    assert!(policies.copied().all(|key| keys::<Policy>().contains(&key)));
    let writes = WritePolicy::KEYS.iter().flat_map(|key| key.instead_of);
    assert!(
        writes
            .copied()
            .all(|key| keys::<WritePolicy>().contains(&key))
    );
}
