//! An origin that answers when the test says so, and clients that wait in tasks.

use axum::body::Body;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Request, Response};
use http_body::{Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tower::{Layer, Service, ServiceExt};
use tower_coherence::{Cache, CacheBody, CacheContext, CacheService, Policy};

/// The error of the origin: no `Clone`, no conversion into anything.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure;

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the origin failed")
    }
}

impl std::error::Error for Failure {}

pub(crate) type OriginBody = UnsyncBoxBody<Bytes, Failure>;
pub(crate) type App = CacheService<Origin>;
pub(crate) type Head = Response<CacheBody<OriginBody>>;

/// A service whose calls the test answers. It panics if it is called without
/// having been polled ready; a clone is not ready.
pub(crate) struct Origin {
    calls: mpsc::UnboundedSender<Call>,
    ready: bool,
}

/// The test's end of an [`Origin`].
pub(crate) struct Calls(mpsc::UnboundedReceiver<Call>);

/// A request that waits in the handler.
pub(crate) struct Call {
    pub(crate) request: Request<Body>,
    reply: oneshot::Sender<Reply>,
}

enum Reply {
    Answer(Box<Response<OriginBody>>),
    Fail,
    Panic,
}

pub(crate) fn origin() -> (Origin, Calls) {
    let (calls, received) = mpsc::unbounded_channel();
    let origin = Origin {
        calls,
        ready: false,
    };
    (origin, Calls(received))
}

impl Clone for Origin {
    fn clone(&self) -> Self {
        Self {
            calls: self.calls.clone(),
            ready: false,
        }
    }
}

impl Service<Request<Body>> for Origin {
    type Response = Response<OriginBody>;
    type Error = Failure;
    type Future = BoxFuture<'static, Result<Self::Response, Failure>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        assert!(std::mem::take(&mut self.ready), "called unready");
        let calls = self.calls.clone();
        Box::pin(async move {
            let (reply, answered) = oneshot::channel();
            calls.send(Call { request, reply }).ok();
            match answered.await {
                Ok(Reply::Answer(response)) => Ok(*response),
                Ok(Reply::Fail) => Err(Failure),
                Ok(Reply::Panic) => panic!("the handler panics"),
                Err(_) => std::future::pending().await,
            }
        })
    }
}

impl Calls {
    /// The next request that reaches the handler.
    pub(crate) async fn next(&mut self) -> Call {
        for _ in 0..10_000 {
            if let Ok(call) = self.0.try_recv() {
                return call;
            }
            tokio::task::yield_now().await;
        }
        panic!("no request reached the handler");
    }

    /// How many requests have reached the handler and were not taken, once all
    /// that can go on has done so.
    pub(crate) async fn waiting(&self) -> usize {
        settle().await;
        self.0.len()
    }
}

impl Call {
    pub(crate) fn answer(self, response: Response<OriginBody>) {
        self.reply.send(Reply::Answer(Box::new(response))).ok();
    }

    pub(crate) fn fail(self) {
        self.reply.send(Reply::Fail).ok();
    }

    pub(crate) fn panic(self) {
        self.reply.send(Reply::Panic).ok();
    }

    pub(crate) fn context(&self) -> CacheContext {
        CacheContext::from_extensions(self.request.extensions())
            .unwrap()
            .clone()
    }

    /// Ends when the handler was dropped.
    pub(crate) async fn dropped(&mut self) {
        self.reply.closed().await;
    }
}

/// A cache around a held origin.
pub(crate) struct Shop {
    pub(crate) cache: Cache,
    pub(crate) app: App,
    pub(crate) origin: Calls,
}

impl Shop {
    pub(crate) fn new() -> Self {
        Self::of(Cache::local(), Policy::from_headers())
    }

    pub(crate) fn of(cache: Cache, policy: Policy) -> Self {
        let (service, origin) = origin();
        let app = cache.layer().policy(policy).layer(service);
        Self { cache, app, origin }
    }

    /// Sends a GET and goes on; what comes of it is read to its end.
    pub(crate) fn get(&self, uri: &str) -> Asked {
        self.ask(crate::support::request("GET", uri))
    }

    pub(crate) fn ask(&self, request: Request<Body>) -> Asked {
        let asked = self.app.clone().oneshot(request);
        spawn(async move { read(asked.await?).await })
    }

    /// Sends a request and goes on, until there is a response head.
    pub(crate) fn head(&self, request: Request<Body>) -> JoinHandle<Result<Head, Failure>> {
        spawn(self.app.clone().oneshot(request))
    }

    /// Fills `uri` with this text.
    pub(crate) async fn fill(&mut self, uri: &str, text: &'static str) {
        let asked = self.get(uri);
        self.origin.next().await.answer(fresh(text));
        assert_eq!(body(asked).await, text);
    }

    /// What a GET is answered with, without the handler or with this text by it.
    pub(crate) async fn see(&mut self, uri: &str, new: &'static str) -> String {
        let asked = self.get(uri);
        eventually(|| asked.is_finished() || !self.origin.0.is_empty()).await;
        if !asked.is_finished() {
            self.origin.next().await.answer(fresh(new));
        }
        body(asked).await
    }

    pub(crate) fn refused(&self, reason: &str) -> u64 {
        self.cache
            .stats()
            .refusals
            .get(reason)
            .copied()
            .unwrap_or(0)
    }
}

