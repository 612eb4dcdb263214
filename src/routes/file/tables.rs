//! The tables of a file, and what comes of them.

use super::RouteFile;
use super::clashes::{Clashes, Write};
use super::inner::{no_such_key, store};
use super::node::{Field, Node, Value, named};
use super::notes::{Lines, Notes};
use super::setting::{Keyed, World};
use super::settings::{Shared, policy, said};
use super::value::text;
use crate::error::Error;
use crate::policy::{Policy, WritePolicy};
use crate::routes::{Pattern, RouteTable, RouteTableBuilder};
use std::collections::HashMap;

/// The keys of the file itself.
pub(super) const TABLES: [&str; 8] = [
    "default",
    "policy",
    "write_policy",
    "store",
    "read",
    "write",
    "rpc_read",
    "rpc_write",
];

/// The keys of its tables that are no settings.
const DEFAULT: &[&str] = &["use"];
const READ: &[&str] = &["path", "use"];
const WRITE: &[&str] = &["path", "methods", "use"];

/// Each has memory of its own, and each route looks for its own among them.
const MOST_STORES: usize = 1000;

/// The table that a file means, or all that is wrong with it.
pub(super) fn table(
    root: &Node,
    file: &RouteFile,
    lines: Option<Lines<'_>>,
) -> Result<RouteTable, Error> {
    let mut notes = Notes::new(lines);
    if let Value::Table(fields) = &root.value {
        let unknown = fields.iter().filter(|it| !TABLES.contains(&&*it.name));
        for field in unknown {
            notes.note_with(field.at, &named(&field.name), || {
                no_such_key(&field.name, TABLES.iter().copied())
            });
        }
    } else {
        let what = format!("{} is no table of {}", root.said(), TABLES.join(", "));
        notes.note(root.at, "the file", &what);
    }
    let mut stores = fields(root, "store", &mut notes);
    if stores.len() > MOST_STORES {
        let what = format!("there are more than {MOST_STORES} stores");
        notes.note(stores[MOST_STORES].at, "store", &what);
        stores = &stores[..MOST_STORES];
    }
    let names: Vec<&str> = stores.iter().map(|field| &*field.name).collect();
    let world = World {
        file,
        stores: &names,
        parameters: None,
    };
    let mut tables = Tables {
        clashes: Clashes::default(),
        builder: RouteTable::builder(),
        notes,
        world,
    };
    tables.stores(stores);
    let policies = tables.shared::<Policy>(root, "policy");
    let write_policies = tables.shared::<WritePolicy>(root, "write_policy");
    tables.reads(root, &policies);
    let mut writes = tables.writes(root, &write_policies);
    writes.extend(tables.rpc_writes(root, &write_policies));
    tables.rpc_reads(root, &policies, &writes);
    tables.clashes.writes(&writes, &mut tables.notes);
    let table = tables.builder.build();
    tables.notes.end()?;
    table
}

/// What was read so far.
pub(super) struct Tables<'a> {
    world: World<'a>,
    pub(super) notes: Notes<'a>,
    pub(super) clashes: Clashes,
    pub(super) builder: RouteTableBuilder,
}

/// The tables below this one, by name.
fn fields<'n>(root: &'n Node, name: &str, notes: &mut Notes<'_>) -> &'n [Field] {
    match root.field(name).map(|field| (field, &field.node.value)) {
        None => &[],
        Some((_, Value::Table(fields))) => fields,
        Some((field, _)) => {
            let what = format!("it is a table of names: write [{name}.some-name]");
            notes.note(field.node.at, name, &what);
            &[]
        }
    }
}

/// The tables of this list, each with its path.
pub(super) fn items<'n>(
    root: &'n Node,
    name: &str,
    notes: &mut Notes<'_>,
) -> Vec<(String, &'n Node)> {
    match root.field(name).map(|field| (field, &field.node.value)) {
        None => Vec::new(),
        Some((_, Value::List(items))) => {
            let items = items.iter().enumerate();
            items
                .map(|(at, it)| (format!("{name}[{at}]"), it))
                .collect()
        }
        Some((field, _)) => {
            let what = format!("it is a list of tables: write [[{name}]]");
            notes.note(field.node.at, name, &what);
            Vec::new()
        }
    }
}

