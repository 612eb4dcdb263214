//! What stands in where a handler has failed (RFC 5861 §4).

use super::body::CacheBody;
use super::fill::Task;
use super::respond;
use crate::cache::{Landed, Slot};
use bytes::Bytes;
use http::{Response, StatusCode};
use http_body::Body;

/// The reason, as it is counted and said.
pub(super) const REASON: &str = "if-error";

impl Task {
    /// What is stored, if it may still be served now; for those who wait, too. What the
    /// handler noted has been invalidated before. `failed` is what it answered, if
    /// it did.
    pub(super) fn instead<X: Body<Data = Bytes>>(
        &mut self,
        failed: Option<StatusCode>,
    ) -> Option<Response<CacheBody<X>>> {
        let read = &self.read;
        let slot = read.old.clone().filter(|_| !read.background)?;
        let Slot::Entry(entry) = &*slot else {
            return None;
        };
        let (now, verdict) = read
            .cache
            .stands_in(&read.recipe.rule, &read.ask(), entry)?;
        let mut response = respond::from_slot(
            &read.cache,
            &read.recipe.rule,
            &slot,
            now,
            &read.recipe.request,
        )?;
        read.recipe.rule.counts.stale.add(REASON);
        read.status
            .tell_instead(&read.cache, entry, now, failed, &mut response);
        if let Some(lead) = self.lead.take() {
            lead.land(Landed { slot, stale: true }, verdict);
        }
        Some(response)
    }
}
