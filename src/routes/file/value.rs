//! What a value says, and what is wrong with it.

use super::near::instead;
use super::node::{Field, Node, Place, Value, named, shown};
use super::units;
use std::time::Duration;

/// No list of a route is longer: its templates are filled for each request.
const LONGEST_LIST: usize = 1000;

/// What is wrong, and where below the setting that was read.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) at: Place,
    /// `[1]`, `.serve_for`.
    pub(super) below: String,
    pub(super) what: String,
}

pub(super) type Read<T> = Result<T, Vec<Wrong>>;

/// A choice that has settings of its own: its one key, and what that says.
pub(super) type Table<T> = (&'static str, fn(&Node) -> Read<T>);

impl Wrong {
    pub(super) fn at(at: Place, what: impl Into<String>) -> Self {
        Self {
            at,
            below: String::new(),
            what: what.into(),
        }
    }

    fn below(mut self, part: &str) -> Self {
        self.below.insert_str(0, part);
        self
    }
}

impl Node {
    pub(super) fn wrong<T>(&self, what: impl Into<String>) -> Read<T> {
        Err(vec![Wrong::at(self.at, what)])
    }
}

/// The same as a part of what is around it.
pub(super) fn below<T>(read: Read<T>, part: &str) -> Read<T> {
    read.map_err(|wrong| wrong.into_iter().map(|one| one.below(part)).collect())
}

pub(super) fn text(node: &Node) -> Read<&str> {
    match &node.value {
        Value::Text(text) => Ok(text),
        _ => node.wrong(format!("{} is no text: write it in quotes", node.said())),
    }
}

pub(super) fn flag(node: &Node) -> Read<bool> {
    match node.value {
        Value::Flag(flag) => Ok(flag),
        _ => node.wrong(format!("{} is neither true nor false", node.said())),
    }
}

pub(super) fn duration(node: &Node) -> Read<Duration> {
    let otherwise = "\"30s\", \"5m\" or \"1h30m\"";
    with_unit(
        node,
        "duration",
        units::duration,
        "s",
        otherwise,
        units::TIMES,
    )
}

pub(super) fn bytes(node: &Node) -> Read<u64> {
    let otherwise = "\"64KiB\" or \"16MiB\"";
    with_unit(node, "size", units::bytes, "B", otherwise, units::SIZES)
}

fn with_unit<T>(
    node: &Node,
    noun: &str,
    read: fn(&str) -> Option<T>,
    unit: &str,
    otherwise: &str,
    units: &str,
) -> Read<T> {
    let said = node.said();
    match &node.value {
        Value::Text(text) => read(text).ok_or_else(|| {
            let what =
                format!("{said} is no {noun}: write it as {otherwise}; the units are {units}");
            vec![Wrong::at(node.at, what)]
        }),
        Value::Number(number) => {
            let whole = number.bytes().all(|byte| byte.is_ascii_digit()) && number.len() <= 20;
            let example = if whole {
                format!("\"{number}{unit}\"")
            } else {
                otherwise.to_owned()
            };
            node.wrong(format!(
                "the {noun} {said} has no unit: write it as text with one, {example}; the units are {units}"
            ))
        }
        _ => node.wrong(format!("{said} is no {noun}: write it as {otherwise}")),
    }
}

pub(super) fn part(node: &Node) -> Read<f32> {
    let read = match &node.value {
        Value::Text(text) => units::part(text),
        _ => None,
    };
    read.map_or_else(
        || {
            let said = node.said();
            node.wrong(format!(
                "{said} is no part: write it in percent, as \"90%\", from \"0%\" to \"100%\""
            ))
        },
        Ok,
    )
}

/// One of these words.
pub(super) fn word<T: Clone>(node: &Node, words: &[(&'static str, T)]) -> Read<T> {
    choice(node, words, &[])
}

/// One of these words, or a table with one of these keys.
pub(super) fn choice<T: Clone>(
    node: &Node,
    words: &[(&'static str, T)],
    tables: &[Table<T>],
) -> Read<T> {
    let known = match &node.value {
        Value::Text(text) => words.iter().find(|(word, _)| word == text),
        Value::Table(fields) => return one_of(node, fields, words, tables),
        _ => None,
    };
    if let Some((_, value)) = known {
        return Ok(value.clone());
    }
    let near = match &node.value {
        Value::Text(text) => text,
        _ => "",
    };
    let words_alone = words.iter().map(|(word, _)| *word);
    let instead = instead(near, words_alone, &allowed(words, tables));
    node.wrong(format!("{} is no choice: {instead}", node.said()))
}

fn one_of<T>(
    node: &Node,
    fields: &[Field],
    words: &[(&'static str, T)],
    tables: &[Table<T>],
) -> Read<T> {
    let [field] = fields else {
        let allowed = allowed(words, tables);
        return node.wrong(format!("it has to be one thing: allowed are {allowed}"));
    };
    let known = tables.iter().find(|(name, _)| *name == field.name);
    let part = format!(".{}", named(&field.name));
    let read = known.map_or_else(
        || {
            let name = shown(&field.name);
            let allowed = allowed(words, tables);
            let what = format!("there is no choice {name}: allowed are {allowed}");
            Err(vec![Wrong::at(field.at, what)])
        },
        |(_, read)| read(&field.node),
    );
    below(read, &part)
}

fn allowed<T>(words: &[(&'static str, T)], tables: &[Table<T>]) -> String {
    let words = words.iter().map(|(word, _)| format!("{word:?}"));
    let tables = tables.iter().map(|(name, _)| format!("{{ {name} = .. }}"));
    words.chain(tables).collect::<Vec<_>>().join(", ")
}

/// The items of a list, each read by this.
pub(super) fn list<'n, T>(
    node: &'n Node,
    mut read: impl FnMut(&'n Node) -> Read<T>,
) -> Read<Vec<T>> {
    let Value::List(items) = &node.value else {
        let what = match &node.value {
            Value::Text(_) => format!("it is a list: write [{}]", node.said()),
            _ => format!("{} is no list", node.said()),
        };
        return node.wrong(what);
    };
    if items.len() > LONGEST_LIST {
        return node.wrong(format!("it has more than {LONGEST_LIST} items"));
    }
    let (mut found, mut wrong) = (Vec::new(), Vec::new());
    for (at, item) in items.iter().enumerate() {
        match below(read(item), &format!("[{at}]")) {
            Ok(one) => found.push(one),
            Err(more) => wrong.extend(more),
        }
    }
    if wrong.is_empty() {
        Ok(found)
    } else {
        Err(wrong)
    }
}

/// Texts, at least one.
pub(super) fn names(node: &Node) -> Read<Vec<String>> {
    let names = list(node, |item| text(item).map(str::to_owned))?;
    if names.is_empty() {
        return node.wrong("it names nothing");
    }
    Ok(names)
}
