//! Files of any format that serde reads.

use super::RouteFile;
use super::node::{Field, Node, Value};
use super::tables::table;
use crate::routes::RouteTable;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::collections::HashSet;
use std::fmt;

/// A route table in any format that tells its own types, see [`RouteFile`]: TOML, JSON,
/// YAML. The error names all mistakes, each with its key.
impl<'de> Deserialize<'de> for RouteTable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        RouteFile::default().deserialize(deserializer)
    }
}

/// The same for files that name what only code has.
impl<'de> DeserializeSeed<'de> for &RouteFile {
    type Value = RouteTable;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<RouteTable, D::Error> {
        let root = Depth(0).deserialize(deserializer)?;
        table(&root, self, None).map_err(D::Error::custom)
    }
}

/// How deep a value is in the file. No setting is deeper than 5.
#[derive(Clone, Copy)]
struct Depth(u8);

const DEEPEST: u8 = 16;

/// The name of a field: some formats have numbers there.
struct Name;

impl Depth {
    fn below<E: Error>(self) -> Result<Self, E> {
        match self.0 {
            DEEPEST.. => Err(E::custom("the route file is nested too deeply")),
            depth => Ok(Self(depth + 1)),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Depth {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        let value = deserializer.deserialize_any(self)?;
        Ok(Node { value, at: None })
    }
}

impl<'de> Visitor<'de> for Depth {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("what a route file has")
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Flag(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Number(number.to_string()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Number(number.to_string()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Number(number.to_string()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::Text(text))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Other("nothing"))
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Other("nothing"))
    }

    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<Value, D::Error> {
        inner.deserialize_any(self)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<Value, D::Error> {
        inner.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let (below, mut all) = (self.below()?, Vec::new());
        while let Some(node) = items.next_element_seed(below)? {
            all.push(node);
        }
        Ok(Value::List(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let (below, mut all) = (self.below()?, Vec::new());
        let mut known = HashSet::new();
        while let Some(name) = map.next_key_seed(Name)? {
            if !known.insert(name.clone()) {
                let name = super::node::shown(&name);
                return Err(A::Error::custom(format!("the key {name} is there twice")));
            }
            let node = map.next_value_seed(below)?;
            all.push(Field {
                name,
                at: None,
                node,
            });
        }
        Ok(Value::Table(all))
    }
}

impl<'de> DeserializeSeed<'de> for Name {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for Name {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key of a route file")
    }

    fn visit_str<E>(self, name: &str) -> Result<String, E> {
        Ok(name.to_owned())
    }

    fn visit_u64<E>(self, number: u64) -> Result<String, E> {
        Ok(number.to_string())
    }

    fn visit_i64<E>(self, number: i64) -> Result<String, E> {
        Ok(number.to_string())
    }
}
