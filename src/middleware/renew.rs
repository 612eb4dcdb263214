//! What becomes of an entry that the handler has confirmed (RFC 9111 §4.3.4).

use super::body::CacheBody;
use super::fill::Task;
use super::leader;
use super::respond::{self, Memory};
use super::settle::Settled;
use crate::cache::{Content, Entry, Slot};
use crate::clock::Moment;
use crate::semantics;
use bytes::Bytes;
use http::header::ETAG;
use http::{HeaderMap, Response, response};
use http_body::Body;
use std::sync::Arc;

impl Task {
    /// The client's answer from the stored body and the fields that the handler has now
    /// said. The entry is stored anew, or goes if they forbid that.
    pub(super) fn renew<X: Body<Data = Bytes>>(
        &mut self,
        old: &Entry,
        mut parts: response::Parts,
        settled: Settled,
        received: Moment,
    ) -> Response<CacheBody<X>> {
        let (forwarded, said) = (parts.status, parts.headers.clone());
        parts.status = old.status;
        parts.headers = updated(old, &parts.headers);
        let cache = self.read.cache.clone();
        let counts = self.read.recipe.rule.counts.clone();
        let content = Content {
            body: old.body.clone(),
            trailers: old.trailers.clone(),
        };
        let (slot, status) = match self.draft(&mut parts, settled, received) {
            Ok(mut draft) => {
                self.tag_body(&mut draft, &content.body);
                let refused = self.stores(&draft, &content.body).err();
                let ttl = semantics::ttl(draft.lifetime, draft.initial_age);
                let (bond, recipe) = (old.bond.as_ref(), &self.read.recipe);
                let (slot, verdict, stored) =
                    cache.store(&self.fill, recipe, draft, content, bond, refused);
                match stored {
                    Ok(()) => counts.confirmed.one(),
                    Err(reason) => counts.refuse(reason.as_str()),
                }
                self.land(&slot, verdict);
                (slot, self.read.status.fresh_for(ttl).copied(stored))
            }
            Err(reason) => {
                counts.refuse(reason);
                cache.pass_for_a_while(&self.read.recipe);
                let headers = self.stored_fields(&parts.headers);
                let entry = old.with_fields(headers, received);
                (
                    Arc::new(Slot::Entry(entry)),
                    self.read.status.refused(reason),
                )
            }
        };
        let recipe = &self.read.recipe;
        let memory = Memory {
            cache: &cache,
            rule: &recipe.rule,
            entry: match &*slot {
                Slot::Entry(entry) => entry,
                Slot::Variants(_) | Slot::Pass { .. } => old,
            },
            now: cache.clock.now(),
        };
        let mut response = respond::from_entry(memory, &recipe.request);
        leader::keep_cookies(&said, response.headers_mut());
        status.say(&cache, forwarded, response.headers_mut());
        response
    }
}

/// A tag that the cache made is not the handler's, and is made anew.
fn updated(old: &Entry, update: &HeaderMap) -> HeaderMap {
    if old.validators.tag {
        return semantics::updated(&old.headers, update);
    }
    let mut stored = old.headers.clone();
    stored.remove(ETAG);
    semantics::updated(&stored, update)
}
