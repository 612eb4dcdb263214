//! Targets as fingerprints: what the race core compares.

use crate::path::{self, CanonicalPath};
use crate::random;
use crate::scope::Scope;
use crate::store::race::{Name, Raise, Strength as Force};
use crate::tag::Tag;
use crate::target::{Strength, Target, What};
use siphasher::sip128::{Hasher128, SipHasher13};
use std::hash::Hash;

/// Makes keyed 128-bit fingerprints. The key is random for each cache, so that
/// nobody outside can aim at a collision.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    key: SipHasher13,
}

/// What an entry is known by, besides the targets all entries have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EntryNames<'a> {
    pub(crate) scope: Option<&'a Scope>,
    /// The whole URI, as [`crate::target::uri`] writes it.
    pub(crate) uri: &'a str,
    /// Whether it answers other queries than that of the URI too.
    pub(crate) any_query: bool,
    /// The path of the URI in canonical form.
    pub(crate) path: &'a CanonicalPath,
    pub(crate) tags: &'a [Tag],
    /// The groups of RFC 9875 with their one origin.
    pub(crate) origin: &'a str,
    pub(crate) groups: &'a [Box<str>],
}

#[derive(Clone, Copy, Hash)]
enum Kind {
    Key,
    Uri,
    Path,
    Prefix,
    Tag,
    Group,
    Scope,
}

impl Names {
    pub(crate) fn new() -> Self {
        Self {
            key: SipHasher13::new_with_keys(random::number(), random::number()),
        }
    }

    /// The fingerprint of a key; `write` feeds it.
    pub(crate) fn of_key(&self, write: impl FnOnce(&mut SipHasher13)) -> u128 {
        let mut hasher = self.key;
        (Kind::Key as u8).hash(&mut hasher);
        write(&mut hasher);
        hasher.finish128().as_u128()
    }

    /// The cells that an invalidation of this target raises. A prefix also raises
    /// the path of that very name, so that an entry needs no cell for the prefix
    /// that is its own path. A URI also reaches what answers several queries: how a
    /// route reduces them is not known here.
    pub(crate) fn raises(&self, target: &Target) -> impl Iterator<Item = Raise> + use<> {
        let scope = target.scope.as_ref();
        let strength = match target.strength {
            Strength::Soft => Force::Soft,
            Strength::Hard => Force::Hard,
        };
        let (first, second) = match &target.what {
            What::Uri(uri) => (
                self.target(Kind::Uri, scope, [uri, ""]),
                Some(self.target(Kind::Uri, scope, [without_query(uri), ANY_QUERY])),
            ),
            What::Path(path) => (self.target(Kind::Path, scope, [path.as_str(), ""]), None),
            What::Prefix(path) => (
                self.target(Kind::Prefix, scope, [path.as_str(), ""]),
                Some(self.target(Kind::Path, scope, [path.as_str(), ""])),
            ),
            What::Tag(tag) => (self.target(Kind::Tag, scope, [tag.as_str(), ""]), None),
            What::Group { origin, name } => (self.target(Kind::Group, scope, [origin, name]), None),
            What::Everything => match scope {
                Some(_) => (self.target(Kind::Scope, scope, ["", ""]), None),
                None => (Name::Everything, None),
            },
        };
        [Some(first), second]
            .into_iter()
            .flatten()
            .map(move |name| Raise { name, strength })
    }

    /// The cells that an entry is compared with: its URI, its path, each prefix
    /// above it, tags, groups and scope. (That of everything is the core's own.)
    pub(crate) fn of_entry(&self, entry: &EntryNames<'_>) -> Vec<u128> {
        let scope = entry.scope;
        let path = entry.path.as_str();
        let mut names = vec![
            match entry.any_query {
                false => self.fingerprint(Kind::Uri, scope, [entry.uri, ""]),
                true => self.fingerprint(Kind::Uri, scope, [without_query(entry.uri), ANY_QUERY]),
            },
            self.fingerprint(Kind::Path, scope, [path, ""]),
        ];
        names.extend(
            path::ancestors(path).map(|above| self.fingerprint(Kind::Prefix, scope, [above, ""])),
        );
        names.extend(
            entry
                .tags
                .iter()
                .map(|tag| self.fingerprint(Kind::Tag, scope, [tag.as_str(), ""])),
        );
        names.extend(
            entry
                .groups
                .iter()
                .map(|name| self.fingerprint(Kind::Group, scope, [entry.origin, name])),
        );
        names.extend(scope.map(|_| self.fingerprint(Kind::Scope, scope, ["", ""])));
        names
    }

