//! An HTTP client of instances: keep-alive, and a limit for each request.

use super::app::{ACCEPTED, APPLIED, News, RUN, Since, TOKEN, WRITE};
use super::moment::Moment;
use axum::http::{HeaderMap, Method, Request};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A clone shares the connections.
#[derive(Clone)]
pub struct Client {
    pool: Pool<HttpConnector, Empty<Bytes>>,
    limit: Duration,
}

/// The answer to a GET.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Got {
    pub version: u64,
    /// Whether it came from memory, be it the store or another request's fill:
    /// the handler did not run for this request.
    pub hit: bool,
    /// Whether it says an `Age`: it was in the store.
    pub aged: bool,
}

/// The answer to a PUT.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Put {
    pub version: u64,
    /// When the bus was known to have the invalidation; `None`: not before the
    /// response left. See `GET /news` for those.
    pub accepted: Option<Moment>,
    /// The field with the token of the write, where there is one.
    pub token: Option<String>,
    /// Whether it says that no instance serves the old response any more.
    pub everywhere: bool,
}

/// Why there is no answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Trouble {
    TimedOut,
    /// The connection could not be made, or ended.
    Broken(String),
    Status(u16),
    Nonsense(String),
}

impl Client {
    pub fn new(limit: Duration) -> Self {
        let pool = Pool::builder(TokioExecutor::new())
            .retry_canceled_requests(false)
            .build_http();
        Self { pool, limit }
    }

    /// `headers` go along: a token, for example.
    pub async fn get(&self, port: u16, key: &str, headers: HeaderMap) -> Result<Got, Trouble> {
        self.get_at(port, &format!("/item/{key}"), headers).await
    }

    pub async fn get_at(&self, port: u16, path: &str, headers: HeaderMap) -> Result<Got, Trouble> {
        static RUNS: AtomicU64 = AtomicU64::new(1);
        let run = RUNS.fetch_add(1, Ordering::Relaxed).to_string();
        let mut headers = headers;
        headers.insert(RUN, run.parse().expect("digits"));
        let (answered, body) = self.send(Method::GET, port, path, headers).await?;
        let ran_for = answered.get(RUN).map(|value| value.as_bytes());
        Ok(Got {
            version: number(&body)?,
            hit: ran_for != Some(run.as_bytes()),
            aged: answered.contains_key("age"),
        })
    }

    /// `id` names the write.
    pub async fn put(
        &self,
        port: u16,
        key: &str,
        id: u64,
        headers: HeaderMap,
    ) -> Result<Put, Trouble> {
        self.put_at(port, &format!("/item/{key}"), id, headers)
            .await
    }

    pub async fn put_at(
        &self,
        port: u16,
        path: &str,
        id: u64,
        headers: HeaderMap,
    ) -> Result<Put, Trouble> {
        let mut headers = headers;
        headers.insert(WRITE, id.into());
        let (answered, body) = self.send(Method::PUT, port, path, headers).await?;
        let accepted = answered.get(ACCEPTED).and_then(|at| at.to_str().ok());
        let token = answered.get(TOKEN).and_then(|token| token.to_str().ok());
        Ok(Put {
            version: number(&body)?,
            accepted: accepted.and_then(|at| at.parse().ok()).map(Moment),
            token: token.map(str::to_owned),
            everywhere: answered.get(APPLIED).is_some_and(|to| to == "everywhere"),
        })
    }

    pub async fn news(&self, port: u16, since: Since) -> Result<News, Trouble> {
        let Since { heard, accepted } = since;
        let path = format!("/news?heard={heard}&accepted={accepted}");
        self.json(port, &path).await
    }

    /// `/stats` or `/health`.
    pub async fn figures(&self, port: u16, path: &str) -> Result<Value, Trouble> {
        self.json(port, path).await
    }

    async fn json<T: serde::de::DeserializeOwned>(
        &self,
        port: u16,
        path: &str,
    ) -> Result<T, Trouble> {
        let none = HeaderMap::new();
        let (_, body) = self.send(Method::GET, port, path, none).await?;
        serde_json::from_slice(&body).map_err(|error| Trouble::Nonsense(error.to_string()))
    }

    async fn send(
        &self,
        method: Method,
        port: u16,
        path: &str,
        headers: HeaderMap,
    ) -> Result<(HeaderMap, Bytes), Trouble> {
        let mut request = Request::new(Empty::new());
        *request.method_mut() = method;
        *request.uri_mut() = format!("http://127.0.0.1:{port}{path}")
            .parse()
            .expect("a path of letters and digits");
        *request.headers_mut() = headers;
        let exchange = async {
            let response = self.pool.request(request).await;
            let response = response.map_err(|error| Trouble::Broken(format!("{error:?}")))?;
            if !response.status().is_success() {
                return Err(Trouble::Status(response.status().as_u16()));
            }
            let (head, body) = response.into_parts();
            let body = body.collect().await;
            let body = body.map_err(|error| Trouble::Broken(format!("{error:?}")))?;
            Ok((head.headers, body.to_bytes()))
        };
        match tokio::time::timeout(self.limit, exchange).await {
            Ok(answer) => answer,
            Err(_) => Err(Trouble::TimedOut),
        }
    }
}

fn number(body: &[u8]) -> Result<u64, Trouble> {
    let text = String::from_utf8_lossy(body);
    let number = text.parse();
    number.map_err(|_| Trouble::Nonsense(text.into_owned()))
}
