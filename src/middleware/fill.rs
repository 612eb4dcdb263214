//! Fills: the handler runs, and its body is copied to the end, in a task of the
//! cache, whether or not the client waits.

use super::body::CacheBody;
use super::caught::caught;
use super::context::Listening;
use super::copy::{Copied, Most};
use super::given_up::unless_given_up;
use super::handover::{self, Outcome, Sender};
use super::leader::{Held, Leader};
use super::question::{self, Question};
use super::read::{Read, Ticket};
use super::service::EmptyBody;
use super::settle::{self, Settled};
use super::status::Status;
use super::tee::{Writer, tee};
use super::warm_up::Warming;
use super::{copy, outgoing, pass, respond};
use crate::cache::{Content, Draft, Landed, Permit, Shared, Slot, Unstored};
use crate::clock::Moment;
use crate::semantics::{self, Messages};
use crate::store::race::{Fill, Verdict};
use bytes::Bytes;
use futures_util::poll;
use http::{HeaderMap, Request, Response};
use http_body::Body;
use std::panic::resume_unwind;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use tower_service::Service;

/// Runs the handler for this request, and for those who wait for it.
pub(super) async fn run<S, B, X>(
    read: Read,
    lead: Option<Ticket>,
    service: S,
    request: Request<B>,
) -> Result<Response<CacheBody<X>>, S::Error>
where
    S: Service<Request<B>, Response = Response<X>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send + 'static,
    B: EmptyBody,
    X: Body<Data = Bytes> + Send + 'static,
    X::Error: Send,
{
    let Some(permit) = read.cache.permit() else {
        read.recipe.rule.counts.refuse(Unstored::Fills.as_str());
        if let Some(lead) = lead {
            lead.release();
        }
        let status = read.status.refused(Unstored::Fills.as_str());
        return pass::run(
            read.cache,
            &read.recipe.rule,
            read.context,
            status,
            service,
            request,
        )
        .await;
    };
    let (sender, receiver) = handover::channel();
    start(permit, read, lead, service, request, sender);
    handover::received(receiver).await
}

/// Runs the handler in a task of the cache. Whoever holds the other end of `sender`
/// may leave.
pub(super) fn start<S, B, X>(
    permit: Permit,
    mut read: Read,
    lead: Option<Ticket>,
    service: S,
    mut request: Request<B>,
    sender: Sender<X, S::Error>,
) where
    S: Service<Request<B>, Response = Response<X>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send + 'static,
    B: EmptyBody,
    X: Body<Data = Bytes> + Send + 'static,
    X::Error: Send,
{
    read.recipe.rule.counts.fills.one();
    request.extensions_mut().insert(read.context.clone());
    if let Some(reduced) = read.reduced.take() {
        reduced.hide(&read.recipe.request, &mut request);
    }
    // From here on it is a request for the whole response, which answers the client
    // and those who wait by their own fields.
    semantics::hide_conditions(request.headers_mut());
    let task = Task::begin(read, lead);
    // Moved into the task as a pointer: it has the request in it, and the handler's own.
    let call = Box::pin(question::call(service, request, task.question.clone()));
    permit.run(task.run(call, sender));
}

/// A fill under way. Dropped before it landed, the lead goes to a waiter.
pub(super) struct Task {
    /// First, so that what was noted counts before the lead goes on.
    listening: Listening,
    pub(super) read: Read,
    pub(super) lead: Option<Ticket>,
    /// Holds the reading of the invalidation clock, taken before the handler ran.
    pub(super) fill: Fill,
    /// What the handler is asked to confirm.
    question: Option<Question>,
    pub(super) began: Moment,
    /// Why it will not be stored, once that is known.
    pub(super) unstored: Option<Unstored>,
}

/// What becomes of the handler's answer.
#[allow(clippy::large_enum_variant, reason = "it is moved once")]
enum Made<X: Body> {
    /// Its body is the client's, or from memory.
    Whole(Response<CacheBody<X>>),
    /// Its body is copied for the store.
    Copied(Response<CacheBody<X>>, Box<Copying<X>>),
}

