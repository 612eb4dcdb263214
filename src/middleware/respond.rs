//! A response from memory.

use super::body::CacheBody;
use crate::cache::{Entry, Slot};
use crate::clock::Moment;
use crate::semantics;
use http::header::CONTENT_LENGTH;
use http::{HeaderValue, Method, Response, StatusCode};
use http_body::Body;

/// The response that the slot holds, as of this moment.
pub(super) fn from_slot<X: Body>(
    slot: &Slot,
    now: Moment,
    method: &Method,
) -> Option<Response<CacheBody<X>>> {
    match slot {
        Slot::Entry(entry) => Some(from_entry(entry, now, method)),
        Slot::Variants(_) | Slot::Pass { .. } => None,
    }
}

fn from_entry<X: Body>(entry: &Entry, now: Moment, method: &Method) -> Response<CacheBody<X>> {
    let body = if method == Method::HEAD {
        CacheBody::stored(bytes::Bytes::new(), None)
    } else {
        CacheBody::stored(entry.body.clone(), entry.trailers.clone())
    };
    let mut response = Response::new(body);
    *response.status_mut() = entry.status;
    *response.headers_mut() = entry.headers.clone();
    semantics::write_age(response.headers_mut(), entry.age(now));
    let sized = entry.trailers.is_none() && entry.status != StatusCode::NO_CONTENT;
    if method == Method::HEAD && sized {
        // As for the GET (RFC 9110 §8.6, §9.3.2); the body that would say it is
        // empty.
        response
            .headers_mut()
            .entry(CONTENT_LENGTH)
            .or_insert_with(|| HeaderValue::from(entry.body.len()));
    }
    response
}
