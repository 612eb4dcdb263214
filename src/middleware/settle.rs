//! What becomes of the marks when a response head is there, or none will be.

use super::announced::UnderWay;
use super::context::{CacheContext, Marks};
use super::noted;
use crate::cache::Shared;
use crate::concern::{Receipt, WriteConcern};
use crate::tag::Tags;
use crate::target::Invalidate;
use http::Response;
use std::sync::Arc;

/// What was noted on a request and on its response, together.
pub(super) struct Settled {
    pub(super) marks: Marks,
    pub(super) tags: Tags,
    pub(super) invalidate: Invalidate,
}

/// Reads the marks of the context and the parts of the response.
pub(super) fn marks<Y>(context: &CacheContext, response: Option<&mut Response<Y>>) -> Settled {
    let mut marks = context.read();
    let mut tags = std::mem::take(&mut marks.tags);
    let mut invalidate = std::mem::take(&mut marks.invalidate);
    if let Some(response) = response {
        let (noted_tags, noted) = noted::take(response.extensions_mut());
        tags.extend(noted_tags);
        invalidate = invalidate.and(context.inside(noted));
    }
    Settled {
        marks,
        tags,
        invalidate,
    }
}

/// Invalid here, then in the outbox, then as far as the concern says. The
/// response may leave when this returns.
pub(super) async fn invalidate(cache: &Arc<Shared>, what: Invalidate) -> Option<Receipt> {
    if what.is_empty() {
        return None;
    }
    Some(cache.invalidate(what).await)
}

/// The same for a write that may have been announced, on a layer with a concern of its
/// own: of two that are given, the stronger counts; the cache's only where neither is.
pub(super) async fn invalidate_with(
    cache: &Arc<Shared>,
    what: Invalidate,
    concern: Option<WriteConcern>,
    announced: Option<UnderWay>,
) -> Option<Receipt> {
    let what = match concern {
        Some(concern) => Invalidate::nothing().concern(concern).and(what),
        None => what,
    };
    let ticket = cache.invalidate_now(&what);
    // Its end goes the same way, and is not waited for.
    drop(announced);
    Some(cache.receipt(ticket?, &what).await)
}
