//! What an invalidation names.

use crate::concern::WriteConcern;
use crate::path::CanonicalPath;
use crate::scope::Scope;
use crate::tag::{Tag, Tags};
use std::fmt;

/// Among more than these a target is not looked for before it is added: looking
/// would cost the square of their number, and invalidating twice changes nothing.
const SEARCHED: usize = 1024;

/// How an invalidated entry may still be used.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Strength {
    /// It may be served stale while it is refreshed.
    Soft,
    /// It is never served again.
    Hard,
}

/// One thing that became stale.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Target {
    pub(crate) scope: Option<Scope>,
    pub(crate) what: What,
    pub(crate) strength: Strength,
}

/// The name of what became stale, inside a scope or outside all of them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum What {
    /// Exactly one URI: scheme, authority, path and query, as [`uri`] writes it.
    Uri(Box<str>),
    /// A path: all queries, authorities and variants.
    Path(CanonicalPath),
    /// A path and every path below it, by whole segments.
    Prefix(CanonicalPath),
    Tag(Tag),
    /// A group of RFC 9875, which belongs to one origin.
    Group {
        origin: Box<str>,
        name: Box<str>,
    },
    /// All entries of the scope; without a scope, of all scopes.
    Everything,
}

impl Target {
    pub(crate) fn hard(what: What) -> Self {
        Self {
            scope: None,
            what,
            strength: Strength::Hard,
        }
    }

    pub(crate) fn everything() -> Self {
        Self::hard(What::Everything)
    }

    /// About how many bytes it takes, in memory and on the bus.
    pub(crate) fn weight(&self) -> usize {
        let what = match &self.what {
            What::Uri(text) => text.len(),
            What::Path(path) | What::Prefix(path) => path.as_str().len(),
            What::Tag(tag) => tag.as_str().len(),
            What::Group { origin, name } => origin.len() + name.len(),
            What::Everything => 0,
        };
        what + self.scope.as_ref().map_or(0, |scope| scope.as_str().len()) + 16
    }
}

/// What became stale: targets, whether they may be served while they are
/// refreshed, and how far the news has to travel before the caller goes on.
///
/// An invalidation is *hard* unless [`soft`](Self::soft) is called: what it
/// covers is never served again.
///
/// ```
/// use tower_coherence::{Invalidate, Tag};
/// let what = Invalidate::tag(Tag::of("product", 7)).and_path("/products/7");
/// assert!(!what.is_empty());
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
#[must_use = "an invalidation does nothing until it is given to a cache or attached to a response"]
pub struct Invalidate {
    targets: Vec<Target>,
    concern: Option<WriteConcern>,
}

impl Invalidate {
    /// Nothing yet.
    pub fn nothing() -> Self {
        Self::default()
    }

    /// All entries that carry this tag.
    pub fn tag(tag: impl Into<Tag>) -> Self {
        Self::nothing().and_tag(tag)
    }

    /// All entries that carry any of these tags.
    pub fn tags(tags: impl Into<Tags>) -> Self {
        Self::nothing().and_tags(tags)
    }

    /// A path with all its queries, authorities and variants. Paths are compared
    /// on decoded segments: `/products/7` also names `/products/%37`.
    pub fn path(path: impl AsRef<str>) -> Self {
        Self::nothing().and_path(path)
    }

    /// Exactly one URI with its scheme, authority, path and query. Scheme and
    /// authority are compared without case, user information and the default
    /// port; path and query byte by byte. A URI without a scheme is taken as `http`.
    ///
    /// Without an authority the URI cannot be exact; then it is the same as
    /// [`path`](Self::path).
    pub fn uri(uri: impl AsRef<str>) -> Self {
        Self::of(uri_target(uri.as_ref()))
    }

    /// A path and every path below it, by whole segments: `/a` covers `/a`,
    /// `/a/` and `/a/b`, not `/ab`.
    pub fn prefix(path: impl AsRef<str>) -> Self {
        Self::nothing().and_prefix(path)
    }

    /// Every entry.
    pub fn everything() -> Self {
        Self::of(What::Everything)
    }

    /// This and all entries that carry the tag.
    pub fn and_tag(self, tag: impl Into<Tag>) -> Self {
        self.with(What::Tag(tag.into()))
    }

    /// This and all entries that carry any of the tags.
    pub fn and_tags(self, tags: impl Into<Tags>) -> Self {
        tags.into()
            .into_iter()
            .fold(self, |all, tag| all.with(What::Tag(tag)))
    }

    /// This and the path, see [`path`](Self::path).
    pub fn and_path(self, path: impl AsRef<str>) -> Self {
        self.with(What::Path(CanonicalPath::new(without_query(path.as_ref()))))
    }

    /// This and the prefix, see [`prefix`](Self::prefix).
    pub fn and_prefix(self, path: impl AsRef<str>) -> Self {
        self.with(What::Prefix(CanonicalPath::prefix(without_query(
            path.as_ref(),
        ))))
    }

    /// This and the other one. Each target keeps its own strength; of two write
    /// concerns the stronger is kept.
    pub fn and(mut self, other: impl Into<Self>) -> Self {
        let other = other.into();
        other
            .targets
            .into_iter()
            .for_each(|target| self.insert(target));
        self.concern = WriteConcern::stronger(self.concern, other.concern);
        self
    }

