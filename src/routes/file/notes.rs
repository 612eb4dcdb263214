//! All mistakes of a file, each with its line.

use super::node::Place;
use super::value::Wrong;
use crate::error::Error;
use std::fmt::Write;

/// More are not told.
const MOST: usize = 100;

/// The text of a file, to find lines in.
#[derive(Debug)]
pub(super) struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

/// The mistakes so far.
#[derive(Debug)]
pub(super) struct Notes<'a> {
    /// `None`: the format tells no places.
    lines: Option<Lines<'a>>,
    all: Vec<Note>,
    more: bool,
}

#[derive(PartialEq, Eq, Debug)]
struct Note {
    at: Place,
    text: String,
}

impl<'a> Lines<'a> {
    #[cfg(feature = "toml")]
    pub(super) fn of(text: &'a str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let starts = std::iter::once(0).chain(ends.map(|(at, _)| at + 1));
        Self {
            text,
            starts: starts.collect(),
        }
    }

    /// Line and column, in characters, from 1.
    fn position(&self, at: usize) -> (usize, usize) {
        let line = self.starts.partition_point(|start| *start <= at);
        let start = self.starts.get(line - 1).copied().unwrap_or_default();
        let before = self.text.get(start..at).unwrap_or_default();
        (line, before.chars().count() + 1)
    }
}

impl<'a> Notes<'a> {
    pub(super) fn new(lines: Option<Lines<'a>>) -> Self {
        Self {
            lines,
            all: Vec::new(),
            more: false,
        }
    }

    /// What is wrong there. The same is told once: a policy may have many routes.
    pub(super) fn note(&mut self, at: Place, path: &str, what: &str) {
        let text = match path {
            "" => what.to_owned(),
            path => format!("{path}: {what}"),
        };
        let note = Note { at, text };
        if self.all.contains(&note) {
            return;
        }
        if self.all.len() < MOST {
            self.all.push(note);
        } else {
            self.more = true;
        }
    }

    /// The same, said only if it is told: a large file may have any number of mistakes.
    pub(super) fn note_with(&mut self, at: Place, path: &str, what: impl FnOnce() -> String) {
        if self.all.len() < MOST {
            self.note(at, path, &what());
        } else {
            self.more = true;
        }
    }

    pub(super) fn add(&mut self, path: &str, wrong: Vec<Wrong>) {
        for Wrong { at, below, what } in wrong {
            self.note(at, &format!("{path}{below}"), &what);
        }
    }

    /// `, line 3`, where that is known.
    pub(super) fn line(&self, at: Place) -> String {
        match (&self.lines, at) {
            (Some(lines), Some(at)) => format!(", line {}", lines.position(at).0),
            _ => String::new(),
        }
    }

    /// The error of a file that has any, in the order of its lines.
    pub(super) fn end(mut self) -> Result<(), Error> {
        if self.all.is_empty() {
            return Ok(());
        }
        self.all.sort_by_key(|note| note.at);
        let mut told = "the route file has mistakes:".to_owned();
        for note in &self.all {
            told.push('\n');
            if let (Some(lines), Some(at)) = (&self.lines, note.at) {
                let (line, column) = lines.position(at);
                // Writing to a text does not fail.
                let _ = write!(told, "line {line}, column {column}: ");
            }
            told.push_str(&note.text);
        }
        if self.more {
            told.push_str("\nand more");
        }
        Err(Error::configuration(told))
    }
}
