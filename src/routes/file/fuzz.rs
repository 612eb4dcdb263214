//! Route files with slips in them.

use super::RouteFile;
use crate::error::ErrorKind;
use crate::fuzz::{Target, texts};
use crate::routes::RouteTable;
use crate::scope::Scope;
use proptest::prelude::*;
use serde::de::DeserializeSeed;

const TOML: [&str; 4] = [
    include_str!("../../../tests/golden/routes.toml"),
    "[[read]]\npath = \"/a/{id}\"\nlifetime = \"1h30m\"\ntags = [\"a:{id:int}\"]\n[[read]]\npath = \"/a/{id}\"\n",
    "[policy.\"a b\"]\nstatuses = { 404 = \"1s\", 410-419 = \"1m\" }\n[default]\nuse = \"a b\"\n",
    "read = [{ path = \"/\", query = { only = [\"a\"] } }]\nwrite.x = 1\n",
];

const JSON: [&str; 2] = [
    r#"{"policy":{"p":{"lifetime":"10m","cookies":{"key":["a"]}}},"read":[{"path":"/a/{id}","use":"p","tags":["a:{id}"]}]}"#,
    r#"{"store":{"s":{"bytes":"1MiB"}},"write":[{"path":"/","methods":["PUT"],"concern":"applied","timeout":"2s"}],"default":null}"#,
];

/// What the error of a file says is whole lines, few of them, each with what `begins` wants.
fn is_told(error: &str, begins: impl Fn(&str) -> bool) -> Result<(), TestCaseError> {
    let mut lines = error.lines();
    prop_assert_eq!(lines.next(), Some("the route file has mistakes:"));
    let mut count = 0;
    for line in lines {
        count += 1;
        prop_assert!(begins(line) || line == "and more", "{}", line);
        prop_assert!(line.len() < 6_000, "{} bytes", line.len());
    }
    prop_assert!((1..=101).contains(&count), "{} lines", count);
    Ok(())
}

/// `line 3, column 1: ..`, a line of the file.
fn has_a_place(line: &str, lines: usize) -> bool {
    let place = || {
        let rest = line.strip_prefix("line ")?;
        let (number, rest) = rest.split_once(", column ")?;
        let (column, what) = rest.split_once(": ")?;
        let number: usize = number.parse().ok()?;
        let column: usize = column.parse().ok()?;
        Some((1..=lines).contains(&number) && column > 0 && !what.is_empty())
    };
    place() == Some(true)
}

fn file() -> RouteFile {
    let file = RouteTable::file().requires::<u8>("caller");
    file.scope("tenant", |_| Some(Scope::new("a")))
}

#[test]
fn no_toml_panics_and_each_mistake_has_a_line_of_the_file() {
    let target = Target {
        name: "route file, TOML",
        cases: 4_000,
        corpus: texts(&TOML),
        words: &[
            "\n",
            "\n[[read]]\n",
            "\n[[write]]\n",
            "\n[default]\n",
            "\n[policy.p]\n",
            "use = \"p\"\n",
            "path = \"/a/{id}\"\n",
            "path = \"/b/{*rest}\"\n",
            "lifetime = 600\n",
            "tags = [\"x:{id}\"]\n",
            "\"",
            "\"\"\"",
            "[",
            "]",
            "{",
            "}",
            "=",
            ".",
            ",",
            "#",
            "a.b.",
            "1979-05-27",
            "nan",
            "0x1f",
            "é",
            "[{",
            "}]",
            "true",
            "methods = [\"PUT\"]\n",
        ],
    };
    let file = file();
    target.holds(|input| {
        let Ok(text) = std::str::from_utf8(input) else {
            return Ok(false);
        };
        let lines = text.matches('\n').count() + 1;
        match file.parse_toml(text) {
            Ok(_) => Ok(true),
            Err(error) => {
                prop_assert_eq!(error.kind(), ErrorKind::Configuration);
                is_told(&error.to_string(), |line| has_a_place(line, lines))?;
                Ok(false)
            }
        }
    });
}