/// How the wait for a response head ended.
#[allow(clippy::large_enum_variant, reason = "it is moved once")]
enum Head<T, X: Body> {
    Came(T),
    /// Nobody wants it any more.
    Unwanted,
    /// It takes too long, and this stands in.
    Instead(Response<CacheBody<X>>),
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
        let began = read.cache.clock.now();
        let fill = read.cache.core.begin_fill();
        Self {
            listening: Listening(read.context.clone()),
            began,
            question: Question::of(&read, &fill),
            fill,
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
            Head::Unwanted => return,
            Head::Instead(response) => Outcome::Answered(Ok(response)),
            Head::Came(Err(panic)) => {
                self.settle_marks().await;
                match self.instead(None) {
                    Some(response) => Outcome::Answered(Ok(response)),
                    None => Outcome::Panicked(panic),
                }
            }
            // A body may also panic when it is asked for its size.
            Head::Came(Ok(answer)) => match caught(Box::pin(self.settle(answer))).await {
                Err(panic) => Outcome::Panicked(panic),
                Ok(Err(error)) => Outcome::Answered(Err(error)),
                Ok(Ok(Made::Copied(response, copying))) => {
                    return self.copy_for(response, copying, sender).await;
                }
                Ok(Ok(Made::Whole(response))) => {
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
        &mut self,
        mut answer: Result<Response<X>, E>,
    ) -> Result<Made<X>, E> {
        let received = self.read.cache.clock.now();
        let mut settled = settle::marks(&self.listening.0, answer.as_mut().ok());
        settle::invalidate(&self.read.cache, std::mem::take(&mut settled.invalidate)).await;
        let response = match answer {
            Err(error) => return self.instead(None).map(Made::Whole).ok_or(error),
            Ok(response) => response,
        };
        let status = response.status();
        let fails = semantics::is_stale_for(status) || self.call_is_in_trouble(response.headers());
        if fails && let Some(instead) = self.instead(Some(status)) {
            return Ok(Made::Whole(instead));
        }
        Ok(self.prepare(response, settled, received))
    }

    /// What the handler has noted counts, although there is no response head.
    async fn settle_marks(&self) {
        let settled = settle::marks::<()>(&self.listening.0, None);
        settle::invalidate(&self.read.cache, settled.invalidate).await;
    }

    /// Ends the flight with what was made. What has to be asked for each time is for
    /// nobody else (RFC 9111 §5.2.2.4): those who wait ask for themselves.
    pub(super) fn land(&mut self, slot: &Arc<Slot>, verdict: Verdict) {
        let Some(lead) = self.lead.take() else {
            return;
        };
        match &**slot {
            Slot::Entry(entry) if entry.asks_each_time() => lead.release(),
            _ => lead.land(
                Landed {
                    slot: slot.clone(),
                    stale: false,
                },
                verdict,
            ),
        }
    }

    fn release(&mut self) {
        if let Some(lead) = self.lead.take() {
            lead.release();
        }
    }

    /// The handler's answer. After the fill timeout those who wait go on by
    /// themselves; the client may wait on, and what comes then is not stored.
    async fn head<F: Future, X: Body<Data = Bytes>, E>(
        &mut self,
        call: F,
        sender: &mut Sender<X, E>,
    ) -> Head<F::Output, X> {
        tokio::pin!(call);
        let cache = self.read.cache.clone();
        let limit = cache.settings.fill_timeout;
        if let Some(answer) = cache.clock.timeout(limit, call.as_mut()).await {
            return Head::Came(answer);
        }
        if self.read.old.is_some() && !sender.is_closed() {
            self.settle_marks().await;
            if let Some(instead) = self.instead(None) {
                return Head::Instead(instead);
            }
        }
        self.release();
        if sender.is_closed() {
            return Head::Unwanted;
        }
        self.unstored = Some(Unstored::TooSlow);
        let answer = unless_given_up(&cache, sender, call).await;
        answer.map_or(Head::Unwanted, Head::Came)
    }

    /// The response for the client, and what to copy of it if it may be stored.
    fn prepare<X>(&mut self, response: Response<X>, settled: Settled, received: Moment) -> Made<X>
    where
        X: Body<Data = Bytes>,
    {
        let (mut parts, body) = response.into_parts();
        let question = self.question.take();
        let confirmed = |asked: &Question| asked.is_confirmed_by(parts.status, &parts.headers);
        let question = question.filter(confirmed);
        if let Some(old) = question.as_ref().and_then(Question::entry) {
            return Made::Whole(self.renew(old, parts, settled, received));
        }
        let hint = body.size_hint();
        let draft = self.draft(&mut parts, settled, received);
        let recipe = &self.read.recipe;
        outgoing::finish(
            &self.read.cache,
            &recipe.rule,
            &recipe.request.method,
            &mut parts.headers,
        );
        if let Ok(draft) = &draft {
            self.write_tags(&draft.tags, &mut parts.headers);
        }
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
                Made::Copied(leader.response(response), Box::new(copying))
            }
            Err(reason) => {
                recipe.rule.counts.refuse(reason);
                // What is stored may still be served, if this says nothing of it.
                let nothing = semantics::says_nothing(parts.status, self.read.background);
                if self.call_is_in_trouble(&parts.headers) {
                    // The lead goes to a waiter.
                    drop(self.lead.take());
                } else if self.read.old.is_none() || !nothing {
                    self.read.cache.pass_for_a_while(&self.read.recipe);
                }
                let status = self.read.status.refused(reason);
                status.say(&self.read.cache, parts.status, &mut parts.headers);
                Made::Whole(Response::from_parts(parts, CacheBody::through(body)))
            }
        }
    }
}

