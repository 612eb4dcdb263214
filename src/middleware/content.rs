//! Requests whose content counts: it is read before the look-up (RFC 10008), and before it
//! is known whether they read at all.

use super::body::CacheBody;
use super::context::CacheContext;
use super::future::ResponseFuture;
use super::plan::Planner;
use super::replay::Replay;
use super::rules::Rules;
use super::service::{CacheService, EmptyBody};
use super::token::Carried;
use crate::cache::{Rule, Shared};
use crate::semantics::{self, More};
use bytes::{Buf, Bytes, BytesMut};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, UPGRADE};
use http::{Method, Request, Response, StatusCode, request};
use http_body::Body;
use http_body_util::BodyExt;
use std::pin::pin;
use std::sync::Arc;
use tower_service::Service;

/// What is known of a request before its content is read.
struct Asked<R> {
    cache: Arc<Shared>,
    rule: Arc<Rule>,
    rules: Arc<Rules>,
    replay: R,
    carried: Carried,
}

impl<S, R> CacheService<S, R> {
    /// Whether the content of this request is read before it is looked up.
    pub(super) fn reads<B: Body>(&self, rule: &Rule, request: &request::Parts, body: &B) -> bool
    where
        R: Replay<B>,
    {
        let Some(longest) = rule.policy.longest_content() else {
            return false;
        };
        let outer = CacheContext::from_extensions(&request.extensions);
        if !counts(rule, request) || outer.is_some_and(|context| context.is_of(&self.cache)) {
            return false;
        }
        if !self.replay.can_replay() {
            rule.cannot_read(&self.cache.mistakes);
        }
        let length = body.size_hint().exact();
        let fits = length.is_some_and(|length| length <= longest);
        let reads = fits && self.replay.can_replay() && !request.headers.contains_key(UPGRADE);
        if !reads && request.method == Method::POST {
            rule.counts.bypasses.add("unread-content");
        }
        reads
    }

    pub(super) fn read_first<B, X>(
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
        let asked = Asked {
            cache: self.cache.clone(),
            rule,
            rules: self.rules.clone(),
            replay: self.replay.clone(),
            carried,
        };
        ResponseFuture::steps(run(asked, ready, parts, body))
    }
}

/// Whether the content of such a request counts on this route, which has a length for it.
fn counts(rule: &Rule, request: &request::Parts) -> bool {
    match request.method.as_str() {
        "QUERY" => request.headers.contains_key(CONTENT_TYPE),
        "POST" => rule.policy.classifies() && !semantics::is_grpc(&request.headers),
        _ => false,
    }
}

/// Reads the content, then goes on as for any read.
async fn run<S, R, B, X>(
    asked: Asked<R>,
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
    let Asked {
        cache,
        rule,
        rules,
        replay,
        carried,
    } = asked;
    let limit = cache.settings.fill_timeout;
    let content = match cache.clock.timeout(limit, read_to_end(body)).await {
        Some(Some(content)) => content,
        Some(None) => return Ok(refused(StatusCode::BAD_REQUEST)),
        None => return Ok(refused(StatusCode::REQUEST_TIMEOUT)),
    };
    let routes = cache.routes_for_a_while();
    let planner = Planner {
        cache: &cache,
        rule: &rule,
        rules: &rules,
        routes: &routes,
    };
    let plan = planner.plan_content(&parts, carried, &content);
    let Some(body) = replay.replay(content) else {
        // A layer that cannot replay does not read.
        return Ok(refused(StatusCode::INTERNAL_SERVER_ERROR));
    };
    let request = Request::from_parts(parts, body);
    plan.carry_out(&cache, &rule, ready, request).await
}

/// All data of the body, whose length is bounded by what it says of itself. `None` if it
/// ends with an error.
async fn read_to_end<B: Body>(body: B) -> Option<Bytes> {
    let longest = usize::try_from(body.size_hint().upper()?).ok()?;
    let mut content = BytesMut::new();
    let mut body = pin!(body);
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.ok()?.into_data() {
            if content.len().saturating_add(data.remaining()) > longest {
                return None;
            }
            bytes::BufMut::put(&mut content, data);
        }
    }
    Some(content.freeze())
}

/// What of the content is in the key (RFC 10008 §2.7: it and what describes it).
pub(super) fn key(request: &request::Parts, content: &[u8]) -> Vec<u8> {
    let mut more = More::default();
    describe(request, &mut more);
    more.push(b'b', Some(content));
    more.into_bytes()
}

/// What describes the content.
pub(super) fn describe(request: &request::Parts, more: &mut More) {
    for name in [CONTENT_TYPE, CONTENT_ENCODING] {
        for line in request.headers.get_all(&name) {
            more.push(b'd', Some(line.as_bytes()));
        }
        more.push(b'd', None);
    }
}

fn refused<X: Body>(status: StatusCode) -> Response<CacheBody<X>> {
    let mut response = Response::new(CacheBody::stored(Bytes::new(), None));
    *response.status_mut() = status;
    response
}