    fn target(&self, kind: Kind, scope: Option<&Scope>, parts: [&str; 2]) -> Name {
        Name::Target(self.fingerprint(kind, scope, parts))
    }

    /// `str::hash` ends each part with a byte that no text contains, so that the
    /// parts cannot run into one another.
    fn fingerprint(&self, kind: Kind, scope: Option<&Scope>, parts: [&str; 2]) -> u128 {
        let mut hasher = self.key;
        (kind as u8).hash(&mut hasher);
        scope.map(Scope::as_str).hash(&mut hasher);
        parts.hash(&mut hasher);
        hasher.finish128().as_u128()
    }
}

/// Beside a URI without its query.
const ANY_QUERY: &str = "?";

fn without_query(uri: &str) -> &str {
    uri.split('?').next().unwrap_or(uri)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::Invalidate;

    fn covers(what: &Invalidate, path: &str, scope: Option<&Scope>) -> bool {
        let names = Names::new();
        let canonical = CanonicalPath::new(path);
        let uri = crate::target::uri("http", "example.com", path);
        let entry = names.of_entry(&EntryNames {
            scope,
            uri: &uri,
            any_query: false,
            path: &canonical,
            tags: &[Tag::new("t")],
            origin: "http://example.com",
            groups: &["g".into()],
        });
        what.targets()
            .iter()
            .flat_map(|target| names.raises(target))
            .any(|raise| match raise.name {
                Name::Everything => true,
                Name::Target(name) => entry.contains(&name),
            })
    }

    #[test]
    fn a_prefix_covers_its_own_path_and_whole_segments_below() {
        let what = Invalidate::prefix("/a/b");
        for path in ["/a/b", "/a/b/", "/a/b/c", "/a/%62/c"] {
            assert!(covers(&what, path, None), "{path}");
        }
        for path in ["/a", "/a/bc", "/a/b%2Fc", "/"] {
            assert!(!covers(&what, path, None), "{path}");
        }
        assert!(covers(&Invalidate::prefix("/"), "/", None));
        assert!(covers(&Invalidate::prefix(""), "/a", None));
    }

    #[test]
    fn a_tag_and_a_group_of_one_name_never_match_each_other() {
        let group = |origin: &str, name: &str| {
            Invalidate::of(What::Group {
                origin: origin.into(),
                name: name.into(),
            })
        };
        assert!(covers(&Invalidate::tag("t"), "/", None));
        assert!(!covers(&Invalidate::tag("g"), "/", None));
        assert!(covers(&group("http://example.com", "g"), "/", None));
        assert!(!covers(&group("http://example.org", "g"), "/", None));
        assert!(!covers(&group("http://example.com", "t"), "/", None));
    }

    #[test]
    fn a_scope_is_a_partition() {
        let scope = Scope::new("one");
        assert!(covers(
            &Invalidate::tag("t").inside(&scope),
            "/",
            Some(&scope)
        ));
        assert!(!covers(&Invalidate::tag("t").inside(&scope), "/", None));
        assert!(!covers(&Invalidate::tag("t"), "/", Some(&scope)));
        assert!(covers(
            &Invalidate::everything().inside(&scope),
            "/",
            Some(&scope)
        ));
        assert!(!covers(
            &Invalidate::everything().inside(&scope),
            "/",
            Some(&Scope::new("two"))
        ));
        assert!(covers(&Invalidate::everything(), "/", Some(&scope)));
    }
}
