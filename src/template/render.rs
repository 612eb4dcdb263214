//! What comes of a template, a request and a response.

use super::decoded::push_encoded;
use super::facts::{Facts, Value};
use super::hole::{Hole, Need, Source};
use super::{Piece, Template};
use std::borrow::Cow;

/// What the text is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Use {
    Tag,
    /// What fills a hole is encoded: it makes no segments of its own, unless it is the
    /// rest of a path.
    Path,
}

/// What came of a template.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Rendered<'t> {
    Whole(String),
    /// A hole with `?` has nothing that fits.
    LeftOut,
    /// A hole has nothing that fits: the first one, and the text before it.
    Open(String, &'t Hole),
}

impl Template {
    pub(crate) fn render(&self, facts: &Facts<'_>, purpose: Use) -> Rendered<'_> {
        let mut text = String::with_capacity(self.text.len());
        let mut left_out = false;
        for piece in &self.pieces {
            match piece {
                Piece::Text(plain) => text.push_str(plain),
                Piece::Hole(hole) => match hole.fill(facts, purpose, &mut text) {
                    Ok(()) => {}
                    Err(Need::LeaveOut) => left_out = true,
                    // It comes first: to leave out too little is safe.
                    Err(Need::Always) => return Rendered::Open(text, hole),
                },
            }
        }
        if left_out {
            return Rendered::LeftOut;
        }
        Rendered::Whole(text)
    }
}

impl Hole {
    /// Adds what stands in the hole, or says what becomes of the template.
    fn fill(&self, facts: &Facts<'_>, purpose: Use, text: &mut String) -> Result<(), Need> {
        let value = match facts.value(&self.source) {
            Value::Text(value) => value,
            Value::Missing => return Err(self.need),
            Value::Unreadable => return Err(Need::Always),
        };
        let raw = match (&self.source, purpose, self.form) {
            (Source::Path(name), Use::Path, None) => facts.parameter(name),
            _ => None,
        };
        if let Some(raw) = raw {
            text.push_str(raw);
            return Ok(());
        }
        let value = match self.form {
            None => value,
            Some(form) => Cow::Owned(form.canonical(&value).ok_or(self.need)?),
        };
        match purpose {
            Use::Tag => text.push_str(&value),
            Use::Path => push_encoded(text, &value),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::COOKIE;
    use http::{HeaderMap, HeaderValue};

    fn with(template: &str, purpose: Use, change: impl FnOnce(&mut Facts<'_>)) -> String {
        let headers = HeaderMap::new();
        let mut facts = Facts {
            parameters: &[("id", "%37"), ("rest", "a/b%2Fc"), ("bad", "%FF")],
            query: Some("q=A+b%26&two=1&two=2&e=&%6E=v&flag"),
            headers: &headers,
            scope: Some("t1"),
            host: "shop.example",
            response: None,
        };
        change(&mut facts);
        match Template::parse(template).unwrap().render(&facts, purpose) {
            Rendered::Whole(text) => text,
            Rendered::LeftOut => "left out".to_owned(),
            Rendered::Open(before, _) => format!("open after {before:?}"),
        }
    }

    fn tag(template: &str) -> String {
        with(template, Use::Tag, |_| {})
    }

    #[test]
    fn holes_are_filled_from_path_query_scope_and_host_decoded_once() {
        for (template, text) in [
            ("product:{id:int}", "product:7"),
            ("{{{id}}}", "{7}"),
            ("r:{rest}", "r:a/b/c"),
            ("q:{query.q}", "q:A b&"),
            ("q:{query.q:lower}", "q:a b&"),
            ("q:{query.q:slug}", "q:a-b"),
            ("n:{query.n}", "n:v"),
            ("{scope}@{host}", "t1@shop.example"),
            ("plain", "plain"),
        ] {
            assert_eq!(tag(template), text, "{template}");
        }
    }

    #[test]
    fn a_missing_or_unfit_hole_leaves_out_with_a_question_mark_and_is_open_without() {
        for (hole, what) in [
            ("query.none", "missing"),
            ("query.e", "empty"),
            ("query.flag", "without a value"),
            ("query.q:int", "unfit"),
            ("nobody", "no such parameter"),
            ("header.x-a", "no such line"),
            ("cookie.a", "no such cookie"),
            ("response.x-a", "no response"),
        ] {
            assert_eq!(tag(&format!("a{{{hole}?}}")), "left out", "{what}");
            assert_eq!(tag(&format!("a{{{hole}}}")), "open after \"a\"", "{what}");
        }
        let none = |facts: &mut Facts<'_>| (facts.scope, facts.host) = (None, "");
        assert_eq!(with("{scope?}", Use::Tag, none), "left out");
        assert_eq!(with("{host?}", Use::Tag, none), "left out");
    }

    #[test]
    fn what_nobody_can_read_for_sure_is_open_even_with_a_question_mark() {
        assert_eq!(tag("a{query.two?}"), "open after \"a\"");
        assert_eq!(tag("a{bad?}"), "open after \"a\"");
        // And so is what else is open, whatever would be left out.
        assert_eq!(tag("a{query.none?}b{query.two}"), "open after \"ab\"");
    }

    #[test]
    fn fields_and_cookies_count_where_they_are_there_once() {
        let mut headers = HeaderMap::new();
        let mut add = |name: &'static str, value: &[u8]| {
            headers.append(name, HeaderValue::from_bytes(value).unwrap());
        };
        add("x-one", b" One ");
        add("x-two", b"1");
        add("x-two", b"2");
        add("x-odd", b"\xff");
        add(COOKIE.as_str(), b"a=1; b=2");
        add(COOKIE.as_str(), b"b=3;c = 4 ;d");
        let rendered = |template: &str| {
            let change = |facts: &mut Facts<'_>| {
                let headers: &'static HeaderMap = Box::leak(Box::new(headers.clone()));
                (facts.headers, facts.response) = (headers, Some(headers));
            };
            with(template, Use::Tag, change)
        };
        for source in ["header", "response"] {
            assert_eq!(rendered(&format!("{{{source}.x-one}}")), "One");
            assert_eq!(rendered(&format!("{{{source}.x-two?}}")), "open after \"\"");
            assert_eq!(rendered(&format!("{{{source}.x-odd?}}")), "open after \"\"");
        }
        assert_eq!(rendered("{cookie.a}{cookie.c}"), "14");
        assert_eq!(rendered("{cookie.b?}"), "open after \"\"");
        assert_eq!(rendered("{cookie.d?}"), "left out");
    }

    #[test]
    fn in_a_path_a_hole_makes_no_segment_of_its_own_unless_it_is_the_rest() {
        for (template, text) in [
            ("/p/{id}", "/p/%37"),
            ("/p/{id:int}", "/p/7"),
            ("/p/{rest}", "/p/a/b%2Fc"),
            ("/p/{rest:lower}", "/p/a%2Fb%2Fc"),
            ("/p/{query.q}/x", "/p/A%20b%26/x"),
        ] {
            assert_eq!(with(template, Use::Path, |_| {}), text, "{template}");
        }
    }
}
