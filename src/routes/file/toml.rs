//! TOML, with its lines. `toml` is named here only.

use super::RouteFile;
use super::node::{Field, Node, Place, Value};
use super::notes::{Lines, Notes};
use super::tables::table;
use crate::error::Error;
use crate::routes::RouteTable;
use toml::de::{DeTable, DeValue};

impl RouteTable {
    /// The table that a TOML text says, see [`RouteFile`]. Needs the feature `toml`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration), with all mistakes,
    /// each with its line, column and key; of a text that is no TOML, with one.
    pub fn from_toml(text: &str) -> Result<Self, Error> {
        Self::file().parse_toml(text)
    }
}

impl RouteFile {
    /// The table that a TOML text says. Needs the feature `toml`.
    ///
    /// # Errors
    ///
    /// As [`RouteTable::from_toml`].
    pub fn parse_toml(&self, text: &str) -> Result<RouteTable, Error> {
        let lines = Lines::of(text);
        let root = match DeTable::parse(text) {
            Ok(root) => root.into_inner(),
            Err(error) => {
                let at = error.span().map(|span| span.start);
                let mut notes = Notes::new(Some(lines));
                let what = format!("this is no TOML: {}", error.message());
                notes.note(at.or(Some(text.len())), "", &what);
                return notes.end().and_then(|()| RouteTable::builder().build());
            }
        };
        let root = Node {
            value: fields(root),
            at: Some(0),
        };
        table(&root, self, Some(lines))
    }
}

/// In the order of the file: the parser sorts them by name.
fn fields(table: DeTable<'_>) -> Value {
    let fields = table.into_iter().map(|(name, value)| Field {
        at: Some(name.span().start),
        name: name.into_inner().into_owned(),
        node: node(value.span().start, value.into_inner()),
    });
    let mut fields: Vec<_> = fields.collect();
    fields.sort_by_key(|field| field.at);
    Value::Table(fields)
}

fn node(at: usize, value: DeValue<'_>) -> Node {
    let at: Place = Some(at);
    let value = match value {
        DeValue::String(text) => Value::Text(text.into_owned()),
        DeValue::Integer(number) => Value::Number(number.to_string()),
        DeValue::Float(number) => Value::Number(number.to_string()),
        DeValue::Boolean(flag) => Value::Flag(flag),
        DeValue::Datetime(_) => Value::Other("a date"),
        DeValue::Array(items) => {
            let items = items.into_iter();
            Value::List(
                items
                    .map(|item| node(item.span().start, item.into_inner()))
                    .collect(),
            )
        }
        DeValue::Table(table) => fields(table),
    };
    Node { value, at }
}