impl Task {
    /// Lets the client have the head, and copies the body. Where the head is to say
    /// whether the response was stored, a body that is whole at once is copied first;
    /// a leader that waits has its head when the body is whole.
    async fn copy_for<X: Body<Data = Bytes>, E>(
        self,
        mut response: Response<CacheBody<X>>,
        copying: Box<Copying<X>>,
        sender: Sender<X, E>,
    ) {
        let (cache, mut status) = (self.read.cache.clone(), copying.status);
        let forwarded = copying.draft.status;
        if copying.leader == Leader::Waits {
            let held = Held::new(sender, response, cache, status);
            Box::pin(self.copy(copying, Some(held))).await.ok();
            return;
        }
        // As a pointer: it would be moved with all that is in it otherwise.
        let mut copy = pin!(caught(Box::pin(self.copy::<X, E>(copying, None))));
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
        copying: Box<Copying<X>>,
        held: Option<Held<X, E>>,
    ) -> Result<(), Unstored> {
        let Copying {
            draft,
            writer,
            body,
            ..
        } = *copying;
        let cache = self.read.cache.clone();
        let counts = self.read.recipe.rule.counts.clone();
        let left = cache
            .settings
            .fill_timeout
            .saturating_sub(cache.clock.now().since(self.began));
        let mut body = Box::pin(body);
        let copied = cache
            .clock
            .timeout(left, copy::to_end(&mut body, &writer, self.most(&cache)))
            .await;
        let reason = match copied {
            Some(Copied::Whole(trailers)) => match self.whole(draft, writer, trailers, held) {
                Ok(()) => {
                    counts.stored.one();
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
            Some(Copied::Streams) => self.hand_over(writer, body, Unstored::GrpcStreaming),
            None => self.hand_over(writer, body, Unstored::TooSlow),
        };
        counts.refuse(reason.as_str());
        Err(reason)
    }

    /// How much of the body is copied.
    fn most(&self, cache: &Shared) -> Most {
        Most {
            bytes: cache.settings.max_body_bytes,
            messages: self.is_call().then(Messages::default),
        }
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
        if let Err(reason) = self.call_ended_well(&draft.headers, &body, trailers.as_ref()) {
            self.give_up_call(trailers.as_ref().unwrap_or(&draft.headers));
            writer.finish(trailers);
            return Err(reason);
        }
        self.tag_body(&mut draft, &body);
        let content = Content {
            body,
            trailers: trailers.clone(),
        };
        let refused = self.stores(&draft, &content.body).err();
        let (cache, recipe) = (&self.read.cache, &self.read.recipe);
        let (slot, verdict, stored) =
            cache.store(&self.fill, recipe, draft, content, None, refused);
        if refused.is_some() {
            cache.pass_for_a_while(recipe);
        }
        if stored.is_ok() {
            Warming::stored(&recipe.request.extensions);
        }
        self.land(&slot, verdict);
        writer.finish(trailers);
        if let Some(held) = held {
            held.answer(self.leaders_answer(&slot), stored);
        }
        stored
    }

    /// What the leader gets of its own fill, whether or not that could be stored.
    fn leaders_answer<X: Body>(&self, slot: &Slot) -> Option<Response<CacheBody<X>>> {
        let now = self.read.cache.clock.now();
        let Read { cache, recipe, .. } = &self.read;
        respond::from_slot(cache, &recipe.rule, slot, now, &recipe.request)
    }
}
