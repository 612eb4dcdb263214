//! What the text of a template says. An error says where, and what would be allowed.

use super::form::Form;
use super::hole::{Hole, Need, Source};
use super::{Piece, Template};
use http::HeaderName;
use std::fmt;

/// A longer one would name nothing that is stored.
const MAX_BYTES: usize = 2048;

/// More holes would make more of a request than it has.
const MAX_HOLES: usize = 16;

/// What is wrong with a template.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Mistake {
    text: Box<str>,
    /// Counted in characters, from one.
    column: usize,
    what: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { text, column, what } = self;
        let shown: String = text.chars().take(200).collect();
        write!(f, "template {shown:?}, column {column}: {what}")
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    pieces: Vec<Piece>,
    plain: String,
}

impl Template {
    pub(crate) fn parse(text: &str) -> Result<Self, Mistake> {
        let mut parser = Parser {
            text,
            at: 0,
            pieces: Vec::new(),
            plain: String::new(),
        };
        if text.is_empty() {
            return Err(parser.mistake(0, "it is empty"));
        }
        if text.len() > MAX_BYTES {
            return Err(parser.mistake(0, "it is longer than 2048 bytes"));
        }
        while parser.at < text.len() {
            parser.step()?;
        }
        parser.end_text();
        Ok(Self {
            text: text.into(),
            pieces: parser.pieces.into(),
        })
    }
}

impl<'a> Parser<'a> {
    fn step(&mut self) -> Result<(), Mistake> {
        let rest = &self.text[self.at..];
        match rest.find(['{', '}']) {
            None => {
                self.plain.push_str(rest);
                self.at = self.text.len();
            }
            Some(0) => return self.brace(rest),
            Some(length) => {
                self.plain.push_str(&rest[..length]);
                self.at += length;
            }
        }
        Ok(())
    }

    fn brace(&mut self, rest: &'a str) -> Result<(), Mistake> {
        for (doubled, brace) in [("{{", '{'), ("}}", '}')] {
            if rest.starts_with(doubled) {
                self.plain.push(brace);
                self.at += 2;
                return Ok(());
            }
        }
        if rest.starts_with('}') {
            return Err(self.mistake(self.at, "`}` closes nothing: a brace in the text is `}}`"));
        }
        let Some(length) = rest[1..].find(['{', '}']) else {
            let what = "`{` is not closed: a brace in the text is `{{`";
            return Err(self.mistake(self.at, what));
        };
        if rest[1 + length..].starts_with('{') {
            return Err(self.mistake(self.at + 1 + length, "there is a `{` inside of a hole"));
        }
        let hole = self.hole(&rest[1..=length])?;
        self.end_text();
        self.pieces.push(Piece::Hole(hole));
        if self.pieces.len() > 2 * MAX_HOLES {
            return Err(self.mistake(self.at, "it has more than 16 holes"));
        }
        self.at += length + 2;
        Ok(())
    }

    /// `inner` begins right after the brace at `at`.
    fn hole(&self, inner: &str) -> Result<Hole, Mistake> {
        let (inner, need) = match inner.strip_suffix('?') {
            Some(inner) => (inner, Need::LeaveOut),
            None => (inner, Need::Always),
        };
        let (from, form) = match inner.split_once(':') {
            None => (inner, None),
            Some((from, name)) => {
                let form = Form::named(name).ok_or_else(|| {
                    let what = format!("`{name}` is no form: allowed are {}", Form::NAMES);
                    self.mistake(self.at + 2 + from.len(), what)
                })?;
                (from, Some(form))
            }
        };
        let source = self.source(from)?;
        Ok(Hole { source, form, need })
    }

    fn source(&self, from: &str) -> Result<Source, Mistake> {
        let start = self.at + 1;
        let Some((source, name)) = from.split_once('.') else {
            self.check_name(from, start)?;
            return Ok(match from {
                "scope" => Source::Scope,
                "host" => Source::Host,
                name => Source::Path(name.into()),
            });
        };
        let name_at = start + source.len() + 1;
        self.check_name(name, name_at)?;
        match source {
            "query" => Ok(Source::Query(name.into())),
            "cookie" => Ok(Source::Cookie(name.into())),
            "header" => Ok(Source::Header(self.field(name, name_at)?)),
            "response" => Ok(Source::Response(self.field(name, name_at)?)),
            other => Err(self.mistake(
                start,
                format!(
                    "`{other}` is no source: allowed are query, header, cookie, response, and none for a parameter of the path"
                ),
            )),
        }
    }

