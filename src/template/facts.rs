//! What a request and its response have for the holes of templates.

use super::decoded::{Plus, decoded};
use super::hole::Source;
use http::header::COOKIE;
use http::{HeaderMap, HeaderName};
use std::borrow::Cow;

/// What a request and its response have for the holes of templates.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts<'a> {
    /// The parameters of the path, as they stand in it.
    pub(crate) parameters: &'a [(&'a str, &'a str)],
    pub(crate) query: Option<&'a str>,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) scope: Option<&'a str>,
    /// In lower case, without a default port. Empty where the request has none.
    pub(crate) host: &'a str,
    /// Absent while there is no response, and if there never will be one.
    pub(crate) response: Option<&'a HeaderMap>,
}

/// What stands in a hole.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Value<'a> {
    /// Nothing, or nothing between `=` and `&`.
    Missing,
    /// It is there more than once, so that nobody knows which one the handler takes,
    /// or it is no text.
    Unreadable,
    Text(Cow<'a, str>),
}

impl<'a> Facts<'a> {
    pub(super) fn value(&self, source: &Source) -> Value<'a> {
        match source {
            Source::Path(name) => match self.parameter(name) {
                Some(raw) => decoded(raw, Plus::Plus).into(),
                None => Value::Missing,
            },
            Source::Query(name) => self.in_query(name),
            Source::Header(name) => line(self.headers, name),
            Source::Cookie(name) => self.cookie(name),
            Source::Response(name) => match self.response {
                Some(response) => line(response, name),
                None => Value::Missing,
            },
            Source::Scope => self.scope.map_or(Value::Missing, Value::of),
            Source::Host => Value::of(self.host),
        }
    }

    /// The parameter as it stands in the path.
    pub(super) fn parameter(&self, name: &str) -> Option<&'a str> {
        let found = self.parameters.iter().find(|(known, _)| *known == name);
        found.map(|(_, raw)| *raw)
    }

    fn in_query(&self, name: &str) -> Value<'a> {
        let pairs = self.query.unwrap_or_default().split('&');
        let values = pairs.filter_map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let is_it = decoded(key, Plus::Space).is_some_and(|key| key == name);
            is_it.then_some(value)
        });
        only(values).map_or(Value::Unreadable, |value| {
            value.map_or(Value::Missing, |raw| decoded(raw, Plus::Space).into())
        })
    }

    /// RFC 6265 §5.4.
    fn cookie(&self, name: &str) -> Value<'a> {
        let lines = self.headers.get_all(COOKIE).iter();
        let mut readable = true;
        let texts = lines.filter_map(|line| {
            let text = std::str::from_utf8(line.as_bytes());
            readable &= text.is_ok();
            text.ok()
        });
        let pairs = texts.flat_map(|text| text.split(';'));
        let values = pairs.filter_map(|pair| {
            let (key, value) = pair.split_once('=')?;
            (key.trim() == name).then(|| value.trim())
        });
        let value = only(values);
        match value {
            Some(_) if !readable => Value::Unreadable,
            None => Value::Unreadable,
            Some(value) => value.map_or(Value::Missing, Value::of),
        }
    }
}

impl<'a> Value<'a> {
    fn of(text: &'a str) -> Self {
        Self::from(Some(Cow::Borrowed(text)))
    }
}

impl<'a> From<Option<Cow<'a, str>>> for Value<'a> {
    fn from(text: Option<Cow<'a, str>>) -> Self {
        match text {
            None => Self::Unreadable,
            Some(text) if text.is_empty() => Self::Missing,
            Some(text) => Self::Text(text),
        }
    }
}

/// The one value, if there is any; `None`: there are more.
#[allow(clippy::option_option, reason = "none, one and many")]
fn only<'a>(mut values: impl Iterator<Item = &'a str>) -> Option<Option<&'a str>> {
    let first = values.next();
    values.next().is_none().then_some(first)
}

fn line<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Value<'a> {
    let mut lines = headers.get_all(name).iter();
    let Some(line) = lines.next() else {
        return Value::Missing;
    };
    if lines.next().is_some() {
        return Value::Unreadable;
    }
    let text = std::str::from_utf8(line.as_bytes()).ok();
    text.map(|text| Cow::Borrowed(text.trim())).into()
}
