//! Filling the store before clients ask.

use super::service::EmptyBody;
use crate::cache::{Cache, Shared};
use crate::error::Error;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::iter;
use http::header::HOST;
use http::{Extensions, HeaderValue, Request, Response, Uri};
use http_body::Body;
use http_body_util::BodyExt;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tower_service::Service;

/// How many requests of a warm-up are under way at once: the handlers have other work.
const AT_ONCE: usize = 4;

/// What came of a warm-up, see [`Cache::warm_up`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct WarmedUp {
    /// Requests that were made.
    pub asked: u64,
    /// Those of them whose response was stored.
    pub stored: u64,
    /// Those that failed: with the service's own error, a status of 400 or more, a body
    /// that broke, or no end within the time of a fill.
    pub failed: u64,
}

/// Goes along with the requests of a warm-up, and counts what of them is stored.
#[derive(Clone, Default)]
pub(super) struct Warming(Arc<AtomicU64>);

impl Warming {
    /// The response to the request with these extensions was stored.
    pub(super) fn stored(request: &Extensions) {
        if let Some(Self(stored)) = request.get() {
            stored.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Cache {
    /// Asks for these URIs before clients do, so that an instance that has just started
    /// does not send them all to its handlers at once: four requests at a time, each as a
    /// client without cookies and credentials makes it. What may be stored of their
    /// responses is.
    ///
    /// `service` is the application with a layer of this cache around it, or in it. The
    /// authority of a URI counts as for any request, so name the one that clients ask
    /// for: `http://shop.example/products`. A URI with the scheme `http` becomes a path
    /// and a `Host`, as over HTTP/1.
    ///
    /// It waits until this instance is coherent, since what is stored before that is
    /// dropped then. Where the bus cannot be reached that is for ever: give it a timeout
    /// of your own.
    ///
    /// ```
    /// # #[cfg(feature = "axum")]
    /// # async fn start(cache: tower_coherence::Cache) -> Result<(), tower_coherence::Error> {
    /// # use axum::{Router, routing::get};
    /// let app = Router::new()
    ///     .route("/products", get(|| async { "tea" }))
    ///     .layer(cache.layer());
    /// let uri = "http://shop.example/products".parse().unwrap();
    /// let warm = cache.warm_up::<_, axum::body::Body, _>(app.clone(), [uri]).await?;
    /// println!("{} of {} are stored", warm.stored, warm.asked);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NoRuntime`](crate::ErrorKind::NoRuntime) outside a tokio runtime.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future makes no further request. Fills under way go on.
    pub async fn warm_up<S, B, X>(
        &self,
        service: S,
        uris: impl IntoIterator<Item = Uri>,
    ) -> Result<WarmedUp, Error>
    where
        S: Service<Request<B>, Response = Response<X>> + Clone,
        B: EmptyBody,
        X: Body<Data = Bytes>,
    {
        self.coherent().await?;
        let warming = Warming::default();
        let answers = iter(uris).map(|uri| {
            let request = request::<B>(uri, &warming);
            ask(self.shared(), service.clone(), request)
        });
        let mut warm = WarmedUp::default();
        let mut answers = pin!(answers.buffer_unordered(AT_ONCE));
        while let Some(good) = answers.next().await {
            warm.asked += 1;
            warm.failed += u64::from(!good);
        }
        warm.stored = warming.0.load(Ordering::Relaxed);
        Ok(warm)
    }
}

fn request<B: EmptyBody>(uri: Uri, warming: &Warming) -> Request<B> {
    let mut request = Request::new(B::default());
    request.extensions_mut().insert(warming.clone());
    let parts = uri.clone().into_parts();
    let is_http = uri.scheme_str().is_none_or(|scheme| scheme == "http");
    let host = parts.authority.filter(|_| is_http);
    let host = host.and_then(|host| HeaderValue::from_str(host.as_str()).ok());
    *request.uri_mut() = match (&host, parts.path_and_query) {
        (Some(_), Some(path)) => Uri::from(path),
        _ => uri,
    };
    if let Some(host) = host {
        request.headers_mut().insert(HOST, host);
    }
    request
}

/// Whether it was answered well, to the end of the body.
async fn ask<S, B, X>(cache: &Arc<Shared>, mut service: S, request: Request<B>) -> bool
where
    S: Service<Request<B>, Response = Response<X>>,
    X: Body,
{
    let answer = async {
        poll_fn(|cx| service.poll_ready(cx)).await.ok()?;
        let response = service.call(request).await.ok()?;
        let good = response.status().as_u16() < 400;
        let mut body = pin!(response.into_body());
        while let Some(frame) = body.frame().await {
            frame.ok()?;
        }
        Some(good)
    };
    let limit = cache.settings.fill_timeout;
    cache.clock.timeout(limit, answer).await.flatten() == Some(true)
}
