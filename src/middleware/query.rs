//! Requests whose content is in the key: it is read before the look-up (RFC 10008).

use super::body::CacheBody;
use super::context::CacheContext;
use super::future::ResponseFuture;
use super::plan::{Plan, Planner};
use super::replay::Replay;
use super::rules::Rules;
use super::service::{CacheService, EmptyBody};
use super::token::Carried;
use super::{pass, read};
use crate::cache::{Rule, Shared};
use crate::semantics::More;
use bytes::{Buf, Bytes, BytesMut};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, UPGRADE};
use http::{Request, Response, StatusCode, request};
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
        let is_inner = || {
            let outer = CacheContext::from_extensions(&request.extensions);
            outer.is_some_and(|context| context.is_of(&self.cache))
        };
        can_be_read(rule.policy.longest_content(), request, body)
            && self.replay.can_replay()
            && !is_inner()
    }

    pub(super) fn query<B, X>(
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

/// Whether the content of this request can be read for its key: its route wants it, and
/// it is known to be short enough.
fn can_be_read(longest: Option<u64>, request: &request::Parts, body: &impl Body) -> bool {
    let Some(longest) = longest else { return false };
    let length = body.size_hint().exact();
    request.method.as_str() == "QUERY"
        && request.headers.contains_key(CONTENT_TYPE)
        && !request.headers.contains_key(UPGRADE)
        && length.is_some_and(|length| length <= longest)
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
    let plan = planner.plan_query(&parts, carried, &key(&parts, &content));
    let Some(body) = replay.replay(content) else {
        // A layer that cannot replay does not read.
        return Ok(refused(StatusCode::INTERNAL_SERVER_ERROR));
    };
    let request = Request::from_parts(parts, body);
    match plan {
        Plan::Answer(response) | Plan::Refresh(response, _) => Ok(response),
        Plan::Read(read) => read::run(*read, ready, request).await,
        Plan::Pass(context, status) => {
            pass::run(cache, &rule, context, status, ready, request).await
        }
        // None of these is planned for a QUERY.
        Plan::Head(_) | Plan::Write(_) | Plan::Inner => {
            Ok(refused(StatusCode::INTERNAL_SERVER_ERROR))
        }
    }
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
fn key(request: &request::Parts, content: &[u8]) -> Vec<u8> {
    let mut more = More::default();
    for name in [CONTENT_TYPE, CONTENT_ENCODING] {
        for line in request.headers.get_all(&name) {
            more.push(b'd', Some(line.as_bytes()));
        }
        more.push(b'd', None);
    }
    more.push(b'b', Some(content));
    more.into_bytes()
}

fn refused<X: Body>(status: StatusCode) -> Response<CacheBody<X>> {
    let mut response = Response::new(CacheBody::stored(Bytes::new(), None));
    *response.status_mut() = status;
    response
}
