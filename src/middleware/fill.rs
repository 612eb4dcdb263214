//! Fills: the handler runs, and its body is copied to the end, in a task of the
//! cache, whether or not the client waits.

use super::body::CacheBody;
use super::caught::caught;
use super::context::{Listening, Storing};
use super::copy::Copied;
use super::given_up::unless_given_up;
use super::handover::{self, Outcome, Sender};
use super::leader::{Held, Leader};
use super::read::{Read, Ticket};
use super::settle::{self, Settled};
use super::status::Status;
use super::tee::{Writer, tee};
use super::{copy, outgoing, pass, respond};
use crate::cache::{Draft, Slot, Unstored, check_tags};
use crate::clock::Moment;
use crate::semantics::{self, Dating, Exchange, Refusal, TagTrouble};
use crate::store::race::Fill;
use crate::tag::Tags;
use bytes::Bytes;
use futures_util::poll;
use http::header::{DATE, ETAG};
use http::{HeaderMap, Request, Response, StatusCode, response};
use http_body::{Body, SizeHint};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::task::Poll;
use tower_service::Service;

/// Runs the handler for this request, and for those who wait for it.
pub(super) async fn run<S, B, X>(
    read: Read,
    lead: Option<Ticket>,
    mut service: S,
    mut request: Request<B>,
) -> Result<Response<CacheBody<X>>, S::Error>
where
    S: Service<Request<B>, Response = Response<X>> + Send + 'static,
    S::Future: Send,
    S::Error: Send + 'static,
    B: Send + 'static,
    X: Body<Data = Bytes> + Send + 'static,
    X::Error: Send,
{
    let Some(permit) = read.cache.permit() else {
        read.cache.counters.refusals.add(Unstored::Fills.as_str());
        if let Some(lead) = lead {
            lead.release();
        }
        let status = read.status.refused(Unstored::Fills.as_str());
        return pass::run(read.cache, read.context, status, service, request).await;
    };
    read.cache.counters.fills.one();
    request.extensions_mut().insert(read.context.clone());
    // From here on it is a request for the whole response, which answers the client
    // and those who wait by their own fields.
    semantics::hide_conditions(request.headers_mut());
    let (sender, receiver) = handover::channel();
    let task = Task::begin(read, lead);
    permit.run(task.run(async move { service.call(request).await }, sender));
    handover::received(receiver).await
}

/// A fill under way. Dropped before it landed, the lead goes to a waiter.
struct Task {
    /// First, so that what was noted counts before the lead goes on.
    listening: Listening,
    read: Read,
    lead: Option<Ticket>,
    /// Holds the reading of the invalidation clock, taken before the handler ran.
    fill: Fill,
    began: Moment,
    /// Why it will not be stored, once that is known.
    unstored: Option<Unstored>,
}

/// A response head that may be stored, and its body on the way to the client.
struct Copying<X: Body> {
    draft: Draft,
    writer: Writer<X>,
    body: X,
    leader: Leader,
    status: Status,
}

impl Task {
    /// The clocks are read before the handler starts.
    fn begin(read: Read, lead: Option<Ticket>) -> Self {
        Self {
            listening: Listening(read.context.clone()),
            began: read.cache.clock.now(),
            fill: read.cache.core.begin_fill(),
            read,
            lead,
            unstored: None,
        }
    }

    async fn run<F, X, E>(mut self, call: F, mut sender: Sender<X, E>)
    where
        F: Future<Output = Result<Response<X>, E>>,
        X: Body<Data = Bytes>,
    {
        let outcome = match self.head(caught(call), &mut sender).await {
            // Nobody wants it any more.
            None => return,
            Some(Err(panic)) => Outcome::Panicked(panic),
            // A body may also panic when it is asked for its size.
            Some(Ok(answer)) => match caught(self.settle(answer)).await {
                Err(panic) => Outcome::Panicked(panic),
                Ok(Err(error)) => Outcome::Answered(Err(error)),
                Ok(Ok((response, Some(copying)))) => {
                    return self.copy_for(response, copying, sender).await;
                }
                Ok(Ok((response, None))) => {
                    self.release();
                    Outcome::Answered(Ok(response))
                }
            },
        };
        // The lead goes on before the client does.
        drop(self);
        let _ = sender.send(outcome);
    }

    /// What the handler noted counts before its response leaves.
    async fn settle<X: Body<Data = Bytes>, E>(
        &self,
        mut answer: Result<Response<X>, E>,
    ) -> Result<(Response<CacheBody<X>>, Option<Copying<X>>), E> {
        let received = self.read.cache.clock.now();
        let mut settled = settle::marks(&self.listening.0, answer.as_mut().ok());
        settle::invalidate(&self.read.cache, std::mem::take(&mut settled.invalidate)).await;
        Ok(self.prepare(answer?, settled, received))
    }

    fn release(&mut self) {
        if let Some(lead) = self.lead.take() {
            lead.release();
        }
    }

