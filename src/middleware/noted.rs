//! Tags and invalidations attached to a response.
//!
//! Parts add up: two of them, or a middleware's and a handler's, are merged. An
//! invalidation that no layer reads shouts: the route is not wrapped, and other
//! instances would stay stale in silence.

use crate::tag::Tags;
use crate::target::Invalidate;
use crate::telemetry;
use http::Extensions;
use std::sync::{Arc, Mutex, PoisonError};

/// The one extension that the parts share.
#[derive(Clone, Default)]
struct Noted(Arc<Mutex<Parts>>);

#[derive(Default)]
struct Parts {
    tags: Tags,
    invalidate: Invalidate,
}

impl Drop for Parts {
    fn drop(&mut self) {
        if !self.invalidate.is_empty() {
            telemetry::invalidation_unread(&self.invalidate);
        }
    }
}

impl Noted {
    fn of(extensions: &mut Extensions) -> Self {
        extensions.get_or_insert_default::<Self>().clone()
    }

    fn change(&self, change: impl FnOnce(&mut Parts)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Tags {
    /// Attaches the tags to a response, by its extensions. They add up with what
    /// is there.
    pub fn add_to(self, extensions: &mut Extensions) {
        Noted::of(extensions).change(|parts| parts.tags.extend(self));
    }
}

impl Invalidate {
    /// Attaches the invalidation to a response, by its extensions. It adds up
    /// with what is there. If no layer reads it, that is logged as an error and
    /// counted in [`Stats::invalidations_unread`](crate::Stats::invalidations_unread).
    ///
    /// An invalidation on a response is lost when the client hangs up before
    /// there is one and the route is not wrapped by a layer;
    /// [`CacheContext::invalidate`](crate::CacheContext::invalidate) never is.
    pub fn add_to(self, extensions: &mut Extensions) {
        Noted::of(extensions).change(|parts| {
            let before = std::mem::take(&mut parts.invalidate);
            parts.invalidate = before.and(self);
        });
    }
}

/// Takes what is attached to a response: parts that were added, and a plain
/// `extensions_mut().insert(..)` of either type.
pub(super) fn take(extensions: &mut Extensions) -> (Tags, Invalidate) {
    let mut tags = extensions.remove::<Tags>().unwrap_or_default();
    let mut invalidate = extensions.remove::<Invalidate>().unwrap_or_default();
    if let Some(noted) = extensions.remove::<Noted>() {
        noted.change(|parts| {
            tags.extend(std::mem::take(&mut parts.tags));
            invalidate = std::mem::take(&mut invalidate).and(std::mem::take(&mut parts.invalidate));
        });
    }
    (tags, invalidate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::invalidations_unread as unread;

    #[test]
    fn parts_add_up() {
        let mut extensions = Extensions::new();
        Tags::from("a").add_to(&mut extensions);
        Tags::from("b").add_to(&mut extensions);
        Invalidate::tag("c").add_to(&mut extensions);
        Invalidate::path("/d").add_to(&mut extensions);
        extensions.insert(Invalidate::tag("e"));
        let (tags, invalidate) = take(&mut extensions);
        assert_eq!(tags, Tags::from(["a", "b"]));
        assert_eq!(invalidate.targets().len(), 3);
        assert!(take(&mut extensions).1.is_empty());
    }

    #[test]
    fn an_invalidation_dropped_unread_is_counted_once_and_a_read_one_is_not() {
        let before = unread();
        let mut extensions = Extensions::new();
        Invalidate::tag("a").add_to(&mut extensions);
        let clone = extensions.clone();
        drop(extensions);
        assert_eq!(unread(), before);
        drop(clone);
        assert_eq!(unread(), before + 1);
        let mut extensions = Extensions::new();
        Invalidate::tag("a").add_to(&mut extensions);
        let _ = take(&mut extensions);
        drop(extensions);
        assert_eq!(unread(), before + 1);
    }
}
