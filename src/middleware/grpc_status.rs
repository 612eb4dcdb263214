//! gRPC answers of the cache itself.

use super::body::CacheBody;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Response};
use http_body::Body;

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// The statuses that the cache gives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Code {
    DeadlineExceeded,
    Internal,
    /// The call may be tried again.
    Unavailable,
}

/// A response of trailers only: they stand in the head.
pub(super) fn trailers_only<X: Body>(code: Code, message: &'static str) -> Response<CacheBody<X>> {
    let code = match code {
        Code::DeadlineExceeded => "4",
        Code::Internal => "13",
        Code::Unavailable => "14",
    };
    let mut response = Response::new(CacheBody::stored(Bytes::new(), None));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert(GRPC_STATUS, HeaderValue::from_static(code));
    headers.insert(GRPC_MESSAGE, HeaderValue::from_static(message));
    response
}