    /// The handler's answer. After the fill timeout those who wait go on by
    /// themselves; the client may wait on, and what comes then is not stored.
    async fn head<F: Future, T>(
        &mut self,
        call: F,
        sender: &mut tokio::sync::oneshot::Sender<T>,
    ) -> Option<F::Output> {
        tokio::pin!(call);
        let cache = self.read.cache.clone();
        let limit = cache.settings.fill_timeout;
        if let Some(answer) = cache.clock.timeout(limit, call.as_mut()).await {
            return Some(answer);
        }
        self.release();
        if sender.is_closed() {
            return None;
        }
        self.unstored = Some(Unstored::TooSlow);
        unless_given_up(&cache, sender, call).await
    }

    /// The response for the client, and what to copy of it if it may be stored.
    fn prepare<X>(
        &self,
        response: Response<X>,
        settled: Settled,
        received: Moment,
    ) -> (Response<CacheBody<X>>, Option<Copying<X>>)
    where
        X: Body<Data = Bytes>,
    {
        let (mut parts, body) = response.into_parts();
        let hint = body.size_hint();
        let draft = self.draft(&mut parts, settled, received);
        outgoing::strip(&self.read.cache, &mut parts.headers);
        match draft.and_then(|draft| self.fits(&hint).map(|()| draft)) {
            Ok(draft) => {
                let status = self.read.status;
                let status = status.fresh_for(semantics::ttl(draft.lifetime, draft.initial_age));
                let (writer, reader) = tee(hint);
                let leader = Leader::of(&self.read.recipe, &draft);
                let response = Response::from_parts(parts, CacheBody::copied(reader));
                let copying = Copying {
                    draft,
                    writer,
                    body,
                    leader,
                    status,
                };
                (leader.response(response), Some(copying))
            }
            Err(reason) => {
                self.read.cache.counters.refusals.add(reason);
                self.read.cache.pass_for_a_while(&self.read.recipe);
                let status = self.read.status.refused(reason);
                status.say(&self.read.cache, parts.status, &mut parts.headers);
                (Response::from_parts(parts, CacheBody::through(body)), None)
            }
        }
    }
}

