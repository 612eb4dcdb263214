//! What a write is answered with that is refused before its handler runs.

use super::body::CacheBody;
use super::grpc_status::{Code, trailers_only};
use super::write::Call;
use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{HeaderValue, Response, StatusCode};
use http_body::Body;

/// The bus is down, and this write is not to run until it is back.
pub(super) fn response<X: Body>(call: Call) -> Response<CacheBody<X>> {
    match call {
        Call::Http => {
            let mut response = Response::new(CacheBody::stored(Bytes::new(), None));
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            let second = HeaderValue::from_static("1");
            response.headers_mut().insert(RETRY_AFTER, second);
            response
        }
        Call::Grpc => {
            let message = "refused: the other instances cannot be told of it now";
            trailers_only(Code::Unavailable, message)
        }
    }
}
