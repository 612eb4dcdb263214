//! Unsafe requests: they run to their response head in a task of the cache,
//! whether or not the client waits.
//!
//! A client that hangs up after the handler's commit would otherwise leave a
//! write that nobody heard of: its future is dropped, and with it the response
//! that says what became stale. The order is: the handler returns, what it made
//! stale is invalid here, it is in the outbox, the write concern is met, the
//! response leaves. Where the route announces its writes, that comes first of all.

use super::announced::UnderWay;
use super::body::CacheBody;
use super::caught::{Caught, caught};
use super::context::CacheContext;
use super::given_up::unless_given_up;
use super::handover::{self, Outcome};
use super::mapped::{Known, Mapped};
use super::status::Status;
use super::{outgoing, refused, settle, token};
use crate::cache::{Shared, WriteRule};
use crate::coherence::Announced;
use crate::concern::{Receipt, WriteConcern};
use crate::policy::{BusDown, HangUp, OwnPath};
use crate::scope::Scope;
use crate::semantics::{self, StoredKey};
use crate::target::{Invalidate, What};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, request};
use http_body::Body;
use std::sync::Arc;
use std::time::Duration;
use tower_service::Service;

/// What is known of a write before its handler runs.
pub(super) struct Write {
    pub(super) cache: Arc<Shared>,
    pub(super) context: CacheContext,
    pub(super) resource: Resource,
    choices: Choices,
    status: Status,
    /// From before the handler runs on, if the layer announces its writes.
    under_way: Option<UnderWay>,
    /// Whether the handler may have run without our having heard its outcome.
    outcome: Heard,
}

/// What the layer says of its writes.
#[derive(Clone, Copy)]
pub(super) struct Choices {
    /// The concern of the layer, if it has its own.
    pub(super) concern: Option<WriteConcern>,
    pub(super) while_bus_down: BusDown,
    pub(super) intent: Option<Duration>,
    pub(super) hang_up: HangUp,
}

/// What an unsafe request is for.
pub(super) struct Resource {
    pub(super) method: Method,
    pub(super) path: String,
    /// The path that the handler sees, where it is another one than the client's.
    pub(super) rewritten: Option<String>,
    /// Absent if the request has no usable authority.
    pub(super) key: Option<StoredKey>,
    pub(super) scope: Option<Scope>,
    pub(super) call: Call,
    pub(super) writes: Arc<WriteRule>,
    /// The whole head, where the route makes something of it.
    pub(super) request: Option<Box<request::Parts>>,
}

/// What the request says it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    Http,
    /// A gRPC call: its URI names a method, and says nothing of what it does.
    /// Any client can say so of any request, so it is believed only when the
    /// response says the same.
    Grpc,
}

impl Resource {
    /// What the outcome made stale (RFC 9111 §4.4, RFC 9875 §3), and what the route
    /// says of it.
    fn stale<X>(&self, cache: &Shared, response: Option<&Response<X>>) -> Invalidate {
        let mapping = self.writes.policy.mapping();
        if mapping.is_safe() {
            return Invalidate::nothing();
        }
        let groups = response.map_or_else(Invalidate::nothing, |response| self.groups(response));
        if !mapping.counts_after(response.map(Response::status)) {
            return groups;
        }
        let known = Known::Ended(response);
        let paths = if self.is_grpc(response) {
            Invalidate::nothing()
        } else {
            self.paths(known.headers())
        };
        let says = paths.and(self.mapped(cache, known));
        mapping.strengthened(says).and(groups)
    }

    /// What it will make stale, if it does anything. A gRPC call does not say.
    fn intended(&self, cache: &Shared) -> Invalidate {
        if self.writes.policy.mapping().is_safe() {
            return Invalidate::nothing();
        }
        let paths = match self.call {
            Call::Http => self.paths(None),
            Call::Grpc => Invalidate::nothing(),
        };
        paths.and(self.mapped::<()>(cache, Known::Before))
    }

    fn is_grpc<X>(&self, response: Option<&Response<X>>) -> bool {
        let says_so = |response: &Response<X>| semantics::is_grpc(response.headers());
        self.call == Call::Grpc && response.is_some_and(says_so)
    }

    /// The groups that the response names; those count at any status.
    fn groups<X>(&self, response: &Response<X>) -> Invalidate {
        if self.is_grpc(Some(response)) {
            return Invalidate::nothing();
        }
        let origin = self.key.as_ref().map_or("", StoredKey::origin);
        let groups = semantics::invalidated_groups(&self.method, response.headers(), origin);
        groups.into_iter().collect()
    }

    fn mapped<X>(&self, cache: &Shared, known: Known<'_, X>) -> Invalidate {
        let Some(request) = &self.request else {
            return Invalidate::nothing();
        };
        let mapped = Mapped {
            cache,
            rule: &self.writes,
            request,
            path: &self.path,
            key: self.key.as_ref(),
            scope: self.scope.as_ref(),
        };
        mapped.stale(known)
    }

