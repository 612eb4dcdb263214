//! The URI as the client sent it.

use http::{Extensions, Uri, request};

/// The URI as the client sent it: inside `Router::nest` axum strips the prefix
/// from the request's own URI and keeps the whole one as `OriginalUri`. Keys by
/// the stripped one would collide between two nests.
#[cfg(feature = "axum")]
pub(super) fn uri(request: &request::Parts) -> &Uri {
    request
        .extensions
        .get::<axum::extract::OriginalUri>()
        .map_or(&request.uri, |original| &original.0)
}

/// The URI as the client sent it: the request's own.
#[cfg(not(feature = "axum"))]
pub(super) fn uri(request: &request::Parts) -> &Uri {
    &request.uri
}

/// Says that this is the URI that the client sent, where something says so already.
#[cfg(feature = "axum")]
pub(super) fn set_uri(extensions: &mut Extensions, uri: Uri) {
    if let Some(original) = extensions.get_mut::<axum::extract::OriginalUri>() {
        original.0 = uri;
    }
}

/// Nothing says so but the request's own URI.
#[cfg(not(feature = "axum"))]
pub(super) fn set_uri(_: &mut Extensions, _: Uri) {}

/// Whether something between the two changed more than a nest does: then the
/// handler answers for another URI than the one the client sent, and what chose
/// it is not in the key.
pub(super) fn is_rewritten(request: &request::Parts) -> bool {
    let (outside, own) = (uri(request), &request.uri);
    // A nest leaves the end of the path, or nothing of it.
    let stripped = own.path() == "/" || outside.path().ends_with(own.path());
    !stripped || outside.query() != own.query()
}