impl Task {
    /// A body that says itself that it is too long is not copied at all.
    fn fits(&self, body: &SizeHint) -> Result<(), &'static str> {
        let length = usize::try_from(body.lower()).unwrap_or(usize::MAX);
        if length > self.read.cache.settings.max_body_bytes {
            return Err(Unstored::TooLong.as_str());
        }
        Ok(())
    }

    /// Whether the response may be stored, and as what. Sets `Date` where the
    /// handler did not: hits have to tell when the response was made, and the
    /// server would write its own (RFC 9110 §6.6.1).
    fn draft(
        &self,
        parts: &mut response::Parts,
        settled: Settled,
        received: Moment,
    ) -> Result<Draft, &'static str> {
        let recipe = &self.read.recipe;
        if let Some(reason) = self.unstored {
            return Err(reason.as_str());
        }
        if settled.marks.storing == Storing::Forbidden {
            return Err(Unstored::Forbidden.as_str());
        }
        let declared = recipe.rule.policy.declared_lifetime();
        let wall = self.read.cache.clock.wall();
        let exchange = Exchange {
            method: &recipe.request.method,
            request: &recipe.request.headers,
            status: parts.status,
            response: &parts.headers,
            targeted: &self.read.cache.settings.fields.targeted,
        };
        let storable = semantics::storable(&exchange, declared, wall).map_err(Refusal::as_str)?;
        let lifetime = storable.freshness.lifetime;
        let lifetime = settled
            .marks
            .at_most
            .map_or(lifetime, |most| most.min(lifetime));
        if lifetime.is_zero() {
            return Err(Unstored::Forbidden.as_str());
        }
        // Before `Date` is set here: ours has no fraction of a second, which is no
        // age of the response.
        let initial_age = semantics::initial_age(&parts.headers, wall, received.since(self.began));
        if !semantics::is_fresh(lifetime, initial_age) {
            return Err(Refusal::Stale.as_str());
        }
        let tags = self.tags(parts, settled.tags)?;
        let dating = Dating::of(&parts.headers, wall);
        parts
            .headers
            .entry(DATE)
            .or_insert_with(|| semantics::http_date(wall));
        Ok(Draft {
            status: parts.status,
            vary: storable.vary,
            headers: self.stored_fields(&parts.headers),
            lifetime,
            audience: storable.audience,
            began: self.began,
            received,
            initial_age,
            dating,
            tags,
            groups: storable.groups,
        })
    }

    fn stored_fields(&self, headers: &HeaderMap) -> HeaderMap {
        let mut headers = headers.clone();
        semantics::strip_unstored(&mut headers);
        outgoing::strip(&self.read.cache, &mut headers);
        headers
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
        let tags = AssertUnwindSafe(|| recipe.rule.policy.tags_of(&recipe.request, parts));
        catch_unwind(tags).map_err(|_| Unstored::PolicyPanicked.as_str())
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

    /// Lets the client have the head, and copies the body. Where the head is to say
    /// whether the response was stored, a body that is whole at once is copied first;
    /// a leader that waits has its head when the body is whole.
    async fn copy_for<X: Body<Data = Bytes>, E>(
        self,
        mut response: Response<CacheBody<X>>,
        copying: Copying<X>,
        sender: Sender<X, E>,
    ) {
        let (cache, mut status) = (self.read.cache.clone(), copying.status);
        let forwarded = copying.draft.status;
        if copying.leader == Leader::Waits {
            let held = Held::new(sender, response, cache, status);
            self.copy(copying, Some(held)).await.ok();
            return;
        }
        let mut copy = pin!(caught(self.copy::<X, E>(copying, None)));
        let mut first = Poll::Pending;
        if status.is_on() {
            first = poll!(copy.as_mut());
        }
        if let Poll::Ready(Ok(outcome)) = first {
            status = status.copied(outcome);
        }
        status.say(&cache, forwarded, response.headers_mut());
        // An error would mean that the client has gone; the fill goes on.
        let _ = sender.send(Outcome::Answered(Ok(response)));
        let ended = match first {
            Poll::Ready(ended) => ended,
            Poll::Pending => copy.await,
        };
        // A body may panic when it is dropped. The client has its head.
        if let Err(panic) = ended {
            resume_unwind(panic);
        }
    }

    /// Copies the body to its end, and stores it if it is whole. Returns why not.
    async fn copy<X: Body<Data = Bytes>, E>(
        mut self,
        copying: Copying<X>,
        held: Option<Held<X, E>>,
    ) -> Result<(), Unstored> {
        let Copying {
            draft,
            writer,
            body,
            ..
        } = copying;
        let cache = self.read.cache.clone();
        let left = cache
            .settings
            .fill_timeout
            .saturating_sub(cache.clock.now().since(self.began));
        let mut body = Box::pin(body);
        let copied = cache
            .clock
            .timeout(
                left,
                copy::to_end(&mut body, &writer, cache.settings.max_body_bytes),
            )
            .await;
        let reason = match copied {
            Some(Copied::Whole(trailers)) => match self.whole(draft, writer, trailers, held) {
                Ok(()) => {
                    cache.counters.stored.one();
                    return Ok(());
                }
                Err(reason) => reason,
            },
            Some(Copied::Failed(error)) => {
                // The lead goes to a waiter.
                drop(self);
                writer.fail(error);
                Unstored::Failed
            }
            Some(Copied::Panicked(panic)) => {
                drop(self);
                writer.panic(panic);
                Unstored::Failed
            }
            Some(Copied::TooLong) => self.hand_over(writer, body, Unstored::TooLong),
            None => self.hand_over(writer, body, Unstored::TooSlow),
        };
        cache.counters.refusals.add(reason.as_str());
        Err(reason)
    }

    /// The body is too long or too slow to be stored: it is the client's now.
    fn hand_over<X: Body<Data = Bytes>>(
        &mut self,
        writer: Writer<X>,
        body: Pin<Box<X>>,
        why: Unstored,
    ) -> Unstored {
        self.read.cache.pass_for_a_while(&self.read.recipe);
        self.release();
        writer.hand_over(body);
        why
    }

    /// Stores the response, lands the flight, lets the client have the end of the
    /// body, or its part of it: in this order, so that its next request finds the
    /// entry.
    fn whole<X: Body<Data = Bytes>, E>(
        &mut self,
        mut draft: Draft,
        writer: Writer<X>,
        trailers: Option<HeaderMap>,
        held: Option<Held<X, E>>,
    ) -> Result<(), Unstored> {
        let body = writer.freeze();
        if !copy::has_declared_length(&draft.headers, body.len()) {
            self.release();
            writer.finish(trailers);
            return Err(Unstored::WrongLength);
        }
        self.tag_body(&mut draft, &body);
        let (slot, verdict, stored) =
            self.read
                .cache
                .store(&self.fill, &self.read.recipe, draft, body, trailers.clone());
        if let Some(lead) = self.lead.take() {
            lead.land(slot.clone(), verdict);
        }
        writer.finish(trailers);
        if let Some(held) = held {
            held.answer(self.leaders_answer(&slot), stored);
        }
        stored
    }

    /// Where the route wants one and the handler has none.
    fn tag_body(&self, draft: &mut Draft, body: &Bytes) {
        let wanted = self.read.recipe.rule.policy.makes_etags() && draft.status == StatusCode::OK;
        if wanted && !draft.headers.contains_key(ETAG) {
            let tag = semantics::made_etag(&draft.headers, body);
            draft.headers.insert(ETAG, tag);
        }
    }

    /// What the leader gets of its own fill, whether or not that could be stored.
    fn leaders_answer<X: Body>(&self, slot: &Slot) -> Option<Response<CacheBody<X>>> {
        let now = self.read.cache.clock.now();
        respond::from_slot(slot, now, &self.read.recipe.request)
    }
}
