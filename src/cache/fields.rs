//! Response fields that are for this cache.

use super::builder::CacheBuilder;
use crate::error::Error;
use crate::semantics::{COHERENCE_CACHE_CONTROL, CacheName};
use crate::tag::TagField;
use http::HeaderName;

/// What the builder was told of response fields.
#[derive(Clone, Debug)]
pub(crate) struct Fields {
    /// These come before `Cache-Control`, the first of them first.
    pub(crate) targeted: Vec<HeaderName>,
    /// These name tags.
    pub(crate) tags: Vec<TagField>,
    /// Whether those leave with their response.
    pub(crate) forward_tags: bool,
    /// Whether the groups of RFC 9875 leave with their response.
    pub(crate) forward_groups: bool,
    /// All tags of a stored response leave in this field.
    pub(crate) written_tags: Option<TagField>,
    /// In `Cache-Status`.
    pub(crate) cache_name: CacheName,
}

impl Default for Fields {
    fn default() -> Self {
        Self {
            targeted: vec![COHERENCE_CACHE_CONTROL],
            tags: Vec::new(),
            forward_tags: false,
            forward_groups: false,
            written_tags: None,
            cache_name: CacheName::default(),
        }
    }
}

impl CacheBuilder {
    /// The fields by which a handler speaks to this cache alone (RFC 9213). Unless
    /// said, `Coherence-Cache-Control`:
    ///
    /// ```text
    /// Coherence-Cache-Control: max-age=3600
    /// Cache-Control: no-cache
    /// ```
    ///
    /// is stored here for an hour, and asked for each time by browsers and by caches
    /// on their way. A list given here takes the place of that one; an empty list is
    /// none.
    ///
    /// Of the fields on the list, the first that a response has, that is valid and
    /// that is not empty decides everything: `Cache-Control` and `Expires` are then
    /// nothing to this cache, whatever they forbid, and leave as they are. The field is
    /// a Dictionary (RFC 9651): directives in lower case, numbers of seconds as
    /// integers. One that is invalid or empty is as if absent.
    ///
    /// `Coherence-Cache-Control` is for this cache alone, so it is taken out of
    /// responses. Other fields on the list pass on, since caches behind this one may go
    /// by them too; fields that are not on it pass on and change nothing here. So
    /// `CDN-Cache-Control` is heeded only by a cache that is told to.
    pub fn targeted_fields(mut self, names: impl IntoIterator<Item = HeaderName>) -> Self {
        self.settings.fields.targeted = names.into_iter().collect();
        self
    }

    /// Header fields of vendors in which responses name their tags, each with a
    /// separator and case of its own, see [`TagField`]. None unless said; a list given
    /// here takes the place of the one before.
    ///
    /// Their tags add up with the others of the response. It is not stored if these
    /// are more or longer than an entry may have ([`MAX_TAGS`](crate::MAX_TAGS),
    /// [`MAX_TAG_BYTES`](crate::MAX_TAG_BYTES)), or if one is not printable ASCII:
    /// nobody could purge it by a tag that was dropped.
    ///
    /// The fields are taken out of all responses, since they show what things are
    /// called inside, unless [`forward_tag_fields`](Self::forward_tag_fields) is said.
    pub fn tag_fields(mut self, fields: impl IntoIterator<Item = TagField>) -> Self {
        self.settings.fields.tags = fields.into_iter().collect();
        self
    }

    /// Lets the [`tag_fields`](Self::tag_fields) leave with their responses: for a CDN
    /// in front that is purged by them too.
    pub fn forward_tag_fields(mut self) -> Self {
        self.settings.fields.forward_tags = true;
        self
    }

    /// Lets `Cache-Groups` and `Cache-Group-Invalidation` (RFC 9875) leave with their
    /// responses: for a cache in front that heeds them. Unless said they are taken out
    /// of all responses, since they show what things are called inside.
    pub fn forward_groups(mut self) -> Self {
        self.settings.fields.forward_groups = true;
        self
    }

    /// Writes all tags of a stored response into this field when it leaves, those of the
    /// policy and of the handler too: for a CDN in front that is purged by them. It takes
    /// the place of a field of that name. None unless said.
    ///
    /// A tag that the vendor's grammar cannot carry is left out: with spaces or commas,
    /// not ASCII, for Akamai also with a colon. So is what is beyond 16 KiB. The line is
    /// made once, when the response is stored. What could not be stored has no such
    /// field.
    pub fn write_tags(mut self, field: TagField) -> Self {
        self.settings.fields.written_tags = Some(field);
        self
    }

    /// What the cache is called in the `Cache-Status` of responses, where a policy
    /// asks for that field: `tower-coherence` unless said. Printable ASCII, or
    /// [`build`](Self::build) fails.
    pub fn status_name(mut self, name: &str) -> Self {
        self.status_name = Some(name.to_owned());
        self
    }
}

/// What a cache is called, unless it is said.
pub(super) const NAME: &str = "tower-coherence";

/// The name that was chosen, if it can be written.
pub(super) fn cache_name(name: &str) -> Result<CacheName, Error> {
    CacheName::new(name).ok_or_else(|| {
        Error::configuration(format!(
            "`status_name` is {name:?}: it has to be printable ASCII, and not empty"
        ))
    })
}
