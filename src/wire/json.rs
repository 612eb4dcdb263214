//! The JSON form, for people and small scripts. `serde_json` is named here only.

use super::{Decoded, MAX_TARGETS, Unreadable, names};
use crate::scope::Scope;
use crate::target::{Strength, Target, What};
use serde::Deserialize;
use serde_json::error::Category;

/// Version 1. A field that is not here makes the message unreadable: it may
/// change what the others mean.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Message {
    v: u64,
    #[serde(default)]
    uris: Vec<String>,
    #[serde(default)]
    paths: Vec<String>,
    #[serde(default)]
    prefixes: Vec<String>,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    groups: Vec<Group>,
    #[serde(default)]
    everything: bool,
    scope: Option<String>,
    #[serde(default)]
    soft: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    origin: String,
    name: String,
}

/// The one field that every version has.
#[derive(Deserialize)]
struct Version {
    v: u64,
}

pub(super) fn decode(message: &[u8]) -> Result<Decoded, Unreadable> {
    // serde would also take the fields in order as an array.
    if !message.trim_ascii_start().starts_with(b"{") {
        return Err(Unreadable::NotJson);
    }
    let read: Message = parse(message).map_err(|why| match why {
        Unreadable::JsonField if is_of_another_version(message) => Unreadable::Version,
        why => why,
    })?;
    if read.v != 1 {
        return Err(Unreadable::Version);
    }
    let targets = read.targets()?;
    if targets.len() > MAX_TARGETS {
        return Err(Unreadable::TooManyTargets);
    }
    Ok(Decoded::Message(super::Message {
        targets,
        ..super::Message::default()
    }))
}

fn parse<'a, T: Deserialize<'a>>(message: &'a [u8]) -> Result<T, Unreadable> {
    let mut reader = serde_json::Deserializer::from_slice(message);
    let value = T::deserialize(&mut reader).map_err(|error| match error.classify() {
        Category::Data => Unreadable::JsonField,
        Category::Syntax | Category::Eof | Category::Io => Unreadable::NotJson,
    })?;
    reader.end().map_err(|_| Unreadable::TrailingBytes)?;
    Ok(value)
}

fn is_of_another_version(message: &[u8]) -> bool {
    parse::<Version>(message).is_ok_and(|version| version.v != 1)
}

impl Message {
    fn targets(&self) -> Result<Vec<Target>, Unreadable> {
        let scope = self.scope.as_deref().map(Scope::new);
        let group = |group: &Group| names::group(&group.origin, &group.name);
        let tag = |name: &String| Some(What::Tag(name.as_str().into()));
        (self.uris.iter().map(|text| names::uri(text)))
            .chain(self.paths.iter().map(|text| names::path(text)))
            .chain(self.prefixes.iter().map(|text| names::prefix(text)))
            .chain(self.tags.iter().map(tag))
            .chain(self.groups.iter().map(group))
            .chain(self.everything.then_some(Some(What::Everything)))
            .map(|what| Some(self.target(what?, scope.clone())))
            .collect::<Option<_>>()
            .ok_or(Unreadable::JsonField)
    }

    fn target(&self, what: What, scope: Option<Scope>) -> Target {
        let strength = if self.soft {
            Strength::Soft
        } else {
            Strength::Hard
        };
        Target {
            scope,
            what,
            strength,
        }
    }
}