#[test]
fn no_json_panics_and_each_mistake_names_its_key() {
    let target = Target {
        name: "route file, JSON",
        cases: 4_000,
        corpus: texts(&JSON),
        words: &[
            "{",
            "}",
            "[",
            "]",
            "\"",
            ",",
            ":",
            "\"a\":",
            "\"read\":",
            "null",
            "1",
            "-1.5",
            "true",
            "{}",
            "[]",
            "\"path\":\"/\",",
            "\\u0000",
            "\\n",
            "[[[[[[",
            "{\"a\":",
        ],
    };
    let file = file();
    target.holds(|input| {
        let mut reader = serde_json::Deserializer::from_slice(input);
        match file.deserialize(&mut reader) {
            Ok(_) => Ok(true),
            Err(error) if error.is_data() && error.line() == 0 => {
                is_told(&error.to_string(), |line| line.contains(':'))?;
                Ok(false)
            }
            Err(_) => Ok(false),
        }
    });
}

fn many(one: impl Fn(usize) -> String) -> String {
    (0..10_000).map(one).collect()
}

/// Cause: a list of tables, a pattern or a name a million times. Effect, where something
/// looks through all for each: the start takes minutes.
#[test]
fn a_large_file_is_read_in_time_or_refused() {
    let routes = many(|at| format!("[[read]]\npath = \"/a{at}/{{id}}\"\nuse = \"p\"\n"));
    let routes = format!("[policy.p]\nlifetime = \"1m\"\ntags = [\"a:{{id}}\"]\n{routes}");
    let table = RouteTable::from_toml(&routes).expect("it is right");
    assert_eq!(table.reads().len(), 10_000);
    let same = many(|_| "[[write]]\npath = \"/a\"\n".to_owned());
    let error = RouteTable::from_toml(&same)
        .expect_err("all are one")
        .to_string();
    assert_eq!(error.lines().count(), 102);
    assert!(error.ends_with("\nand more"));
    let methods = many(|at| format!("[[write]]\npath = \"/a{at}\"\nmethods = [\"M{at}\"]\n"));
    let error = RouteTable::from_toml(&methods)
        .expect_err("too many")
        .to_string();
    assert!(error.contains("more than 64 methods"), "{error}");
}

/// Cause: each mistake looks for what was meant among all that there is. Effect: the same.
#[test]
fn a_large_file_of_mistakes_is_told_in_time() {
    let keys = many(|at| format!("key{at} = 1\n"));
    assert!(RouteTable::from_toml(&format!("[default]\n{keys}")).is_err());
    let policies = many(|at| format!("[policy.some-long-name-{at}]\n"));
    let uses = many(|at| format!("[[read]]\npath = \"/a{at}\"\nuse = \"some-lung-name-{at}\"\n"));
    let error = RouteTable::from_toml(&format!("{policies}{uses}")).expect_err("no such one");
    assert!(error.to_string().len() < 50_000);
    let stores = many(|at| format!("[store.some-long-name-{at}]\nbytes = \"1B\"\n"));
    let error = RouteTable::from_toml(&stores)
        .expect_err("too many")
        .to_string();
    assert!(error.contains("line 2001, column 8: store: there are more than 1000 stores"));
}

#[test]
fn what_is_nested_deeply_or_long_is_refused() {
    let deep = format!("a = {}", "[".repeat(1_000_000));
    assert!(RouteTable::from_toml(&deep).is_err());
    let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
    let error = serde_json::from_str::<RouteTable>(&deep).expect_err("too deep");
    assert!(error.to_string().contains("nested too deeply"), "{error}");
    let long = format!("[[read]]\npath = \"/{}\"\n", "{a}/".repeat(1_000_000));
    assert!(RouteTable::from_toml(&long).is_err());
}
