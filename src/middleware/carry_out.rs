//! Doing what was decided.

use super::future::ResponseFuture;
use super::plan::Plan;
use super::service::EmptyBody;
use super::{head, pass, read, refresh, write};
use crate::cache::{Rule, Shared};
use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use std::sync::Arc;
use tower_service::Service;

impl<X> Plan<X>
where
    X: Body<Data = Bytes> + Send + 'static,
    X::Error: Send + 'static,
{
    /// Does it, with a service that was polled ready.
    pub(super) fn carry_out<S, B>(
        self,
        cache: &Arc<Shared>,
        rule: &Arc<Rule>,
        mut ready: S,
        request: Request<B>,
    ) -> ResponseFuture<S::Future, X, S::Error>
    where
        S: Service<Request<B>, Response = Response<X>> + Clone + Send + 'static,
        S::Future: Send + 'static,
        S::Error: Send + 'static,
        B: Body + EmptyBody,
    {
        match self {
            Self::Answer(response) => ResponseFuture::hit(response),
            Self::Refresh(response, read) => {
                refresh::start::<_, B, _>(*read, ready);
                ResponseFuture::hit(response)
            }
            Self::Inner => ResponseFuture::inner(ready.call(request)),
            Self::Pass(context, status) => {
                let (cache, rule) = (cache.clone(), rule.clone());
                ResponseFuture::steps(async move {
                    pass::run(cache, &rule, context, status, ready, request).await
                })
            }
            Self::Head(read) => ResponseFuture::steps(head::run(*read, ready, request)),
            Self::Read(read) => ResponseFuture::steps(read::run(*read, ready, request)),
            Self::Write(write) => ResponseFuture::steps(write::run(*write, ready, request)),
        }
    }
}
