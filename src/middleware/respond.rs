//! A response from memory.

use super::body::CacheBody;
use crate::cache::{Entry, Rule, Shared, Slot};
use crate::clock::Moment;
use crate::semantics::{self, Extent};
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_RANGE};
use http::{HeaderValue, Method, Response, StatusCode, request};
use http_body::Body;
use std::ops::Range;

/// How much of a stored response answers a request.
enum Amount {
    Whole,
    /// The client has it.
    NotModified,
    Part(Range<usize>),
    Unsatisfiable,
}

/// An entry, and what has to be known to answer with it.
#[derive(Clone, Copy)]
pub(super) struct Memory<'a> {
    pub(super) cache: &'a Shared,
    pub(super) rule: &'a Rule,
    pub(super) entry: &'a Entry,
    pub(super) now: Moment,
}

/// What the slot holds of an answer to this request, as of this moment.
pub(super) fn from_slot<X: Body>(
    cache: &Shared,
    rule: &Rule,
    slot: &Slot,
    now: Moment,
    request: &request::Parts,
) -> Option<Response<CacheBody<X>>> {
    let Slot::Entry(entry) = slot else {
        return None;
    };
    let memory = Memory {
        cache,
        rule,
        entry,
        now,
    };
    Some(from_entry(memory, request))
}

pub(super) fn from_entry<X: Body>(
    memory: Memory<'_>,
    request: &request::Parts,
) -> Response<CacheBody<X>> {
    match amount(memory, request) {
        Amount::Whole => whole(memory, &request.method),
        Amount::NotModified => {
            let mut response = head(memory, CacheBody::absent());
            not_modified(&mut response);
            response
        }
        Amount::Part(part) => partial(memory, part),
        Amount::Unsatisfiable => unsatisfiable(memory.entry.body.len()),
    }
}

/// Only of a 200, and preconditions before ranges (RFC 9110 §13.2.2).
fn amount(memory: Memory<'_>, request: &request::Parts) -> Amount {
    let entry = memory.entry;
    let (asked, stored, dating) = (&request.headers, &entry.headers, entry.dating);
    if !semantics::asks_for_less(asked)
        || entry.status != StatusCode::OK
        || memory.rule.policy.is_for_calls()
    {
        return Amount::Whole;
    }
    if semantics::is_not_modified(asked, stored, dating) {
        return Amount::NotModified;
    }
    match semantics::asked_range(&request.method, asked, stored, dating) {
        None => Amount::Whole,
        Some(range) => match range.of(entry.body.len()) {
            Extent::Whole => Amount::Whole,
            Extent::Part(part) => Amount::Part(part),
            Extent::Unsatisfiable => Amount::Unsatisfiable,
        },
    }
}

/// The stored head around this body, as it leaves.
fn head<X: Body>(memory: Memory<'_>, body: CacheBody<X>) -> Response<CacheBody<X>> {
    let Memory {
        cache,
        rule,
        entry,
        now,
    } = memory;
    let mut response = Response::new(body);
    *response.status_mut() = entry.status;
    *response.headers_mut() = entry.headers.clone();
    // The metadata of a call is the method's own.
    if !rule.policy.is_for_calls() {
        cache.tell_downstream(rule, entry, now, response.headers_mut());
    }
    response
}

fn whole<X: Body>(memory: Memory<'_>, method: &Method) -> Response<CacheBody<X>> {
    let entry = memory.entry;
    if method != Method::HEAD {
        let body = CacheBody::stored(entry.body.clone(), entry.trailers.clone());
        return head(memory, body);
    }
    let mut response = head(memory, CacheBody::stored(Bytes::new(), None));
    if entry.trailers.is_none() && entry.status != StatusCode::NO_CONTENT {
        // As for the GET (RFC 9110 §8.6, §9.3.2); the body that would say it is
        // empty.
        response
            .headers_mut()
            .entry(CONTENT_LENGTH)
            .or_insert_with(|| HeaderValue::from(entry.body.len()));
    }
    response
}

/// Nothing is stored that may answer, and the client wants nothing else (RFC 9111
/// §5.2.1.7).
pub(super) fn only_if_cached<X: Body>() -> Response<CacheBody<X>> {
    let mut response = Response::new(CacheBody::stored(Bytes::new(), None));
    *response.status_mut() = StatusCode::GATEWAY_TIMEOUT;
    response
}

/// Makes a 304 of the head of a 200. The body is the caller's to leave out.
pub(super) fn not_modified<X: Body>(response: &mut Response<CacheBody<X>>) {
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    semantics::strip_content_fields(response.headers_mut());
}

/// RFC 9110 §15.3.7. Trailers are of the whole content: a part has none.
fn partial<X: Body>(memory: Memory<'_>, part: Range<usize>) -> Response<CacheBody<X>> {
    let entry = memory.entry;
    let range = semantics::content_range(&part, entry.body.len());
    let length = HeaderValue::from(part.len());
    let body = CacheBody::stored(entry.body.slice(part), None);
    let mut response = head(memory, body);
    *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    let headers = response.headers_mut();
    for name in &semantics::OF_WHOLE_CONTENT {
        headers.remove(name);
    }
    headers.insert(CONTENT_RANGE, range);
    headers.insert(CONTENT_LENGTH, length);
    response
}

/// RFC 9110 §15.5.17. Of the stored fields it has none: with them, somebody behind
/// us might store it.
fn unsatisfiable<X: Body>(length: usize) -> Response<CacheBody<X>> {
    let mut response = Response::new(CacheBody::stored(Bytes::new(), None));
    *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
    let range = semantics::unsatisfied_range(length);
    response.headers_mut().insert(CONTENT_RANGE, range);
    response
}
