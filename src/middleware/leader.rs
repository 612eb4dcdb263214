//! What the leader of a fill is answered with. Its handler did not see by which
//! fields it asked for less than the whole response.

use super::body::CacheBody;
use super::handover::{Outcome, Sender};
use super::respond;
use super::status::Status;
use crate::cache::{Draft, Recipe, Shared, Unstored};
use crate::semantics;
use http::header::{ETAG, SET_COOKIE};
use http::{HeaderMap, Response, StatusCode};
use http_body::Body;
use std::sync::Arc;

/// When the leader is answered, and with how much.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Leader {
    /// With the response, while it is copied.
    Streams,
    /// It has it already: with a 304. The body is for the store only.
    HasIt,
    /// When the body is whole: it wants a part, or nobody knows before whether it
    /// has it already.
    Waits,
}

impl Leader {
    pub(super) fn of(recipe: &Recipe, draft: &Draft) -> Self {
        let request = &recipe.request;
        if !semantics::asks_for_less(&request.headers) || draft.status != StatusCode::OK {
            return Self::Streams;
        }
        if recipe.rule.policy.makes_etags() && !draft.headers.contains_key(ETAG) {
            return Self::Waits;
        }
        let (stored, dating) = (&draft.headers, draft.dating);
        if semantics::is_not_modified(&request.headers, stored, dating) {
            return Self::HasIt;
        }
        let range = semantics::asked_range(&request.method, &request.headers, stored, dating);
        range.map_or(Self::Streams, |_| Self::Waits)
    }

    /// What it gets of the response now, should it not wait.
    pub(super) fn response<X: Body>(
        self,
        mut response: Response<CacheBody<X>>,
    ) -> Response<CacheBody<X>> {
        if self == Self::HasIt {
            respond::not_modified(&mut response);
            return response.map(|_| CacheBody::absent());
        }
        response
    }
}

/// A leader that waits until the body is whole. However the fill ends, it is answered:
/// if this is dropped before, with the whole response as far as it goes.
pub(super) struct Held<X: Body, E>(Option<Waiting<X, E>>);

struct Waiting<X: Body, E> {
    sender: Sender<X, E>,
    response: Response<CacheBody<X>>,
    /// What the handler answered with.
    forwarded: StatusCode,
    cache: Arc<Shared>,
    status: Status,
}

impl<X: Body, E> Held<X, E> {
    pub(super) fn new(
        sender: Sender<X, E>,
        response: Response<CacheBody<X>>,
        cache: Arc<Shared>,
        status: Status,
    ) -> Self {
        Self(Some(Waiting {
            forwarded: response.status(),
            sender,
            response,
            cache,
            status,
        }))
    }

    /// Answers with this instead. The response was stored, or was not.
    pub(super) fn answer(
        mut self,
        instead: Option<Response<CacheBody<X>>>,
        stored: Result<(), Unstored>,
    ) {
        if let (Some(waiting), Some(mut instead)) = (&mut self.0, instead) {
            keep_cookies(waiting.response.headers(), instead.headers_mut());
            waiting.response = instead;
            waiting.status = waiting.status.copied(stored);
        }
    }
}

/// The cookies are the leader's, also where they are not stored.
pub(super) fn keep_cookies(made: &HeaderMap, instead: &mut HeaderMap) {
    if !instead.contains_key(SET_COOKIE) {
        let cookies = made.get_all(SET_COOKIE).iter();
        instead.extend(cookies.map(|cookie| (SET_COOKIE, cookie.clone())));
    }
}

impl<X: Body, E> Drop for Held<X, E> {
    fn drop(&mut self) {
        if let Some(mut waiting) = self.0.take() {
            let headers = waiting.response.headers_mut();
            waiting
                .status
                .say(&waiting.cache, waiting.forwarded, headers);
            // An error would mean that the client has gone.
            let answered = Outcome::Answered(Ok(waiting.response));
            let _ = waiting.sender.send(answered);
        }
    }
}
