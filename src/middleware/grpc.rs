//! Calls of unary gRPC methods that read: the message is read before the look-up.

use super::body::CacheBody;
use super::context::CacheContext;
use super::future::ResponseFuture;
use super::grpc_message::{Reading, Stop};
use super::grpc_status::{Code, trailers_only};
use super::plan::{Plan, Planner};
use super::replay::Replay;
use super::resumed::Resumed;
use super::rules::Rules;
use super::service::{CacheService, EmptyBody};
use super::token::Carried;
use super::{pass, read};
use crate::cache::{Routes, Rule, Shared};
use crate::clock::Moment;
use crate::semantics;
use bytes::Bytes;
use http::{Method, Request, Response, request};
use http_body::Body;
use std::sync::Arc;
use tower_service::Service;

/// What is known of a call before its message is read.
struct Called<R> {
    cache: Arc<Shared>,
    rule: Arc<Rule>,
    rules: Arc<Rules>,
    replay: R,
    carried: Carried,
    /// Its client has given up by then.
    deadline: Option<Moment>,
    /// Why it is given on unread.
    unread: Option<&'static str>,
}

impl<S, R> CacheService<S, R> {
    /// The rule of the gRPC method that this request calls, if that one reads.
    pub(super) fn called(&self, routes: &Routes, request: &request::Parts) -> Option<Arc<Rule>> {
        if request.method != Method::POST || !semantics::is_grpc(&request.headers) {
            return None;
        }
        let rule = self.rules.rpc(routes, request)?;
        let outer = CacheContext::from_extensions(&request.extensions);
        let is_inner = outer.is_some_and(|context| context.is_of(&self.cache));
        (!is_inner).then(|| rule.clone())
    }

    pub(super) fn grpc<B, X>(
        &mut self,
        rule: Arc<Rule>,
        parts: request::Parts,
        body: B,
        carried: Carried,
    ) -> ResponseFuture<S::Future, X, S::Error>
    where
        S: Service<Request<B>, Response = Response<X>> + Clone + Send + 'static,
        S::Future: Send + 'static,
        S::Error: Send + 'static,
        R: Replay<B>,
        B: Body + EmptyBody,
        X: Body<Data = Bytes> + Send + 'static,
        X::Error: Send + 'static,
    {
        self.cache.coherence.ensure_running();
        let next = self.inner.clone();
        let ready = std::mem::replace(&mut self.inner, next);
        let now = self.cache.clock.now();
        let called = Called {
            deadline: semantics::call_timeout(&parts.headers).map(|time| now.plus(time)),
            unread: self.unread(&rule, &parts),
            cache: self.cache.clone(),
            rule,
            rules: self.rules.clone(),
            replay: self.replay.clone(),
            carried,
        };
        ResponseFuture::steps(called.run(ready, parts, body))
    }

    /// Why the message of the call is not read.
    fn unread<B>(&self, rule: &Rule, request: &request::Parts) -> Option<&'static str>
    where
        R: Replay<B>,
        B: Body,
    {
        if !self.replay.can_resume() {
            self.cache.unread_calls.call_once(|| {
                let path = request.uri.path();
                self.cache.mistakes.note(vec![format!(
                    "rpc_read {path:?}: the layer cannot read calls without `CacheLayer::resume`"
                )]);
            });
            return Some("no-resume");
        }
        if semantics::is_grpc_web(&request.headers) {
            return Some("grpc-web");
        }
        // The look-up says why.
        (rule.policy.is_bypass() || !self.cache.uses_memory()).then_some("policy")
    }
}

impl<R> Called<R> {
    /// Reads the message, then goes on as for any read.
    async fn run<S, B, X>(
        self,
        ready: S,
        parts: request::Parts,
        body: B,
    ) -> Result<Response<CacheBody<X>>, S::Error>
    where
        S: Service<Request<B>, Response = Response<X>> + Clone + Send + 'static,
        S::Future: Send,
        S::Error: Send + 'static,
        R: Replay<B>,
        B: Body + EmptyBody,
        X: Body<Data = Bytes> + Send + 'static,
        X::Error: Send,
    {
        if let Some(reason) = self.unread {
            let plan = self.plan(&parts, Err(reason));
            return self
                .go_on(plan, ready, Request::from_parts(parts, body))
                .await;
        }
        let limit = self.rule.policy.longest_content().unwrap_or_default();
        let mut reading = Reading::new(body, limit);
        // No error of the body lives on: it need not be `Send`.
        let (plan, body) = match reading.read(&self.cache).await {
            Ok(()) => {
                let message = reading.message();
                let plan = self.plan(&parts, Ok(&message));
                if let Plan::Answer(response) = plan {
                    return Ok(response);
                }
                (plan, self.replay.resume(Resumed::whole(message)))
            }
            Err(Stop::Reason(reason)) => {
                let plan = self.plan(&parts, Err(reason));
                (plan, self.replay.resume(reading.resumed()))
            }
            Err(Stop::Failed(error)) => {
                let plan = self.plan(&parts, Err("grpc-message"));
                (plan, self.replay.resume(reading.failed(error)))
            }
        };
        let Some(body) = body else {
            // A layer that cannot resume does not read.
            return Ok(trailers_only(Code::Internal, "the call was lost"));
        };
        self.go_on(plan, ready, Request::from_parts(parts, body))
            .await
    }

    fn plan<X: Body>(
        &self,
        request: &request::Parts,
        message: Result<&[u8], &'static str>,
    ) -> Plan<X> {
        let routes = self.cache.routes();
        let planner = Planner {
            cache: &self.cache,
            rule: &self.rule,
            rules: &self.rules,
            routes: &routes,
        };
        planner.plan_call(request, self.carried.clone(), message)
    }

    async fn go_on<S, B, X>(
        self,
        plan: Plan<X>,
        ready: S,
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
        match plan {
            Plan::Answer(response) | Plan::Refresh(response, _) => Ok(response),
            Plan::Read(read) => {
                let answer = read::run(*read, ready, request);
                in_time(&self.cache, self.deadline, answer).await
            }
            // Its deadline is the method's to keep: it sees it.
            Plan::Pass(context, status) => {
                pass::run(self.cache, &self.rule, context, status, ready, request).await
            }
            // None of these is planned for a call.
            Plan::Head(_) | Plan::Write(_) | Plan::Inner => {
                Ok(trailers_only(Code::Internal, "the call was lost"))
            }
        }
    }
}

/// Each client waits as long as it said, also for what others fetch. The fill goes on: its
/// method does not know of the deadline of one client.
async fn in_time<X: Body, E>(
    cache: &Shared,
    deadline: Option<Moment>,
    answer: impl Future<Output = Result<Response<CacheBody<X>>, E>>,
) -> Result<Response<CacheBody<X>>, E> {
    let Some(deadline) = deadline else {
        return answer.await;
    };
    let left = deadline.since(cache.clock.now());
    let late = || {
        Ok(trailers_only(
            Code::DeadlineExceeded,
            "the deadline has passed",
        ))
    };
    cache.clock.timeout(left, answer).await.unwrap_or_else(late)
}
