//! A HEAD that the handler answers, where the response to a GET is stored that may not
//! answer it (RFC 9111 §4.3.5).

use super::body::CacheBody;
use super::pass;
use super::read::Read;
use crate::cache::{Entry, Slot};
use crate::semantics;
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::Body;
use tower_service::Service;

/// Passes the request on. What is stored goes if the handler now says otherwise of it: no
/// window is to serve it stale.
pub(super) async fn run<S, B, X>(
    read: Read,
    service: S,
    request: Request<B>,
) -> Result<Response<CacheBody<X>>, S::Error>
where
    S: Service<Request<B>, Response = Response<X>>,
    X: Body<Data = Bytes>,
{
    let (cache, rule) = (read.cache.clone(), read.recipe.rule.clone());
    let (context, status) = (read.context.clone(), read.status);
    let answer = pass::run(cache, &rule, context, status, service, request).await?;
    if answer.status() == StatusCode::OK {
        read.compare(answer.headers());
    }
    Ok(answer)
}

impl Read {
    fn compare(&self, head: &HeaderMap) {
        let Some(old) = &self.old else { return };
        let Slot::Entry(entry) = &**old else { return };
        if semantics::is_of_another(head, &entry.headers, entry.body.len()) {
            let shelf = &self.recipe.rule.shelf;
            // Another one may have been stored meanwhile.
            shelf.remove_if(self.place(entry), |slot| {
                std::ptr::eq(slot, &raw const **old)
            });
        }
    }

    /// Where the entry stands on the shelf.
    fn place(&self, entry: &Entry) -> u128 {
        let recipe = &self.recipe;
        if entry.vary.is_empty() {
            return recipe.primary;
        }
        let headers = &recipe.request.headers;
        self.cache.variant(recipe.primary, &entry.vary, headers)
    }
}
