//! A client with a jar of cookies.

use crate::Outcome;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, COOKIE, SET_COOKIE};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::SocketAddr;

pub(crate) struct Browser {
    client: Client<HttpConnector, Full<Bytes>>,
    jar: BTreeMap<String, String>,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// `Cache-Status` says that it is a hit.
    pub(crate) from_memory: bool,
    /// What is no JSON is a text.
    pub(crate) says: Value,
}

impl Browser {
    pub(crate) fn new() -> Self {
        Self {
            client: Client::builder(TokioExecutor::new()).build_http(),
            jar: BTreeMap::new(),
        }
    }

    pub(crate) async fn get(&mut self, at: SocketAddr, path: &str) -> Outcome<Answer> {
        self.send("GET", at, path, &Value::Null).await
    }

    pub(crate) async fn send(
        &mut self,
        method: &str,
        at: SocketAddr,
        path: &str,
        content: &Value,
    ) -> Outcome<Answer> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("http://{at}{path}"));
        if !self.jar.is_empty() {
            let pairs = self
                .jar
                .iter()
                .map(|(name, value)| format!("{name}={value}"));
            request = request.header(COOKIE, pairs.collect::<Vec<_>>().join("; "));
        }
        let content = match content {
            Value::Null => Bytes::new(),
            content => content.to_string().into(),
        };
        let request = request
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(content))?;
        let response = self.client.request(request).await?;
        let (parts, body) = response.into_parts();
        for line in parts.headers.get_all(SET_COOKIE) {
            let pair = line.to_str()?.split(';').next().unwrap_or_default();
            if let Some((name, value)) = pair.split_once('=') {
                self.jar.insert(name.to_owned(), value.to_owned());
            }
        }
        let status = parts.headers.get("cache-status");
        let status = status.and_then(|status| status.to_str().ok());
        let body = body.collect().await?.to_bytes();
        let text = || String::from_utf8_lossy(&body).into_owned();
        Ok(Answer {
            status: parts.status,
            from_memory: status.is_some_and(|status| status.contains("; hit")),
            says: serde_json::from_slice(&body).unwrap_or_else(|_| text().into()),
        })
    }
}
