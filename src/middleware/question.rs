//! Asking the handler whether what is stored still holds (RFC 9111 §4.3).

use super::read::Read;
use super::service::EmptyBody;
use crate::cache::{Entry, Slot};
use crate::semantics::{self, Validators};
use crate::store::race::{Fill, Validity};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use std::future::poll_fn;
use std::sync::Arc;
use tower_service::Service;

/// What is confirmed keeps the names that it had beside those that it is given, and so may
/// have more with each 304. With more than this it is filled anew.
const MOST_NAMES: usize = 1_024;

/// The entry that the handler is asked about, and by what.
#[derive(Clone)]
pub(super) struct Question {
    old: Arc<Slot>,
    by: Validators,
}

impl Question {
    /// What this fill, which has begun, may ask. What was invalidated is never asked
    /// about: a date in whole seconds could confirm it. What is softly invalidated is,
    /// by its tag; not where the handler reads what lags behind, since what the entry
    /// bears is not known by name any more.
    pub(super) fn of(read: &Read, begun: &Fill) -> Option<Self> {
        if read.recipe.request.method != Method::GET {
            // It has content, of which there is no second one.
            return None;
        }
        let old = read.old.clone()?;
        let Slot::Entry(entry) = &*old else {
            return None;
        };
        let bond = entry.bond.as_ref()?;
        if bond.names() > MOST_NAMES {
            return None;
        }
        let by = match read.cache.core.may_renew(begun, bond) {
            Validity::Valid => entry.validators,
            Validity::Soft if read.recipe.rule.settle.is_zero() => entry.validators.exact(),
            Validity::Soft | Validity::Dead => return None,
        };
        (!by.is_empty()).then_some(Self { old, by })
    }

    pub(super) fn entry(&self) -> Option<&Entry> {
        match &*self.old {
            Slot::Entry(entry) => Some(entry),
            Slot::Variants(_) | Slot::Pass { .. } => None,
        }
    }

    fn ask(&self, request: &mut HeaderMap) {
        if let Some(entry) = self.entry() {
            self.by.ask(request, &entry.headers);
        }
    }

    /// Whether the handler says that the entry still holds.
    pub(super) fn is_confirmed_by(&self, status: StatusCode, headers: &HeaderMap) -> bool {
        let confirms = |entry: &Entry| semantics::confirms(headers, &entry.headers);
        status == StatusCode::NOT_MODIFIED && self.entry().is_some_and(confirms)
    }
}

/// Calls the handler, with the question if there is one. A 304 that is about something
/// else is no answer to it (RFC 9111 §4.3.4): the handler is asked for the whole
/// response then.
pub(super) async fn call<S, B, X>(
    mut service: S,
    request: Request<B>,
    question: Option<Question>,
) -> Result<Response<X>, S::Error>
where
    S: Service<Request<B>, Response = Response<X>> + Clone,
    B: EmptyBody,
{
    let Some(question) = question else {
        return service.call(request).await;
    };
    let (mut parts, body) = request.into_parts();
    let (mut spare, plain) = (service.clone(), parts.clone());
    question.ask(&mut parts.headers);
    let response = service.call(Request::from_parts(parts, body)).await?;
    let (status, headers) = (response.status(), response.headers());
    if status != StatusCode::NOT_MODIFIED || question.is_confirmed_by(status, headers) {
        return Ok(response);
    }
    poll_fn(|cx| spare.poll_ready(cx)).await?;
    spare.call(Request::from_parts(plain, B::default())).await
}