    fn check_name(&self, name: &str, at: usize) -> Result<(), Mistake> {
        if name.is_empty() {
            return Err(self.mistake(at, "a name is missing"));
        }
        let odd = |letter: char| letter.is_whitespace() || letter.is_control() || letter == '?';
        match name.find(odd) {
            None => Ok(()),
            Some(offset) => Err(self.mistake(
                at + offset,
                "a name has no spaces, control characters and question marks",
            )),
        }
    }

    fn field(&self, name: &str, at: usize) -> Result<HeaderName, Mistake> {
        HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| self.mistake(at, format!("`{name}` is no name of a header field")))
    }

    fn end_text(&mut self) {
        if !self.plain.is_empty() {
            let text = std::mem::take(&mut self.plain).into();
            self.pieces.push(Piece::Text(text));
        }
    }

    fn mistake(&self, at: usize, what: impl Into<String>) -> Mistake {
        let before = self.text.get(..at).unwrap_or_default();
        Mistake {
            text: self.text.into(),
            column: before.chars().count() + 1,
            what: what.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(text: &str) -> String {
        Template::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn a_mistake_says_where_and_what_is_allowed() {
        for (text, column, what) in [
            ("a:{id:integer}", 7, "allowed are int, uuid, lower, slug"),
            (
                "ä:{form.id}",
                4,
                "allowed are query, header, cookie, response",
            ),
            ("{}", 2, "a name is missing"),
            ("{query.}", 8, "a name is missing"),
            ("{query. a}", 8, "no spaces"),
            ("{header.a b}", 10, "no spaces"),
            ("{header.(a)}", 9, "no name of a header field"),
            ("{response.ä}", 11, "no name of a header field"),
            ("x{id", 2, "is not closed"),
            ("x{id{y}", 5, "a `{` inside of a hole"),
            ("x}", 2, "closes nothing"),
            ("{a??}", 3, "question marks"),
            ("", 1, "empty"),
        ] {
            let said = complaint(text);
            assert!(said.contains(&format!("column {column}:")), "{said}");
            assert!(said.contains(what), "{said}");
        }
    }

    #[test]
    fn doubled_braces_are_braces_and_no_holes() {
        let template = Template::parse("{{a}}{{{id}}}").unwrap();
        assert_eq!(template.beginning(), "{a}{");
        assert_eq!(template.holes().count(), 1);
        assert_eq!(Template::parse("a b:c").unwrap().holes().count(), 0);
    }

    #[test]
    fn long_templates_and_ones_with_many_holes_are_refused() {
        assert!(Template::parse(&"x".repeat(2048)).is_ok());
        assert!(complaint(&"x".repeat(2049)).contains("2048"));
        assert!(Template::parse(&"x{a}".repeat(16)).is_ok());
        assert!(complaint(&"x{a}".repeat(17)).contains("16 holes"));
    }

    #[test]
    fn what_a_hole_says_is_read() {
        let template = Template::parse("{query.a.b[c]:lower?}").unwrap();
        let hole = template.holes().next().unwrap();
        assert_eq!(hole.source, Source::Query("a.b[c]".into()));
        assert_eq!((hole.form, hole.need), (Some(Form::Lower), Need::LeaveOut));
        for (text, source) in [
            ("{scope}", Source::Scope),
            ("{host}", Source::Host),
            ("{id}", Source::Path("id".into())),
            ("{cookie.sid}", Source::Cookie("sid".into())),
            (
                "{header.X-A}",
                Source::Header(HeaderName::from_static("x-a")),
            ),
            ("{response.etag}", Source::Response(http::header::ETAG)),
        ] {
            let template = Template::parse(text).unwrap();
            assert_eq!(template.holes().next().unwrap().source, source);
        }
    }
}