    fn paths(&self, headers: Option<&HeaderMap>) -> Invalidate {
        let key = self.key.as_ref().map(StoredKey::parts);
        let choice = self.writes.policy.mapping().own_path;
        let own = std::iter::once(&self.path).chain(&self.rewritten);
        let exact = match (choice, &self.key) {
            (OwnPath::ExactUri, Some(key)) => Invalidate::of(What::Uri(key.uri().into())),
            (OwnPath::Off, _) => Invalidate::nothing(),
            (OwnPath::AllQueries | OwnPath::ExactUri, _) => {
                let all = own.flat_map(|path| semantics::made_stale(path, key.as_ref(), headers));
                return all.collect();
            }
        };
        let Some(headers) = headers else { return exact };
        let named = own.flat_map(|path| semantics::named(path, key.as_ref(), headers));
        exact.and(named.collect::<Invalidate>())
    }
}

/// Whether the handler runs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Go {
    On,
    Refused,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Heard {
    NotYet,
    Settled,
}

impl Write {
    pub(super) fn new(
        cache: Arc<Shared>,
        context: CacheContext,
        resource: Resource,
        choices: Choices,
        status: Status,
    ) -> Self {
        Self {
            cache,
            context,
            resource,
            choices,
            status,
            under_way: None,
            outcome: Heard::NotYet,
        }
    }

    /// Tells the others what the request will make stale, as far as that is known
    /// from it. Returns whether the handler is to run.
    async fn announce(&mut self) -> Go {
        let announced = match self.choices.intent {
            Some(time) => self.announce_for(time).await,
            None => Announced::Yes,
        };
        let refuse = self.choices.while_bus_down == BusDown::RefuseWrites;
        if refuse && announced == Announced::Unknown {
            self.outcome = Heard::Settled;
            self.resource.writes.counts.refused_writes.one();
            return Go::Refused;
        }
        self.resource.writes.counts.writes.one();
        Go::On
    }

    async fn announce_for(&mut self, time: Duration) -> Announced {
        let what = self.context.inside(self.resource.intended(&self.cache));
        if what.is_empty() {
            return Announced::Yes;
        }
        let under_way = self.under_way.insert(UnderWay::new(self.cache.clone()));
        under_way.announce(&what, time).await
    }

    /// What the outcome made stale: the marks in any case, what the URI and the
    /// response's fields say unless the handler refused.
    fn stale<X>(&mut self, response: Option<&mut Response<X>>) -> Invalidate {
        self.outcome = Heard::Settled;
        let stale = self.resource.stale(&self.cache, response.as_deref());
        let what = self.context.inside(stale);
        what.and(settle::marks(&self.context, response).invalidate)
    }

    async fn settle<X>(&mut self, response: Option<&mut Response<X>>) -> Option<Receipt> {
        let stale = self.stale(response);
        let (concern, under_way) = (self.choices.concern, self.under_way.take());
        settle::invalidate_with(&self.cache, stale, concern, under_way).await
    }

    /// Makes the response, if there is one, ready to leave.
    fn tell<X>(&self, receipt: Option<&Receipt>, response: Option<&mut Response<X>>) {
        let Some(response) = response else { return };
        outgoing::strip(&self.cache, response.headers_mut());
        self.status.tell(&self.cache, response);
        token::tell(&self.cache, &self.context, receipt, Some(response));
    }
}

/// The handler was dropped before it answered: it may have committed.
impl Drop for Write {
    fn drop(&mut self) {
        if self.outcome == Heard::NotYet {
            let what = self.stale::<()>(None);
            self.cache.invalidate_now(&what);
        }
    }
}

/// Runs the request to its response head.
pub(super) async fn run<S, B, X>(
    mut write: Write,
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
    request.extensions_mut().insert(write.context.clone());
    let call = async move { service.call(request).await };
    let permit = match write.choices.hang_up {
        HangUp::Finish => write.cache.permit(),
        HangUp::Drop => None,
    };
    let Some(permit) = permit else {
        return inline(write, call).await;
    };
    let (mut sender, receiver) = handover::channel();
    permit.run(async move {
        if write.announce().await == Go::Refused {
            let refused = refused::response(write.resource.call);
            let _ = sender.send(Outcome::Answered(Ok(refused)));
            return;
        }
        let caught = unless_given_up(&write.cache, &mut sender, caught(call)).await;
        // Given up: the drop of `write` counts it as an unknown outcome.
        let Some(caught) = caught else { return };
        let outcome = settled(write, caught).await;
        // An error would mean that the client has gone.
        let _ = sender.send(outcome);
    });
    handover::received(receiver).await
}

async fn settled<X: Body, E>(
    mut write: Write,
    caught: Caught<Result<Response<X>, E>>,
) -> Outcome<X, E> {
    let mut answer = match caught {
        Ok(answer) => answer,
        // As for an error: the drop of `write` invalidates.
        Err(panic) => return Outcome::Panicked(panic),
    };
    let receipt = write.settle(answer.as_mut().ok()).await;
    write.tell(receipt.as_ref(), answer.as_mut().ok());
    Outcome::Answered(answer.map(|response| response.map(CacheBody::through)))
}

/// In the client's own future: without a permit or a runtime. If it is dropped,
/// so is the handler, and the drop of `write` counts the outcome as unknown.
async fn inline<X: Body, E>(
    mut write: Write,
    call: impl Future<Output = Result<Response<X>, E>>,
) -> Result<Response<CacheBody<X>>, E> {
    if write.announce().await == Go::Refused {
        return Ok(refused::response(write.resource.call));
    }
    let mut answer = call.await;
    let receipt = write.settle(answer.as_mut().ok()).await;
    write.tell(receipt.as_ref(), answer.as_mut().ok());
    answer.map(|response| response.map(CacheBody::through))
}
