//! Templates and what fills them, by clients who mean no good.

use super::{Facts, Rendered, Template, Use};
use crate::fuzz::{Target, texts};
use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;

const CORPUS: &[&str] = &[
    "product:{id:int}",
    "{query.a:lower?}x{header.x-a:slug}{cookie.c:uuid?}",
    "{{{scope}}}@{host}",
    "/a/{rest}/{response.x-b}",
    "{id",
    "}",
];

/// What a client sends, wherever it can.
const SENT: &[&str] = &[
    "7", "%37", "%", "%ff", "+", "a%2Fb", "\u{e9}", "İ", "{id}", "a=1; a=2", "", "%C4%B0",
];

#[test]
fn no_template_panics_and_what_it_makes_is_bounded_by_what_was_sent() {
    let target = Target {
        name: "template",
        cases: 40_000,
        corpus: texts(CORPUS),
        words: &[
            "{",
            "}",
            "{{",
            "}}",
            "?",
            ":",
            ".",
            "query.",
            "header.",
            "cookie.",
            "response.",
            ":int",
            ":uuid",
            ":lower",
            ":slug",
            "scope",
            "host",
            "id",
            "{id}",
        ],
    };
    target.holds(|input| {
        let Ok(text) = std::str::from_utf8(input) else {
            return Ok(false);
        };
        let Ok(template) = Template::parse(text) else {
            return Ok(false);
        };
        for sent in SENT {
            check(&template, sent)?;
        }
        Ok(true)
    });
}

fn check(template: &Template, sent: &str) -> Result<(), TestCaseError> {
    let mut headers = HeaderMap::new();
    for name in ["x-a", "x-b", "cookie"] {
        headers.append(name, HeaderValue::from_bytes(sent.as_bytes()).unwrap());
    }
    let query = format!("a={sent}&b");
    let facts = Facts {
        parameters: &[("id", sent), ("rest", sent)],
        query: Some(&query),
        headers: &headers,
        scope: Some(sent),
        host: sent,
        response: Some(&headers),
    };
    for purpose in [Use::Tag, Use::Path] {
        if let Rendered::Whole(text) = template.render(&facts, purpose) {
            let most = template.text().len() + 16 * (3 * sent.len() + 36);
            prop_assert!(text.len() <= most, "{text:?}");
            // The same facts make the same text, and constants make themselves.
            let again = Rendered::Whole(text.clone());
            prop_assert_eq!(template.render(&facts, purpose), again);
            if template.holes().next().is_none() {
                prop_assert_eq!(text, template.beginning());
            }
        }
    }
    Ok(())
}
