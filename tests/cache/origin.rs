//! An application that answers what the test says, behind a layer.

use crate::support::{Answer, Runs, request, send};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::HeaderName;
use axum::response::Response;
use tower_coherence::{Cache, CacheLayer, Policy};

/// Fields of a request or a response.
pub(crate) type Lines<'a> = &'a [(&'a str, &'a str)];

/// An application that answers what the test says, behind a layer.
#[derive(Clone)]
pub(crate) struct Origin {
    pub(crate) app: Router,
    runs: Runs,
}

impl Origin {
    /// Every path and method is answered by this function.
    pub(crate) fn new<F>(layer: CacheLayer, answer: F) -> Self
    where
        F: Fn(&Request) -> Response + Clone + Send + Sync + 'static,
    {
        let runs = Runs::default();
        let count = runs.clone();
        let handler = move |request: Request| {
            count.next();
            let response = answer(&request);
            async move { response }
        };
        let app = Router::new().fallback(handler).layer(layer);
        Self { app, runs }
    }

    /// Every request is answered with these fields and the number of the run.
    pub(crate) fn says(layer: CacheLayer, lines: Lines<'_>) -> Self {
        let lines = owned(lines);
        let runs = Runs::default();
        Self::new(layer, move |_| {
            response(200, &borrowed(&lines), format!("run {}", runs.next()))
        })
    }

    pub(crate) async fn get(&self, uri: &str) -> Answer {
        self.ask("GET", uri, &[]).await
    }

    /// A request to the host `shop.example` with these fields.
    pub(crate) async fn ask(&self, method: &str, uri: &str, lines: Lines<'_>) -> Answer {
        let mut request = request(method, uri);
        for (name, value) in lines {
            let name: HeaderName = name.parse().unwrap();
            request.headers_mut().append(name, value.parse().unwrap());
        }
        send(&self.app, request).await
    }

    /// How often the handler ran.
    pub(crate) fn runs(&self) -> u64 {
        self.runs.count()
    }
}

/// A layer with this policy.
pub(crate) fn with(cache: &Cache, policy: Policy) -> CacheLayer {
    cache.layer().policy(policy)
}

pub(crate) fn response(status: u16, lines: Lines<'_>, body: impl Into<Body>) -> Response {
    let mut response = Response::builder().status(status);
    for (name, value) in lines {
        response = response.header(*name, *value);
    }
    response.body(body.into()).unwrap()
}

pub(crate) fn owned(lines: Lines<'_>) -> Vec<(String, String)> {
    let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    lines.iter().map(pair).collect()
}

pub(crate) fn borrowed(lines: &[(String, String)]) -> Vec<(&str, &str)> {
    lines
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_str()))
        .collect()
}

/// The one value of a field.
pub(crate) fn field<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    let mut lines = answer.headers.get_all(name).iter();
    let line = lines.next().map(|value| value.to_str().unwrap());
    assert!(lines.next().is_none(), "{name} is there twice");
    line
}
