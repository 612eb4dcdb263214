//! A client of a service with a cache around it.

use crate::peers::{Built, Forget};
use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body::Body as HttpBody;
use http_body_util::BodyExt;
use std::sync::{Arc, Mutex, PoisonError};
use tower::util::BoxCloneService;
use tower::{Service, ServiceExt};

pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What each cache is once it is around the service, whatever its types are called.
pub trait Asked:
    Service<
        Request<Body>,
        Response = Response<Self::Out>,
        Error: Into<BoxError>,
        Future: Send + 'static,
    > + Clone
    + Send
    + 'static
{
    type Out: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static;
}

impl<S, X> Asked for S
where
    S: Service<
            Request<Body>,
            Response = Response<X>,
            Error: Into<BoxError>,
            Future: Send + 'static,
        > + Clone
        + Send
        + 'static,
    X: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    type Out = X;
}

/// A response that arrived whole.
#[derive(Clone, Debug)]
pub struct Got {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Got {
    /// The number at the head of the body: which run of the handler made it.
    pub fn number(&self) -> u64 {
        let digits = self.body.split(|byte| *byte == b' ').next();
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        digits.and_then(|text| text.parse().ok()).unwrap_or(0)
    }
}

/// Sends requests, one after another or at once.
#[derive(Clone)]
pub struct Client {
    service: Arc<Mutex<BoxCloneService<Request<Body>, Got, BoxError>>>,
    forget: Option<Forget>,
}

impl Client {
    pub fn new<S: Asked>(built: Built<S>) -> Self {
        let service = built.service.map_err(Into::into);
        let service = BoxCloneService::new(service.and_then(whole::<S::Out>));
        Self {
            service: Arc::new(Mutex::new(service)),
            forget: built.forget,
        }
    }

    pub async fn send(&self, request: Request<Body>) -> Result<Got, BoxError> {
        // A clone for each request, as a server has one for each connection.
        let service = self
            .service
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        service.oneshot(request).await
    }

    /// The cache's own means to forget a path; none where it has none.
    pub async fn forget(&self, path: &'static str) -> Option<()> {
        let forget = self.forget.as_ref()?;
        forget(path).await;
        Some(())
    }

    /// A GET with these header fields.
    pub async fn get_with(&self, path: &str, fields: &[(&str, &str)]) -> Result<Got, BoxError> {
        let mut request = Request::get(path).header("host", "shop.example");
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::empty())?).await
    }

    pub async fn get(&self, path: &str) -> Result<Got, BoxError> {
        self.get_with(path, &[]).await
    }

    pub async fn ask(&self, method: Method, path: &str) -> Result<Got, BoxError> {
        let request = Request::builder().method(method).uri(path);
        let request = request.header("host", "shop.example");
        self.send(request.body(Body::empty())?).await
    }
}

async fn whole<X>(response: Response<X>) -> Result<Got, BoxError>
where
    X: HttpBody<Data = Bytes, Error: Into<BoxError>>,
{
    let (parts, body) = response.into_parts();
    let body = body.collect().await.map_err(Into::into)?;
    Ok(Got {
        status: parts.status,
        headers: parts.headers,
        body: body.to_bytes(),
    })
}