    /// Makes all targets so far *soft*: they may be served stale while they are
    /// refreshed, where the policy has a stale window; elsewhere they are filled
    /// again at the next request.
    pub fn soft(mut self) -> Self {
        self.targets
            .iter_mut()
            .for_each(|target| target.strength = Strength::Soft);
        self
    }

    /// How far the news has to travel before the caller goes on. Without it, the
    /// concern of the cache applies.
    pub fn concern(mut self, concern: WriteConcern) -> Self {
        self.concern = Some(concern);
        self
    }

    /// Whether it names nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }

    /// Whether it names everything, in all scopes.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.targets
            .iter()
            .any(|target| target.what == What::Everything && target.scope.is_none())
    }

    /// The same targets inside one scope.
    pub(crate) fn inside(mut self, scope: &Scope) -> Self {
        for target in &mut self.targets {
            target.scope.get_or_insert_with(|| scope.clone());
        }
        self
    }

    pub(crate) fn of(what: What) -> Self {
        Self::nothing().with(what)
    }

    pub(crate) fn with(mut self, what: What) -> Self {
        self.insert(Target::hard(what));
        self
    }

    pub(crate) fn insert(&mut self, target: Target) {
        if self.targets.len() >= SEARCHED || !self.targets.contains(&target) {
            self.targets.push(target);
        }
    }

    pub(crate) fn targets(&self) -> &[Target] {
        &self.targets
    }

    pub(crate) fn write_concern(&self) -> Option<WriteConcern> {
        self.concern
    }
}

impl fmt::Debug for Invalidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.targets).finish()
    }
}

impl FromIterator<Target> for Invalidate {
    fn from_iter<I: IntoIterator<Item = Target>>(targets: I) -> Self {
        Self {
            targets: targets.into_iter().collect(),
            concern: None,
        }
    }
}

impl From<Tag> for Invalidate {
    fn from(tag: Tag) -> Self {
        Self::tag(tag)
    }
}

impl From<Tags> for Invalidate {
    fn from(tags: Tags) -> Self {
        Self::tags(tags)
    }
}

/// The text of a URI target and of a stored response's URI: scheme and authority
/// in lower case, the default port dropped, path and query as they are
/// (RFC 9110 §4.2.3).
pub(crate) fn uri(scheme: &str, authority: &str, path_and_query: &str) -> Box<str> {
    format!("{}{path_and_query}", origin(scheme, authority)).into()
}

/// The text of an origin (RFC 6454 §6.1), normalised in the same way.
pub(crate) fn origin(scheme: &str, authority: &str) -> String {
    let mut text = format!("{scheme}://{}", without_default_port(scheme, authority));
    text.make_ascii_lowercase();
    text
}

/// The authority without `:80` for http and `:443` for https, and without the
/// colon of an empty port.
pub(crate) fn without_default_port<'a>(scheme: &str, authority: &'a str) -> &'a str {
    let default = if scheme.eq_ignore_ascii_case("https") {
        ":443"
    } else {
        ":80"
    };
    authority
        .strip_suffix(default)
        .or_else(|| authority.strip_suffix(':'))
        .unwrap_or(authority)
}

fn uri_target(text: &str) -> What {
    let text = text.split('#').next().unwrap_or(text);
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) if !scheme.contains(['/', '?']) => (scheme, rest),
        _ => match text.strip_prefix("//") {
            Some(rest) => ("http", rest),
            None => return What::Path(CanonicalPath::new(without_query(text))),
        },
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path_and_query) = rest.split_at(end);
    let authority = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    let slash = if path_and_query.starts_with('/') {
        ""
    } else {
        "/"
    };
    What::Uri(uri(scheme, authority, &format!("{slash}{path_and_query}")))
}

fn without_query(path: &str) -> &str {
    path.split(['?', '#']).next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(what: &Invalidate) -> &What {
        assert_eq!(what.targets().len(), 1);
        &what.targets()[0].what
    }

    #[test]
    fn a_uri_is_normalised_in_scheme_authority_and_port_only() {
        let what = Invalidate::uri("HTTP://Example.COM:80/A?b=C#d");
        assert_eq!(only(&what), &What::Uri("http://example.com/A?b=C".into()));
        let what = Invalidate::uri("http://user:secret@example.com/A");
        assert_eq!(only(&what), &What::Uri("http://example.com/A".into()));
        let what = Invalidate::uri("https://example.com:8443?q");
        assert_eq!(
            only(&what),
            &What::Uri("https://example.com:8443/?q".into())
        );
    }

    #[test]
    fn a_uri_without_an_authority_is_a_path() {
        let path = What::Path(CanonicalPath::new("/a"));
        assert_eq!(only(&Invalidate::uri("/a?next=http://b/")), &path);
    }

    #[test]
    fn marks_add_up_and_repeat_nothing() {
        let what = Invalidate::tag("a")
            .and_tag("a")
            .and(Invalidate::path("/x?y").soft())
            .and_path("/x");
        assert_eq!(what.targets().len(), 3);
        assert_eq!(what.targets()[1].strength, Strength::Soft);
    }
}
