//! Templates: texts with holes that a request and its response fill.
//!
//! ```text
//! template = 1*( text / "{{" / "}}" / "{" [source "."] name [":" form] ["?"] "}" )
//! source   = query | header | cookie | response, none = path parameter
//! form     = int | uuid | lower | slug
//! ```
//!
//! | question | file |
//! | --- | --- |
//! | What does the text say? | `parse` |
//! | What stands in a hole? | `facts`, `decoded` |
//! | How is that written, so that one thing has one spelling? | `form` |
//! | What comes of the whole? | `render`, `list` |

mod decoded;
mod facts;
mod form;
#[cfg(test)]
mod fuzz;
mod hole;
mod list;
mod parse;
mod render;

pub(crate) use facts::Facts;
pub(crate) use hole::{Hole, Source};
pub(crate) use list::Templates;
pub(crate) use render::{Rendered, Use};

use std::fmt;

/// A text with holes. One without any is a constant.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Template {
    text: Box<str>,
    pieces: Box<[Piece]>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Piece {
    Text(Box<str>),
    Hole(Hole),
}

impl Template {
    /// As it was written.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn holes(&self) -> impl Iterator<Item = &Hole> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Hole(hole) => Some(hole),
            Piece::Text(_) => None,
        })
    }

    /// What it looks like: the text, with a brace for each hole.
    fn shape(&self) -> String {
        let pieces = self.pieces.iter().map(|piece| match piece {
            Piece::Text(text) => text,
            Piece::Hole(_) => "{",
        });
        pieces.collect()
    }

    /// What stands before the first hole.
    pub(crate) fn beginning(&self) -> &str {
        match self.pieces.first() {
            Some(Piece::Text(text)) => text,
            _ => "",
        }
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.text)
    }
}
