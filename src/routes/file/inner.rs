//! A table that is the value of a setting.

use super::near::instead;
use super::node::{Field, Node, Value, named};
use super::value::{Read, Wrong, below, bytes, word};
use crate::eviction::Eviction;

/// Its fields, and what was wrong so far.
struct Inner<'a> {
    node: &'a Node,
    fields: &'a [Field],
    wrong: Vec<Wrong>,
}

impl<'a> Inner<'a> {
    fn of(node: &'a Node, names: &[&'static str]) -> Read<Self> {
        let Value::Table(fields) = &node.value else {
            let names = names.join(", ");
            return node.wrong(format!("{} is no table of {names}", node.said()));
        };
        let others = fields.iter().filter(|it| !names.contains(&&*it.name));
        let wrong = others.map(|field| unknown(field, names.iter().copied()));
        Ok(Self {
            node,
            fields,
            wrong: wrong.collect(),
        })
    }

    fn get<T>(&mut self, name: &str, read: impl FnOnce(&Node) -> Read<T>) -> Option<T> {
        let field = self.fields.iter().find(|field| field.name == name)?;
        match below(read(&field.node), &format!(".{name}")) {
            Ok(value) => Some(value),
            Err(wrong) => {
                self.wrong.extend(wrong);
                None
            }
        }
    }

    fn need<T>(&mut self, name: &str, read: impl FnOnce(&Node) -> Read<T>) -> Option<T> {
        if !self.fields.iter().any(|field| field.name == name) {
            let what = format!("there is no `{name}`");
            self.wrong.push(Wrong::at(self.node.at, what));
        }
        self.get(name, read)
    }
}

/// A key that is none of these.
fn unknown(field: &Field, names: impl Iterator<Item = &'static str> + Clone) -> Wrong {
    Wrong {
        at: field.at,
        below: format!(".{}", named(&field.name)),
        what: no_such_key(&field.name, names),
    }
}

pub(super) fn no_such_key(name: &str, names: impl Iterator<Item = &'static str> + Clone) -> String {
    let allowed = names.clone().collect::<Vec<_>>().join(", ");
    let instead = instead(name, names, &allowed);
    format!("there is no such key: {instead}")
}

/// The size of a store, and what leaves it first.
pub(super) fn store(node: &Node) -> Read<(u64, Eviction)> {
    let words = [("lru", Eviction::Lru), ("tiny-lfu", Eviction::TinyLfu)];
    let mut inner = Inner::of(node, &["bytes", "eviction"])?;
    let size = inner.need("bytes", bytes);
    let eviction = inner.get("eviction", |node| word(node, &words));
    match size {
        Some(size) if inner.wrong.is_empty() => Ok((size, eviction.unwrap_or_default())),
        _ => Err(inner.wrong),
    }
}
