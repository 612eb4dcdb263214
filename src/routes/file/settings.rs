//! The policy of one table.

use super::inner::no_such_key;
use super::near::instead;
use super::node::{Node, Value, named, some};
use super::notes::Notes;
use super::setting::{Keyed, Said, Setting, World};
use std::collections::HashMap;

/// The shared policies of one kind: their table, and each by its name.
pub(super) struct Shared<'n> {
    pub(super) table: &'static str,
    pub(super) named: HashMap<&'n str, &'n Node>,
}

impl Shared<'_> {
    /// What there is instead of a name that is none.
    fn known(&self, name: &str) -> String {
        let mut names: Vec<_> = self.named.keys().copied().collect();
        names.sort_unstable();
        match names.as_slice() {
            [] => "there are none".to_owned(),
            // Among more of them nobody looks for a slip.
            all => instead(name, all.iter().copied().take(100), &some(all)),
        }
    }
}

/// The keys of this table, and those of the shared policy that it uses, in the order in
/// which they count. `more` are its keys that are none of a policy.
pub(super) fn said<'n, P: Keyed>(
    (path, table): (&str, &'n Node),
    more: &'static [&'static str],
    shared: &Shared<'n>,
    notes: &mut Notes<'_>,
) -> Vec<Said<'n>> {
    let Value::Table(fields) = &table.value else {
        notes.note(table.at, path, &format!("{} is no table", table.said()));
        return Vec::new();
    };
    let mut all = Vec::new();
    for field in fields {
        match place_of::<P>(&field.name) {
            _ if more.contains(&&*field.name) => {}
            Some(key) => all.push(Said {
                key,
                field,
                table: path.to_owned(),
                shared: false,
            }),
            None => {
                let path = format!("{path}.{}", named(&field.name));
                let keys = P::KEYS.iter().map(|key| key.name);
                let keys = more.iter().copied().chain(keys);
                notes.note_with(field.at, &path, || no_such_key(&field.name, keys));
            }
        }
    }
    if more.contains(&"use") {
        used::<P>((path, table), shared, &mut all, notes);
    }
    all.sort_by_key(|said| said.key);
    all
}

fn place_of<P: Keyed>(name: &str) -> Option<usize> {
    P::KEYS.iter().position(|key| key.name == name)
}

/// Adds what the policy says that the table uses, and the table does not say itself.
fn used<'n, P: Keyed>(
    (path, table): (&str, &'n Node),
    shared: &Shared<'n>,
    all: &mut Vec<Said<'n>>,
    notes: &mut Notes<'_>,
) {
    let Some(field) = table.field("use") else {
        return;
    };
    let path = format!("{path}.use");
    let Value::Text(name) = &field.node.value else {
        let what = format!("{} is no name of a policy", field.node.said());
        return notes.note(field.node.at, &path, &what);
    };
    let Some(policy) = shared.named.get(&**name) else {
        return notes.note_with(field.node.at, &path, || {
            let said = field.node.said();
            format!(
                "there is no {} {said}: {}",
                shared.table,
                shared.known(name)
            )
        });
    };
    let own: Vec<_> = all.iter().map(|said| said.key).collect();
    let Value::Table(fields) = &policy.value else {
        return; // Told where it stands.
    };
    for field in fields {
        let Some(key) = place_of::<P>(&field.name) else {
            continue; // Told where it stands.
        };
        let replaces = |own: &usize| P::KEYS[*own].instead_of.contains(&&*field.name);
        if own.contains(&key) || own.iter().any(replaces) {
            continue;
        }
        all.push(Said {
            key,
            field,
            table: format!("{}.{}", shared.table, named(name)),
            shared: true,
        });
    }
}

/// The policy that these keys make, for the table of this path; `None` if one of them is
/// wrong.
pub(super) fn policy<P: Keyed>(
    path: &str,
    all: &[Said<'_>],
    world: &World<'_>,
    notes: &mut Notes<'_>,
) -> Option<P> {
    let (mut policy, mut right) = (P::default(), true);
    for said in all {
        let mut setting = Setting {
            node: &said.field.node,
            policy: &mut policy,
            all,
            world,
            wrong: Vec::new(),
        };
        (P::KEYS[said.key].set)(&mut setting);
        let mut wrong = setting.wrong;
        right &= wrong.is_empty();
        // What is wrong with some of its routes only.
        if said.shared && world.parameters.is_some() && !wrong.is_empty() {
            let alone = World {
                parameters: None,
                ..*world
            };
            let known = of_itself::<P>(said, all, &alone);
            for one in &mut wrong {
                if !known.contains(&one.what) {
                    one.what.push_str(&format!(" (used by {path})"));
                }
            }
        }
        notes.add(&format!("{}.{}", said.table, said.field.name), wrong);
    }
    right.then_some(policy)
}

/// What is wrong with this key whatever the path is.
fn of_itself<P: Keyed>(said: &Said<'_>, all: &[Said<'_>], alone: &World<'_>) -> Vec<String> {
    let mut setting = Setting {
        node: &said.field.node,
        policy: &mut P::default(),
        all,
        world: alone,
        wrong: Vec::new(),
    };
    (P::KEYS[said.key].set)(&mut setting);
    setting.wrong.into_iter().map(|one| one.what).collect()
}
