//! Routes for the same requests, and the methods that they are for.

use super::near::instead;
use super::node::{Node, Place};
use super::notes::Notes;
use super::value::{list, text};
use crate::routes::Pattern;
use crate::routes::paths::{self, ByMethod};
use crate::routes::pattern::told;
use http::Method;
use matchit::{InsertError, Router};
use std::collections::{HashMap, HashSet};

/// Each method that is named has all routes: more of them would take memory, and no
/// application has them.
const MOST_METHODS: usize = 64;

/// What is there so far.
#[derive(Default)]
pub(super) struct Clashes {
    reads: Router<usize>,
    /// The first table of each pattern, with its path in the file.
    known: HashMap<String, (String, Place)>,
    methods: HashSet<Method>,
}

/// A table of `[[write]]`.
pub(super) struct Write {
    pub(super) path: String,
    pub(super) at: Place,
    pub(super) pattern: Pattern,
    pub(super) methods: Option<Vec<Method>>,
}

impl Clashes {
    pub(super) fn read(
        &mut self,
        path: &str,
        node: &Node,
        pattern: &Pattern,
        notes: &mut Notes<'_>,
    ) {
        match paths::insert(&mut self.reads, pattern, 0) {
            Ok(()) => {
                let here = (path.to_owned(), node.at);
                self.known.insert(pattern.text().to_owned(), here);
            }
            Err(error) => {
                let with = with(&error).and_then(|text| self.known.get(text));
                let with = with.map(|(path, at)| (&**path, *at));
                notes.note(node.at, path, &clash(&error, with, notes));
            }
        }
    }

    pub(super) fn writes(&self, writes: &[Write], notes: &mut Notes<'_>) {
        let mut all = ByMethod::of(self.methods.iter());
        let mut known: HashMap<&str, Vec<&Write>> = HashMap::new();
        for write in writes {
            if let Err(error) = all.insert(write.methods.as_deref(), &write.pattern, 0) {
                let same = with(&error).and_then(|text| known.get(text));
                let with = same.and_then(|same| same.iter().find(|it| it.meets(write)));
                let with = with.map(|it| (&*it.path, it.at));
                notes.note(write.at, &write.path, &clash(&error, with, notes));
            }
            known.entry(write.pattern.text()).or_default().push(write);
        }
    }

    /// A route is for this method.
    pub(super) fn names(&mut self, method: &Method) {
        self.methods.insert(method.clone());
    }

    /// The methods of a table; `None` if they are none.
    #[allow(clippy::option_option, reason = "no list is a list of all")]
    pub(super) fn methods(
        &mut self,
        path: &str,
        node: &Node,
        notes: &mut Notes<'_>,
    ) -> Option<Option<Vec<Method>>> {
        let Some(field) = node.field("methods") else {
            return Some(None);
        };
        let path = format!("{path}.methods");
        let read = list(&field.node, |item| match text(item)? {
            "GET" | "HEAD" | "OPTIONS" | "TRACE" | "QUERY" => {
                item.wrong(format!("{} does not write", item.said()))
            }
            name => method(name).or_else(|what| item.wrong(what)),
        });
        match read {
            Err(wrong) => notes.add(&path, wrong),
            Ok(methods) if methods.is_empty() => {
                notes.note(field.node.at, &path, "it is for no method");
            }
            Ok(methods) => {
                self.methods.extend(methods.iter().cloned());
                if self.methods.len() <= MOST_METHODS {
                    return Some(Some(methods));
                }
                let what = format!("the file names more than {MOST_METHODS} methods");
                notes.note(field.node.at, &path, &what);
            }
        }
        None
    }
}

/// Methods have a case, and all known ones are in capitals.
fn method(name: &str) -> Result<Method, String> {
    const KNOWN: [&str; 4] = ["POST", "PUT", "PATCH", "DELETE"];
    let name: Method = name
        .parse()
        .ok()
        .filter(|_| !name.bytes().any(|byte| byte.is_ascii_lowercase()))
        .ok_or_else(|| {
            let capitals = name.to_uppercase();
            let instead = instead(&capitals, KNOWN, "those of HTTP, in capitals");
            format!("{} is no method: {instead}", super::node::shown(name))
        })?;
    Ok(name)
}

impl Write {
    pub(super) fn is_for(&self, method: &Method) -> bool {
        let methods = self.methods.as_ref();
        methods.is_none_or(|methods| methods.contains(method))
    }

    /// Whether both are for one method.
    fn meets(&self, other: &Self) -> bool {
        let (Some(one), Some(other)) = (&self.methods, &other.methods) else {
            return true;
        };
        one.iter().any(|method| other.contains(method))
    }
}

fn with(error: &InsertError) -> Option<&str> {
    match error {
        InsertError::Conflict { with } => Some(with),
        _ => None,
    }
}

fn clash(error: &InsertError, with: Option<(&str, Place)>, notes: &Notes<'_>) -> String {
    let with = with.map(|(path, at)| format!(" ({path}{})", notes.line(at)));
    format!("{}{}", told(error), with.unwrap_or_default())
}
