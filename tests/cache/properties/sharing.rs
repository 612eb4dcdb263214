//! Two requests share an answer only if nothing differs that counts.

use super::holds;
use crate::origin::{Lines, Origin, response, with};
use crate::support::{Runs, request, send};
use proptest::prelude::*;
use tower_coherence::{Cache, Policy, Scope};

/// What tells requests apart here: each has a few values, so that they often agree.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Asked {
    host: &'static str,
    path: &'static str,
    query: &'static str,
    tenant: &'static str,
    language: Option<&'static str>,
    coding: Option<&'static str>,
    /// In no key and in no `Vary`.
    agent: &'static str,
}

fn asked() -> impl Strategy<Value = Asked> {
    let any_of = |values: &[&'static str]| prop::sample::select(values.to_vec());
    let languages = vec![None, Some(""), Some("de"), Some("DE"), Some("de, en")];
    let codings = vec![None, Some(""), Some("gzip"), Some("br")];
    (
        any_of(&["a.example", "b.example"]),
        any_of(&["/", "/a", "/a/", "/%61", "//a"]),
        any_of(&["", "?", "?x=1", "?x=1&y=2", "?y=2&x=1"]),
        any_of(&["one", "two"]),
        prop::sample::select(languages),
        prop::sample::select(codings),
        any_of(&["x", "y"]),
    )
        .prop_map(
            |(host, path, query, tenant, language, coding, agent)| Asked {
                host,
                path,
                query,
                tenant,
                language,
                coding,
                agent,
            },
        )
}

impl Asked {
    fn request(&self) -> http::Request<axum::body::Body> {
        let mut request = request("GET", &format!("{}{}", self.path, self.query));
        let fields = request.headers_mut();
        fields.insert("host", self.host.parse().unwrap());
        fields.insert("x-tenant", self.tenant.parse().unwrap());
        fields.insert("user-agent", self.agent.parse().unwrap());
        let optional = [
            ("accept-language", self.language),
            ("accept-encoding", self.coding),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                fields.insert(name, value.parse().unwrap());
            }
        }
        request
    }

    /// Whether nothing differs that the response says it depends on.
    fn is_same(&self, other: &Self, vary: &str) -> bool {
        let names = |name| vary.contains(name);
        let key = |asked: &Self| (asked.host, asked.path, asked.query, asked.tenant);
        key(self) == key(other)
            && (!names("accept-language") || self.language == other.language)
            && (!names("accept-encoding") || self.coding == other.coding)
    }
}

async fn share_only_what_is_the_same(
    vary: &'static str,
    all: Vec<Asked>,
) -> Result<(), TestCaseError> {
    let cache = Cache::local();
    let policy = Policy::from_headers().scope(|request| {
        let tenant = request.headers.get("x-tenant")?;
        Some(Scope::new(tenant.to_str().ok()?))
    });
    let runs = Runs::default();
    let origin = Origin::new(with(&cache, policy), move |_| {
        let lines: Lines<'_> = &[("cache-control", "max-age=60"), ("vary", vary)];
        response(200, lines, runs.next().to_string())
    });
    let mut answers: Vec<(Asked, String)> = Vec::new();
    for asked in all {
        let answer = send(&origin.app, asked.request()).await.body;
        for (other, text) in &answers {
            let same = asked.is_same(other, vary);
            prop_assert_eq!(same, *text == answer, "{:?} {:?}", asked, other);
        }
        answers.push((asked, answer));
    }
    Ok(())
}

#[test]
fn two_requests_share_an_answer_exactly_if_no_nominated_field_differs() {
    let vary = prop::sample::select(vec![
        "accept-language",
        "Accept-Encoding",
        "accept-encoding, Accept-Language",
        "x-other",
    ]);
    let vary = vary.prop_map(|vary| match vary {
        "Accept-Encoding" => "accept-encoding",
        "accept-encoding, Accept-Language" => "accept-encoding, accept-language",
        vary => vary,
    });
    let requests = prop::collection::vec(asked(), 2..12);
    holds(
        "two requests share an answer",
        400,
        (vary, requests),
        |(vary, requests)| share_only_what_is_the_same(vary, requests),
    );
}
