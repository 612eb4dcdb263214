//! Tags: names under which entries fall together, for the whole namespace.

use http::HeaderName;
use std::fmt::{self, Display};
use std::sync::Arc;

/// The most tags one entry may carry. A response with more is not stored:
/// a tag silently dropped would be an entry that nobody can purge.
pub const MAX_TAGS: usize = 128;

/// The most bytes one tag may have. A response with a longer tag is not stored.
pub const MAX_TAG_BYTES: usize = 256;

/// Among more than these a tag is not looked for before it is added: looking would
/// cost the square of their number, and repeating one changes nothing.
const SEARCHED: usize = 1024;

/// A name under which stored responses are invalidated together.
///
/// A tag is compared byte by byte and is shared by every authority of the
/// namespace. It never matches a *group* of RFC 9875, which belongs to one
/// origin.
///
/// Cloning a tag is one reference count.
///
/// ```
/// use tower_coherence::Tag;
/// assert_eq!(Tag::of("product", 7).as_str(), "product:7");
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(Arc<str>);

impl Tag {
    /// A tag with exactly this name.
    ///
    /// Names that are empty or longer than [`MAX_TAG_BYTES`] can be made and
    /// invalidated, but a response that carries one is not stored.
    #[must_use]
    pub fn new(name: impl AsRef<str>) -> Self {
        Self(Arc::from(name.as_ref()))
    }

    /// The tag `kind:id`, so that one entity has one spelling everywhere.
    #[must_use]
    pub fn of(kind: &str, id: impl Display) -> Self {
        Self(Arc::from(format!("{kind}:{id}")))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether an entry may carry this tag.
    pub(crate) fn is_storable(&self) -> bool {
        !self.0.is_empty() && self.0.len() <= MAX_TAG_BYTES
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tag({:?})", &*self.0)
    }
}

impl Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for Tag {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Tag {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

impl From<String> for Tag {
    fn from(name: String) -> Self {
        Self(Arc::from(name))
    }
}

/// A header field of a vendor in which a response names its tags. Which ones a cache
/// heeds is said with [`CacheBuilder::tag_fields`](crate::CacheBuilder::tag_fields).
///
/// Their tags are like those of a handler, and invalidated by name. Never write a
/// client's text into such a field: with a separator in it, it is two tags.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum TagField {
    /// `Surrogate-Key` (Fastly): between spaces, case counts.
    SurrogateKey,
    /// `Cache-Tag` (Cloudflare): between commas, and case does not count. The tags are
    /// made of lower-case letters: `Product-7` is invalidated as `product-7`.
    CacheTag,
    /// `Edge-Cache-Tag` (Akamai): between commas, case counts.
    EdgeCacheTag,
    /// `xkey` (Varnish): between spaces or commas, case counts.
    XKey,
}

impl TagField {
    pub(crate) fn name(self) -> HeaderName {
        HeaderName::from_static(match self {
            Self::SurrogateKey => "surrogate-key",
            Self::CacheTag => "cache-tag",
            Self::EdgeCacheTag => "edge-cache-tag",
            Self::XKey => "xkey",
        })
    }
}

/// Several tags. Marks add up: tags noted in different places are merged.
///
/// ```
/// use tower_coherence::{Tag, Tags};
/// let tags = Tags::from(["products"]).and(Tag::of("product", 7));
/// assert_eq!(tags.iter().count(), 2);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags(Vec<Tag>);

impl Tags {
    /// No tags.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// These tags and one more. A tag that is already there is not repeated, unless
    /// there are more than a thousand.
    #[must_use]
    pub fn and(mut self, tag: impl Into<Tag>) -> Self {
        self.insert(tag.into());
        self
    }

    /// The tags, in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = &Tag> {
        self.0.iter()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    fn insert(&mut self, tag: Tag) {
        if self.0.len() >= SEARCHED || !self.0.contains(&tag) {
            self.0.push(tag);
        }
    }
}

impl<T: Into<Tag>> Extend<T> for Tags {
    fn extend<I: IntoIterator<Item = T>>(&mut self, tags: I) {
        for tag in tags {
            self.insert(tag.into());
        }
    }
}

impl<T: Into<Tag>> FromIterator<T> for Tags {
    fn from_iter<I: IntoIterator<Item = T>>(tags: I) -> Self {
        let mut all = Self::new();
        all.extend(tags);
        all
    }
}

impl<T: Into<Tag>, const N: usize> From<[T; N]> for Tags {
    fn from(tags: [T; N]) -> Self {
        tags.into_iter().collect()
    }
}

impl<T: Into<Tag>> From<T> for Tags {
    fn from(tag: T) -> Self {
        Self(vec![tag.into()])
    }
}

impl IntoIterator for Tags {
    type Item = Tag;
    type IntoIter = std::vec::IntoIter<Tag>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
