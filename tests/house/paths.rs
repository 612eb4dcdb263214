//! The paths that a file names, in imports and elsewhere.

use crate::source::Source;
use crate::token::Token;

/// A path as it is written.
pub(crate) struct Written {
    pub(crate) segments: Vec<String>,
    pub(crate) line: usize,
    /// Modules written in the file around it, such as `mod inner { .. }`.
    inner: Vec<String>,
}

/// Paths into this crate, from its root: `crate::..`, and what `super::..` and
/// `self::..` come to.
pub(crate) fn own_paths(source: &Source) -> Vec<(Vec<String>, usize)> {
    let module = source.module();
    let from_root = |path: Written| {
        let mut at: Vec<String> = module.iter().map(|&m| m.to_owned()).collect();
        at.extend(path.inner);
        match path.segments[0].as_str() {
            "crate" => at.clear(),
            "self" | "super" => {}
            _ => return None,
        }
        for segment in path.segments {
            match segment.as_str() {
                "crate" | "self" => {}
                "super" => drop(at.pop()),
                _ => at.push(segment),
            }
        }
        Some((at, path.line))
    };
    paths(source).into_iter().filter_map(from_root).collect()
}

/// Every path of two segments or more, and every tree of every `use`.
pub(crate) fn paths(source: &Source) -> Vec<Written> {
    let tokens = &source.tokens;
    let mut found = Vec::new();
    let mut modules = Modules::default();
    let mut at = 0;
    while at < tokens.len() {
        modules.pass(tokens, at);
        let inner = || modules.open.iter().map(|(_, name)| name.clone()).collect();
        if matches!(text(tokens, at), "use") && !matches!(text(tokens, at + 1), "<") {
            at = tree(tokens, at + 1, &[], &mut |segments, line| {
                found.push(Written {
                    segments,
                    line,
                    inner: inner(),
                });
            });
        } else if begins_path(tokens, at) {
            let (segments, end) = plain(tokens, at);
            found.push(Written {
                segments,
                line: tokens[at].line,
                inner: inner(),
            });
            at = end;
        } else {
            at += 1;
        }
    }
    found
}

/// The `mod name {` that are open.
#[derive(Default)]
struct Modules {
    depth: usize,
    open: Vec<(usize, String)>,
}

impl Modules {
    fn pass(&mut self, tokens: &[Token], at: usize) {
        match text(tokens, at) {
            "{" => {
                self.depth += 1;
                if at >= 2 && text(tokens, at - 2) == "mod" {
                    self.open
                        .push((self.depth, text(tokens, at - 1).to_owned()));
                }
            }
            "}" => {
                self.open.retain(|(depth, _)| *depth < self.depth);
                self.depth = self.depth.saturating_sub(1);
            }
            _ => {}
        }
    }
}

fn text(tokens: &[Token], at: usize) -> &str {
    tokens.get(at).map_or("", |token| &token.text)
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c == '_' || c.is_alphabetic())
}

/// Whether a path of two segments or more begins here.
fn begins_path(tokens: &[Token], at: usize) -> bool {
    let continues = at > 0
        && text(tokens, at - 1) == "::"
        && at > 1
        && (is_name(text(tokens, at - 2)) || text(tokens, at - 2) == ">");
    is_name(text(tokens, at)) && text(tokens, at + 1) == "::" && !continues
}

fn plain(tokens: &[Token], mut at: usize) -> (Vec<String>, usize) {
    let mut segments = vec![text(tokens, at).to_owned()];
    at += 1;
    while text(tokens, at) == "::" && is_name(text(tokens, at + 1)) {
        segments.push(text(tokens, at + 1).to_owned());
        at += 2;
    }
    (segments, at)
}

/// Reads one tree of a `use` and returns where it ends.
fn tree(
    tokens: &[Token],
    mut at: usize,
    before: &[String],
    found: &mut impl FnMut(Vec<String>, usize),
) -> usize {
    let mut path = before.to_vec();
    let line = tokens.get(at).map_or(0, |token| token.line);
    loop {
        match text(tokens, at) {
            "::" => at += 1,
            "as" => at += 2,
            "{" => return branches(tokens, at + 1, &path, found),
            // `use a::*` and `use a::{self}` import `a`.
            "*" => at += 1,
            "self" if !path.is_empty() => at += 1,
            name if is_name(name) => {
                path.push(name.to_owned());
                at += 1;
            }
            _ => break,
        }
    }
    if !path.is_empty() {
        found(path, line);
    }
    at
}

fn branches(
    tokens: &[Token],
    mut at: usize,
    before: &[String],
    found: &mut impl FnMut(Vec<String>, usize),
) -> usize {
    while at < tokens.len() && text(tokens, at) != "}" {
        at = tree(tokens, at, before, found);
        if text(tokens, at) == "," {
            at += 1;
        } else if text(tokens, at) != "}" {
            return at;
        }
    }
    at + 1
}
