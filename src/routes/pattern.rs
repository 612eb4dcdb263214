//! The pattern of a path.

use matchit::{InsertError, Router};
use std::fmt;

/// No longer one is any use, and each parameter is compared with all others.
const MAX_BYTES: usize = 4096;

/// The pattern of a path, as axum 0.8 writes it: `/a/{id}`, `/a/{*rest}`.
#[derive(Clone)]
pub(crate) struct Pattern {
    text: Box<str>,
    names: Box<[Box<str>]>,
    /// Only this pattern, to find its parameters by.
    alone: Router<()>,
}

impl Pattern {
    /// An error says what is wrong, but not with which pattern.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if !text.starts_with('/') {
            return Err("a path begins with `/`".to_owned());
        }
        if text.len() > MAX_BYTES {
            return Err(format!("it is longer than {MAX_BYTES} bytes"));
        }
        // As axum: what its version 0.7 took for a parameter is no text by mistake.
        if text.split('/').any(|segment| segment.starts_with(':')) {
            return Err("a parameter is written `{name}`, not `:name`".to_owned());
        }
        if text.split('/').any(|segment| segment.starts_with('*')) {
            return Err("the rest of a path is written `{*name}`, not `*name`".to_owned());
        }
        let mut alone = Router::new();
        alone.insert(text, ()).map_err(|error| told(&error))?;
        let names = names(text);
        for (at, name) in names.iter().enumerate() {
            if names[..at].contains(name) {
                return Err(format!("the parameter `{name}` is there twice"));
            }
        }
        Ok(Self {
            text: text.into(),
            names: names.into_iter().map(Box::from).collect(),
            alone,
        })
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The names of its parameters.
    pub(super) fn names(&self) -> Vec<&str> {
        self.names.iter().map(|name| &**name).collect()
    }

    /// The parameters of a path that it matches, as they stand there.
    pub(crate) fn parameters<'a>(&'a self, path: &'a str) -> Vec<(&'a str, &'a str)> {
        let Ok(found) = self.alone.at(path) else {
            return Vec::new();
        };
        found.params.iter().collect()
    }

    /// What stands in a path that it matches before the segment of this parameter.
    pub(crate) fn before<'a>(&self, path: &'a str, parameter: &str) -> Option<&'a str> {
        let found = self.alone.at(path).ok()?;
        let value = found.params.get(parameter)?;
        // The value is a part of the path: so far from its start.
        let at = (value.as_ptr() as usize).checked_sub(path.as_ptr() as usize)?;
        let before = path.get(..at)?;
        Some(&before[..before.rfind('/')?])
    }
}

/// What a router says of a pattern that it does not take.
pub(super) fn told(error: &InsertError) -> String {
    match error {
        InsertError::Conflict { with } => format!("it matches the same paths as {with:?}"),
        InsertError::InvalidParamSegment => {
            "a segment has one parameter at most, at its end".to_owned()
        }
        InsertError::InvalidParam => {
            "a parameter is written `{name}`, and a brace in a path `{{` or `}}`".to_owned()
        }
        InsertError::InvalidCatchAll => "`{*name}` is a whole segment, the last one".to_owned(),
        other => other.to_string(),
    }
}

/// The names of the parameters of a pattern that is right.
fn names(text: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        let after = &rest[at + 1..];
        if let Some(escaped) = after.strip_prefix('{') {
            rest = escaped;
            continue;
        }
        let Some(end) = after.find('}') else { break };
        names.push(after[..end].trim_start_matches('*'));
        rest = &after[end + 1..];
    }
    names
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_axum_takes_is_a_pattern_and_what_it_refuses_is_none() {
        for text in ["/", "/a", "/a/", "/a/{id}", "/a/{id}/b/{*rest}", "/{{a}}"] {
            assert!(Pattern::parse(text).is_ok(), "{text}");
        }
        let long = format!("/{}", "x".repeat(MAX_BYTES));
        assert!(Pattern::parse(&long[..MAX_BYTES]).is_ok());
        for (text, what) in [
            (&*long, "longer than 4096 bytes"),
            ("", "begins with `/`"),
            ("a", "begins with `/`"),
            ("/:id", "not `:name`"),
            ("/a/*rest", "not `*name`"),
            ("/{*rest}/a", "the last one"),
            ("/{a}{b}", "one parameter"),
            ("/{}", "is written `{name}`"),
            ("/{a", "is written `{name}`"),
            ("/{id}/b/{id}", "`id` is there twice"),
        ] {
            let told = Pattern::parse(text).unwrap_err();
            assert!(told.contains(what), "{text}: {told}");
        }
    }

    #[test]
    fn its_parameters_stand_in_the_path_as_the_client_sent_them() {
        let pattern = Pattern::parse("/{{x}}/{id}/{*rest}").unwrap();
        assert_eq!(pattern.names(), ["id", "rest"]);
        let path = "/{x}/%37/a/b%2Fc";
        assert_eq!(
            pattern.parameters(path),
            [("id", "%37"), ("rest", "a/b%2Fc")]
        );
        assert_eq!(pattern.before(path, "id"), Some("/{x}"));
        assert_eq!(pattern.before(path, "rest"), Some("/{x}/%37"));
        assert_eq!(pattern.before(path, "other"), None);
        assert_eq!(pattern.before("/other", "id"), None);
        let first = Pattern::parse("/{id}").unwrap();
        assert_eq!(first.before("/7", "id"), Some(""));
    }

    proptest::proptest! {
        #[test]
        fn any_path_has_parameters_that_stand_in_it(path in "/[a-c/%{}*é]{0,12}") {
            for text in ["/{id}", "/a/{id}/b/{*rest}", "/a-{id}", "/{*rest}"] {
                let pattern = Pattern::parse(text).unwrap();
                for (name, value) in pattern.parameters(&path) {
                    let before = pattern.before(&path, name).unwrap();
                    proptest::prop_assert!(path.starts_with(before));
                    proptest::prop_assert!(path[before.len()..].contains(value));
                }
            }
        }

        #[test]
        fn any_text_is_a_pattern_or_not(text in "/[a-b/{}*:é]{0,12}") {
            if let Ok(pattern) = Pattern::parse(&text) {
                let _ = pattern.parameters(&text);
            }
        }
    }
}