/// A client that waits in a task. Aborting it is hanging up.
pub(crate) type Asked = JoinHandle<Result<Heard, Failure>>;

/// A response whose body was read to its end.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) status: u16,
    pub(crate) text: String,
    pub(crate) trailers: Option<HeaderMap>,
    pub(crate) extensions: http::Extensions,
}

pub(crate) async fn read(response: Head) -> Result<Heard, Failure> {
    let (parts, body) = response.into_parts();
    let body = body.collect().await?;
    let trailers = body.trailers().cloned();
    Ok(Heard {
        status: parts.status.as_u16(),
        text: String::from_utf8(body.to_bytes().to_vec()).unwrap(),
        trailers,
        extensions: parts.extensions,
    })
}

/// The text that the client was answered with.
pub(crate) async fn body(asked: Asked) -> String {
    eventually(|| asked.is_finished()).await;
    asked.await.unwrap().unwrap().text
}

pub(crate) fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    Handle::current().spawn(future)
}

/// Lets everything go on that can, on the one thread of the test.
pub(crate) async fn settle() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}

/// Waits until it is so; gives up after very many turns.
pub(crate) async fn eventually(what: impl Fn() -> bool) {
    for _ in 0..200_000 {
        if what() {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("it never came to pass");
}

/// A response that may be stored for a minute.
pub(crate) fn fresh(text: &'static str) -> Response<OriginBody> {
    fresh_with(whole(text))
}

pub(crate) fn fresh_with(body: OriginBody) -> Response<OriginBody> {
    Response::builder()
        .header("cache-control", "max-age=60")
        .body(body)
        .unwrap()
}

/// A response that may not be stored.
pub(crate) fn plain(text: &'static str) -> Response<OriginBody> {
    Response::new(whole(text))
}

pub(crate) fn with_status(status: u16) -> Response<OriginBody> {
    let mut response = plain("");
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
    response
}

pub(crate) fn whole(text: &'static str) -> OriginBody {
    Full::from(text)
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// A body that the test feeds.
struct Fed {
    steps: mpsc::UnboundedReceiver<Step>,
}

enum Step {
    Frame(Frame<Bytes>),
    Fail,
    Panic,
}

/// The test's end of a fed body. Dropping it ends the body.
pub(crate) struct Feed(mpsc::UnboundedSender<Step>);

pub(crate) fn fed() -> (Feed, OriginBody) {
    let (feed, steps) = mpsc::unbounded_channel();
    (Feed(feed), Fed { steps }.boxed_unsync())
}

impl Feed {
    pub(crate) fn data(&self, data: &'static str) {
        self.0.send(Step::Frame(Frame::data(data.into()))).ok();
    }

    pub(crate) fn trailers(&self, trailers: HeaderMap) {
        self.0.send(Step::Frame(Frame::trailers(trailers))).ok();
    }

    pub(crate) fn fail(&self) {
        self.0.send(Step::Fail).ok();
    }

    pub(crate) fn panic(&self) {
        self.0.send(Step::Panic).ok();
    }

    pub(crate) fn is_dropped(&self) -> bool {
        self.0.is_closed()
    }
}

impl http_body::Body for Fed {
    type Data = Bytes;
    type Error = Failure;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Failure>>> {
        self.steps.poll_recv(cx).map(|step| match step? {
            Step::Frame(frame) => Some(Ok(frame)),
            Step::Fail => Some(Err(Failure)),
            Step::Panic => panic!("the body panics"),
        })
    }
}

/// A body that never ends: it makes a frame of this many bytes whenever it is
/// asked, and counts.
struct Spring {
    frame: usize,
    claimed: u64,
    made: Arc<AtomicUsize>,
    alive: Arc<()>,
}

/// How far a spring has gone.
pub(crate) struct Flow {
    made: Arc<AtomicUsize>,
    alive: std::sync::Weak<()>,
}

pub(crate) fn spring(frame: usize) -> (Flow, OriginBody) {
    sized_spring(frame, 0)
}

/// A spring that claims to make this many bytes at least.
pub(crate) fn sized_spring(frame: usize, claimed: u64) -> (Flow, OriginBody) {
    let spring = Spring {
        frame,
        claimed,
        made: Arc::default(),
        alive: Arc::default(),
    };
    let flow = Flow {
        made: spring.made.clone(),
        alive: Arc::downgrade(&spring.alive),
    };
    (flow, spring.boxed_unsync())
}

impl Flow {
    /// How many bytes were made.
    pub(crate) fn made(&self) -> usize {
        self.made.load(Ordering::SeqCst)
    }

    pub(crate) fn is_dropped(&self) -> bool {
        self.alive.strong_count() == 0
    }
}

impl http_body::Body for Spring {
    type Data = Bytes;
    type Error = Failure;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Failure>>> {
        self.made.fetch_add(self.frame, Ordering::SeqCst);
        Poll::Ready(Some(Ok(Frame::data(vec![b'x'; self.frame].into()))))
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = SizeHint::default();
        hint.set_lower(self.claimed);
        hint
    }
}

/// The next frame's data of a response, as text.
pub(crate) async fn chunk(response: &mut Head) -> Option<String> {
    let frame = response.body_mut().frame().await?.unwrap();
    let data = frame.into_data().ok()?;
    Some(String::from_utf8(data.to_vec()).unwrap())
}
