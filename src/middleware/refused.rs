//! What a write is answered with that is refused before its handler runs.

use super::body::CacheBody;
use super::write::Call;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use http_body::Body;

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// `UNAVAILABLE`: the call may be tried again.
const UNAVAILABLE: HeaderValue = HeaderValue::from_static("14");

/// The bus is down, and this write is not to run until it is back.
pub(super) fn response<X: Body>(call: Call) -> Response<CacheBody<X>> {
    let mut response = Response::new(CacheBody::stored(Bytes::new(), None));
    match call {
        Call::Http => {
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            let second = HeaderValue::from_static("1");
            response.headers_mut().insert(RETRY_AFTER, second);
        }
        // A response of trailers only: they stand in the head.
        Call::Grpc => {
            let message = "refused: the other instances cannot be told of it now";
            let headers = response.headers_mut();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
            headers.insert(GRPC_STATUS, UNAVAILABLE);
            headers.insert(GRPC_MESSAGE, HeaderValue::from_static(message));
        }
    }
    response
}
