//! Whether the response of a fill may be stored, and as what.

use super::context::{Marks, Storing};
use super::fill::Task;
use super::outgoing;
use super::settle::Settled;
use crate::cache::{Draft, Leaving, Unstored, check_tags};
use crate::clock::Moment;
use crate::policy::Given;
use crate::semantics::{self, Exchange, LifetimeSource, Refusal, Storable, TagTrouble};
use crate::tag::Tags;
use bytes::Bytes;
use http::header::{DATE, ETAG};
use http::{HeaderMap, Method, Response, StatusCode, response};
use http_body::SizeHint;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, SystemTime};

impl Task {
    /// A body that says itself that it is too long is not copied at all.
    pub(super) fn fits(&self, body: &SizeHint) -> Result<(), &'static str> {
        let length = usize::try_from(body.lower()).unwrap_or(usize::MAX);
        if length > self.read.cache.settings.max_body_bytes {
            return Err(Unstored::TooLong.as_str());
        }
        Ok(())
    }

    /// Whether the response may be stored, and as what. Sets `Date` where the
    /// handler did not: hits have to tell when the response was made, and the
    /// server would write its own (RFC 9110 §6.6.1).
    pub(super) fn draft(
        &self,
        parts: &mut response::Parts,
        settled: Settled,
        received: Moment,
    ) -> Result<Draft, &'static str> {
        self.is_allowed(&settled.marks).map_err(Unstored::as_str)?;
        self.call_begins_well(parts).map_err(Unstored::as_str)?;
        let wall = self.read.cache.clock.wall();
        let storable = self.storable(parts, wall).map_err(Refusal::as_str)?;
        let (mut lifetime, mut reuse) = (self.jittered(&storable), storable.reuse);
        if let Some(most) = settled.marks.at_most {
            lifetime = lifetime.min(most);
            reuse.windows = reuse.windows.at_most(most.saturating_sub(lifetime));
        }
        let ahead = self.read.recipe.rule.refresh_ahead.of(lifetime);
        if ahead < lifetime {
            reuse.ahead_after = ahead;
        }
        // Before `Date` is set here: ours has no fraction of a second, which is no
        // age of the response.
        let initial_age = semantics::initial_age(&parts.headers, wall, received.since(self.began));
        if !reuse.is_useful(lifetime, initial_age, storable.validators) {
            return Err(Refusal::Stale.as_str());
        }
        let tags = self.tags(parts, settled.tags)?;
        let source = storable.freshness.source;
        let policy = &self.read.recipe.rule.policy;
        let leaving = Leaving::of(policy, source, &parts.headers, wall);
        let dating = leaving.dating(&parts.headers, wall);
        if !self.is_call() {
            parts
                .headers
                .entry(DATE)
                .or_insert_with(|| semantics::http_date(wall));
        }
        let mut headers = self.stored_fields(&parts.headers);
        self.write_tags(&tags, &mut headers);
        Ok(Draft {
            status: parts.status,
            vary: storable.vary,
            headers,
            lifetime,
            reuse,
            validators: storable.validators,
            audience: storable.audience,
            began: self.began,
            received,
            initial_age,
            dating,
            leaving,
            tags,
            groups: storable.groups,
        })
    }

    /// Chosen here, once for all that is said of the lifetime.
    fn jittered(&self, storable: &Storable) -> Duration {
        let given = match storable.freshness.source {
            LifetimeSource::Route => Given::ByRoute,
            LifetimeSource::Declared | LifetimeSource::Targeted => Given::ByHandler,
        };
        let policy = &self.read.recipe.rule.policy;
        policy.jittered(storable.freshness.lifetime, given)
    }

    /// Whether nothing but the response itself could forbid it.
    fn is_allowed(&self, marks: &Marks) -> Result<(), Unstored> {
        let forbidden =
            marks.storing == Storing::Forbidden || marks.at_most.is_some_and(|most| most.is_zero());
        match self.unstored {
            Some(reason) => Err(reason),
            None if forbidden => Err(Unstored::Forbidden),
            None => Ok(()),
        }
    }

    fn storable(&self, parts: &response::Parts, wall: SystemTime) -> Result<Storable, Refusal> {
        let recipe = &self.read.recipe;
        // What reads with its content in the key is to a cache what a GET is.
        let method = match recipe.request.method.as_str() {
            "QUERY" | "POST" => &Method::GET,
            _ => &recipe.request.method,
        };
        let exchange = Exchange {
            method,
            request: &recipe.request.headers,
            status: parts.status,
            response: &parts.headers,
            targeted: &self.read.cache.settings.fields.targeted,
        };
        semantics::storable(&exchange, &recipe.rule.storing, wall)
    }

    pub(super) fn stored_fields(&self, headers: &HeaderMap) -> HeaderMap {
        let mut headers = headers.clone();
        semantics::strip_unstored(&mut headers);
        self.read.recipe.rule.storing.strip(&mut headers);
        outgoing::strip(&self.read.cache, &mut headers);
        headers
    }

    /// Whether the policy stores it, by its body. Its closure is the application's.
    pub(super) fn stores(&self, draft: &Draft, body: &Bytes) -> Result<(), Unstored> {
        let recipe = &self.read.recipe;
        let parts = || {
            let (mut parts, ()) = Response::new(()).into_parts();
            parts.status = draft.status;
            parts.headers = draft.headers.clone();
            parts
        };
        let stores = AssertUnwindSafe(|| recipe.rule.policy.stores(&recipe.request, parts, body));
        match catch_unwind(stores) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Unstored::StoreIf),
            Err(_) => Err(Unstored::PolicyPanicked),
        }
    }

    /// Into the field of a CDN, where the cache is told to.
    pub(super) fn write_tags(&self, tags: &Tags, headers: &mut HeaderMap) {
        let Some(field) = self.read.cache.settings.fields.written_tags else {
            return;
        };
        headers.remove(field.name());
        if let Some(line) = semantics::written_tags(field, tags) {
            headers.insert(field.name(), line);
        }
    }

    /// All tags of the response.
    fn tags(&self, parts: &response::Parts, noted: Tags) -> Result<Tags, &'static str> {
        let mut tags = self.policy_tags(parts)?;
        tags.extend(self.field_tags(&parts.headers)?);
        tags.extend(noted);
        check_tags(&tags).map_err(Unstored::as_str)?;
        Ok(tags)
    }

    /// The tags of the policy. Its closure is the application's: should it panic,
    /// the response is not stored, and goes out.
    fn policy_tags(&self, parts: &response::Parts) -> Result<Tags, &'static str> {
        let recipe = &self.read.recipe;
        let policy = &recipe.rule.policy;
        let closure = AssertUnwindSafe(|| policy.tags_by_closure(&recipe.request, parts));
        let more = catch_unwind(closure).map_err(|_| Unstored::PolicyPanicked.as_str())?;
        let tags = recipe.tags(&parts.headers);
        let mut tags = tags.ok_or(Unstored::Template.as_str())?;
        tags.extend(more);
        Ok(tags)
    }

    /// The tags that the response has by the fields of vendors.
    fn field_tags(&self, headers: &HeaderMap) -> Result<Tags, &'static str> {
        let fields = &self.read.cache.settings.fields.tags;
        let tags = semantics::field_tags(headers, fields).map_err(|trouble| match trouble {
            TagTrouble::TooMany => Unstored::Tags,
            TagTrouble::Unreadable => Unstored::UnreadableTags,
        });
        tags.map_err(Unstored::as_str)
    }

    /// Where the route wants one and the handler has none.
    pub(super) fn tag_body(&self, draft: &mut Draft, body: &Bytes) {
        let wanted = self.read.recipe.rule.policy.makes_etags() && draft.status == StatusCode::OK;
        if wanted && !draft.headers.contains_key(ETAG) {
            let tag = semantics::made_etag(&draft.headers, body);
            draft.headers.insert(ETAG, tag);
        }
    }
}
