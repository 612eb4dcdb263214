//! Fetching anew in the background what was served stale (RFC 5861 §3).

use super::fill;
use super::handover;
use super::read::Read;
use super::service::EmptyBody;
use crate::cache::{Found, Unstored};
use crate::semantics;
use crate::store::race::Seat;
use bytes::Bytes;
use http::{Method, Request, Response};
use http_body::Body;
use tower_service::Service;

/// The reason for a stale answer, as it is counted.
pub(super) const REASON: &str = "while-revalidate";

/// Begins to fetch it, unless somebody does already, by a request of the cache itself:
/// as the one that set it off, without what says who that was. The client does not
/// wait for it.
pub(super) fn start<S, B, X>(mut read: Read, service: S)
where
    S: Service<Request<B>, Response = Response<X>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send + 'static,
    B: EmptyBody,
    X: Body<Data = Bytes> + Send + 'static,
    X::Error: Send,
{
    let mut parts = read.recipe.request.clone();
    parts.method = Method::GET;
    semantics::hide_client(&mut parts.headers);
    read.recipe.request = parts.clone();
    let flight = (read.recipe.rule.shelf_id, read.recipe.selected);
    let Seat::Lead(lead) = read.cache.flights.join(flight, read.arrived) else {
        return;
    };
    // It may have been fetched between the look-up and the flight.
    let found = read.cache.look_up(&read.recipe.rule, &read.ask());
    if matches!(found, Found::Hit(..)) {
        return;
    }
    let Some(permit) = read.cache.permit() else {
        read.recipe.rule.counts.refuse(Unstored::Fills.as_str());
        lead.release();
        return;
    };
    read.recipe.rule.counts.refreshes.one();
    let request = Request::from_parts(parts, B::default());
    let (sender, _) = handover::channel();
    fill::start(permit, read, Some(lead), service, request, sender);
}
