//! Requests that are passed on in their client's own future.

use super::body::CacheBody;
use super::context::{CacheContext, Listening};
use super::status::Status;
use super::{outgoing, settle};
use crate::cache::{Rule, Shared};
use http::{Request, Response};
use http_body::Body;
use std::sync::Arc;
use tower_service::Service;

/// Passes the request on. Nothing is looked up, shared or stored; what the
/// handler notes counts, also if this future is dropped or the handler panics.
pub(super) async fn run<S, B, X>(
    cache: Arc<Shared>,
    rule: &Rule,
    context: CacheContext,
    status: Status,
    mut service: S,
    mut request: Request<B>,
) -> Result<Response<CacheBody<X>>, S::Error>
where
    S: Service<Request<B>, Response = Response<X>>,
    X: Body,
{
    let method = request.method().clone();
    request.extensions_mut().insert(context.clone());
    let listening = Listening(context);
    let mut answer = service.call(request).await;
    let settled = settle::marks(&listening.0, answer.as_mut().ok());
    settle::invalidate(&cache, settled.invalidate).await;
    answer.map(|mut response| {
        outgoing::finish(&cache, rule, &method, response.headers_mut());
        status.tell(&cache, &mut response);
        response.map(CacheBody::through)
    })
}
