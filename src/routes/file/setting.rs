//! One setting of a policy.

use super::RouteFile;
use super::node::{Field, Node};
use super::value::{self, Read, Wrong, below};
use crate::template::Templates;
use std::time::Duration;

/// A key that a table may have, and what it does to the policy.
#[derive(Debug)]
pub(super) struct Key<P> {
    pub(super) name: &'static str,
    /// Keys of a shared policy that do not count beside it.
    pub(super) instead_of: &'static [&'static str],
    pub(super) set: fn(&mut Setting<'_, P>),
}

/// A kind of policy. The keys count in their order.
pub(super) trait Keyed: Default + Sized + 'static {
    const KEYS: &'static [Key<Self>];
}

/// What else there is.
pub(super) struct World<'a> {
    pub(super) file: &'a RouteFile,
    /// The names of the stores.
    pub(super) stores: &'a [&'a str],
    /// Those of the path; `None`: nobody knows yet.
    pub(super) parameters: Option<&'a [&'a str]>,
}

/// A key that is there.
pub(super) struct Said<'n> {
    /// Its place among the keys.
    pub(super) key: usize,
    pub(super) field: &'n Field,
    /// The table in which it stands.
    pub(super) table: String,
    /// It is of the shared policy.
    pub(super) shared: bool,
}

/// A key that is there, and the policy that it is for.
pub(super) struct Setting<'a, P> {
    pub(super) node: &'a Node,
    pub(super) policy: &'a mut P,
    pub(super) all: &'a [Said<'a>],
    pub(super) world: &'a World<'a>,
    pub(super) wrong: Vec<Wrong>,
}

impl<P> Key<P> {
    pub(super) const fn new(name: &'static str, set: fn(&mut Setting<'_, P>)) -> Self {
        Self {
            name,
            instead_of: &[],
            set,
        }
    }

    pub(super) const fn instead_of(mut self, keys: &'static [&'static str]) -> Self {
        self.instead_of = keys;
        self
    }
}

impl<'a, P: Keyed> Setting<'a, P> {
    /// Gives the policy what was read, or notes what was wrong.
    pub(super) fn set<T>(&mut self, read: Read<T>, with: impl FnOnce(P, T) -> P) {
        match read {
            Ok(value) => *self.policy = with(std::mem::take(self.policy), value),
            Err(wrong) => self.wrong.extend(wrong),
        }
    }

    pub(super) fn duration(&mut self, with: fn(P, Duration) -> P) {
        self.set(value::duration(self.node), with);
    }

    pub(super) fn bytes(&mut self, with: fn(P, u64) -> P) {
        self.set(value::bytes(self.node), with);
    }

    /// `false` is as if it were not there.
    pub(super) fn flag(&mut self, with: fn(P) -> P) {
        self.set(value::flag(self.node), |policy, on| {
            if on { with(policy) } else { policy }
        });
    }

    pub(super) fn word<T: Clone>(&mut self, words: &[(&'static str, T)], with: fn(P, T) -> P) {
        self.set(value::word(self.node, words), with);
    }

    /// Templates, which may be wrong as such, for the path, or by what this says.
    pub(super) fn templates(
        &mut self,
        with: fn(P, Vec<String>) -> P,
        wrong: fn(&str) -> Option<&'static str>,
    ) {
        let parameters = self.world.parameters;
        let texts = value::list(self.node, |item| {
            let text = value::text(item)?;
            let found = mistakes(text, parameters);
            match found.into_iter().next().or(wrong(text).map(str::to_owned)) {
                Some(mistake) => item.wrong(mistake),
                None => Ok(text.to_owned()),
            }
        });
        self.set(texts, with);
    }

    /// What this name stands for among what code has.
    pub(super) fn registered<T: Clone>(
        &self,
        known: &[(String, T)],
        noun: &str,
        call: &str,
    ) -> Read<T> {
        let name = value::text(self.node)?;
        if let Some((_, found)) = known.iter().find(|(known, _)| known == name) {
            return Ok(found.clone());
        }
        let names: Vec<_> = known.iter().map(|(name, _)| format!("{name:?}")).collect();
        let known = match names.as_slice() {
            [] => "it has none".to_owned(),
            names => format!("it has {}", names.join(", ")),
        };
        let said = self.node.said();
        self.node.wrong(format!(
            "code has no {noun} of the name {said}: {known}; it gives one by `RouteTable::file(){call}`"
        ))
    }

    /// Another key of the same policy.
    pub(super) fn beside(&self, name: &str) -> Option<&'a Node> {
        let said = self.all.iter().find(|said| said.field.name == name);
        said.map(|said| &said.field.node)
    }

    pub(super) fn wrong(&mut self, what: impl Into<String>) {
        self.wrong.push(Wrong::at(self.node.at, what));
    }
}

fn mistakes(text: &str, parameters: Option<&[&str]>) -> Vec<String> {
    let mut template = Templates::default();
    template.add(text);
    match parameters {
        Some(parameters) => template.mistakes(parameters),
        None if template.is_broken() => template.mistakes(&[]),
        None => Vec::new(),
    }
}

/// The same for what is below a key.
pub(super) fn inside<T>(field: &Field, read: fn(&Node) -> Read<T>) -> Read<T> {
    below(
        read(&field.node),
        &format!(".{}", super::node::named(&field.name)),
    )
}