impl<'a> Tables<'a> {
    fn stores(&mut self, stores: &[Field]) {
        for field in stores {
            match store(&field.node) {
                Ok((bytes, eviction)) => {
                    let builder = std::mem::take(&mut self.builder);
                    self.builder = builder.store(&field.name, bytes, eviction);
                }
                Err(wrong) => {
                    let path = format!("store.{}", named(&field.name));
                    self.notes.add(&path, wrong);
                }
            }
        }
    }

    /// The shared policies of this kind, each checked by itself: it may be used nowhere.
    fn shared<'n, P: Keyed>(&mut self, root: &'n Node, table: &'static str) -> Shared<'n> {
        let mut found = Shared {
            table,
            named: HashMap::new(),
        };
        for field in fields(root, table, &mut self.notes) {
            let path = format!("{table}.{}", named(&field.name));
            let all = said::<P>((&path, &field.node), &[], &found, &mut self.notes);
            let _ = policy::<P>(&path, &all, &self.world, &mut self.notes);
            found.named.insert(&field.name, &field.node);
        }
        found
    }

    fn reads(&mut self, root: &Node, shared: &Shared<'_>) {
        if let Some(field) = root.field("default") {
            let node = &field.node;
            let policy = self.policy(("default", node), DEFAULT, shared, Some(&[]));
            let builder = std::mem::take(&mut self.builder);
            self.builder = builder.default_policy(policy.unwrap_or_default());
        }
        for (path, node) in items(root, "read", &mut self.notes) {
            let pattern = self.pattern(&path, node);
            let names = pattern.as_ref().map(Pattern::names);
            let policy = self.policy((&path, node), READ, shared, names.as_deref());
            let Some(pattern) = pattern else { continue };
            self.clashes.read(&path, node, &pattern, &mut self.notes);
            let builder = std::mem::take(&mut self.builder);
            self.builder = builder.read(pattern.text(), policy.unwrap_or_default());
        }
    }

    fn writes(&mut self, root: &Node, shared: &Shared<'_>) -> Vec<Write> {
        let mut writes = Vec::new();
        for (path, node) in items(root, "write", &mut self.notes) {
            let pattern = self.pattern(&path, node);
            let names = pattern.as_ref().map(Pattern::names);
            let policy = self.policy((&path, node), WRITE, shared, names.as_deref());
            let policy = policy.unwrap_or_default();
            let Some(methods) = self.clashes.methods(&path, node, &mut self.notes) else {
                continue;
            };
            let Some(pattern) = pattern else { continue };
            let text = pattern.text();
            let builder = std::mem::take(&mut self.builder);
            self.builder = match &methods {
                None => builder.write(text, policy),
                Some(methods) => builder.write_on(methods, text, policy),
            };
            writes.push(Write {
                path,
                at: node.at,
                pattern,
                methods,
            });
        }
        writes
    }

    /// The policy of a table, with all that is wrong for a path with these parameters.
    /// `None` if one of its keys is wrong.
    pub(super) fn policy<P: Judged>(
        &mut self,
        (path, node): (&str, &Node),
        more: &'static [&'static str],
        shared: &Shared<'_>,
        parameters: Option<&[&str]>,
    ) -> Option<P> {
        let world = World {
            parameters,
            ..self.world
        };
        let all = said::<P>((path, node), more, shared, &mut self.notes);
        let policy = policy::<P>(path, &all, &world, &mut self.notes)?;
        for mistake in policy.judged(parameters.unwrap_or_default(), world.stores) {
            self.notes.note(node.at, path, &mistake);
        }
        Some(policy)
    }

    fn pattern(&mut self, path: &str, node: &Node) -> Option<Pattern> {
        let Value::Table(_) = node.value else {
            return None; // Told with its policy.
        };
        let Some(field) = node.field("path") else {
            self.notes.note(node.at, path, "there is no `path`");
            return None;
        };
        let read = text(&field.node);
        let pattern = read.and_then(|text| Pattern::parse(text).or_else(|it| field.node.wrong(it)));
        pattern
            .map_err(|wrong| self.notes.add(&format!("{path}.path"), wrong))
            .ok()
    }
}

/// What no key by itself is wrong with.
pub(super) trait Judged: Keyed {
    fn judged(&self, parameters: &[&str], stores: &[&str]) -> Vec<String>;
}

impl Judged for Policy {
    fn judged(&self, parameters: &[&str], stores: &[&str]) -> Vec<String> {
        self.mistakes(parameters, stores)
    }
}

impl Judged for WritePolicy {
    fn judged(&self, parameters: &[&str], _: &[&str]) -> Vec<String> {
        self.mistakes(parameters)
    }
}
