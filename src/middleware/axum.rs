//! For axum: the context as an extractor, tags and invalidations as parts of a
//! response.

use super::context::CacheContext;
use crate::tag::Tags;
use crate::target::Invalidate;
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, IntoResponseParts, Response, ResponseParts};
use http::{StatusCode, request};
use std::convert::Infallible;

/// The route is not wrapped by a [`CacheLayer`](crate::CacheLayer): 500. With axum,
/// `.layer()` wraps the routes above it only.
#[derive(Debug)]
pub struct NoCacheLayer;

impl IntoResponse for NoCacheLayer {
    fn into_response(self) -> Response {
        let text = "no cache layer wraps this route: `.layer()` wraps the routes that were added before it";
        (StatusCode::INTERNAL_SERVER_ERROR, text).into_response()
    }
}

impl<S: Sync> FromRequestParts<S> for CacheContext {
    type Rejection = NoCacheLayer;

    async fn from_request_parts(parts: &mut request::Parts, _: &S) -> Result<Self, NoCacheLayer> {
        Self::from_extensions(&parts.extensions)
            .cloned()
            .ok_or(NoCacheLayer)
    }
}

impl IntoResponseParts for Tags {
    type Error = Infallible;

    fn into_response_parts(self, mut response: ResponseParts) -> Result<ResponseParts, Infallible> {
        self.add_to(response.extensions_mut());
        Ok(response)
    }
}

impl IntoResponseParts for Invalidate {
    type Error = Infallible;

    fn into_response_parts(self, mut response: ResponseParts) -> Result<ResponseParts, Infallible> {
        self.add_to(response.extensions_mut());
        Ok(response)
    }
}
