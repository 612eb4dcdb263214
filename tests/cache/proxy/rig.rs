//! An origin in this process, and the proxy in one of its own before it.

use super::line::{Answer, Line};
use crate::caching_proxy::CachingProxy;
use crate::origin::Lines;
use crate::wire::Server;
use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::Response;
use bytes::Bytes;
use http_body_util::BodyExt;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

/// A whole request, as the origin saw it.
#[derive(Clone, Debug)]
pub(crate) struct Saw {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Which request of its kind of method and URI, from 1.
    pub(crate) number: usize,
}

impl Saw {
    /// The one line of a field.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let mut lines = self.headers.get_all(name).iter();
        let line = lines.next().map(|value| value.to_str().unwrap());
        assert!(lines.next().is_none(), "{name} is there twice");
        line
    }
}

/// A server that answers what the test says.
pub(crate) struct Origin {
    pub(crate) server: Server,
    saw: Arc<Mutex<Vec<Saw>>>,
}

impl Origin {
    pub(crate) async fn new<F>(answer: F) -> Self
    where
        F: Fn(&Saw) -> Response + Clone + Send + Sync + 'static,
    {
        let saw = Arc::<Mutex<Vec<Saw>>>::default();
        let all = saw.clone();
        let handler = move |request: Request| async move {
            let (parts, body) = request.into_parts();
            // A request that was cut short is none.
            let Ok(body) = body.collect().await else {
                return Response::default();
            };
            let (method, uri) = (parts.method, parts.uri);
            let mut all = all.lock().unwrap();
            let same = |saw: &&Saw| saw.method == method && saw.uri == uri;
            let number = all.iter().filter(same).count() + 1;
            let saw = Saw {
                method,
                uri,
                headers: parts.headers,
                body: body.to_bytes(),
                number,
            };
            all.push(saw.clone());
            drop(all);
            answer(&saw)
        };
        let server = Server::axum(Router::new().fallback(handler)).await;
        Self { server, saw }
    }

    pub(crate) fn saw(&self) -> Vec<Saw> {
        self.saw.lock().unwrap().clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.saw.lock().unwrap().len()
    }

    pub(crate) fn last(&self) -> Saw {
        self.saw().pop().expect("the origin was asked")
    }
}

/// What says its method, path and number, and what came with it; fresh for a minute.
pub(crate) fn told(saw: &Saw) -> Response {
    let text = format!("{} {} {}\n", saw.method, saw.uri, saw.number);
    let body = [text.as_bytes(), &saw.body].concat();
    crate::origin::response(200, &[("cache-control", "max-age=60")], body)
}

pub(crate) struct Rig {
    pub(crate) origin: Origin,
    pub(crate) proxy: CachingProxy,
}

impl Rig {
    pub(crate) async fn new<F>(answer: F) -> Self
    where
        F: Fn(&Saw) -> Response + Clone + Send + Sync + 'static,
    {
        Self::with(&[], answer).await
    }

    /// With more arguments for the proxy.
    pub(crate) async fn with<F>(more: &[&str], answer: F) -> Self
    where
        F: Fn(&Saw) -> Response + Clone + Send + Sync + 'static,
    {
        let origin = Origin::new(answer).await;
        let proxy = CachingProxy::start(origin.server.address, more);
        Self { origin, proxy }
    }

    pub(crate) async fn line(&self) -> Line {
        Line::to(self.proxy.address()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[]).await
    }

    /// On a connection of its own.
    pub(crate) async fn ask(&self, method: &str, path: &str, lines: Lines<'_>) -> Answer {
        ask(&self.proxy, method, path, lines).await
    }

    /// The proxy lives, and answers what it should.
    pub(crate) async fn is_well(&self) {
        let path = format!("/well/{}", self.origin.count());
        let expected = format!("GET {path} 1\n");
        for _ in 0..2 {
            assert_eq!(self.get(&path).await.text(), expected);
        }
    }
}

/// A proxy before an origin that the test plays by hand.
pub(crate) struct ByHand {
    listener: TcpListener,
    pub(crate) proxy: CachingProxy,
}

impl ByHand {
    pub(crate) async fn new(more: &[&str]) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let proxy = CachingProxy::start(listener.local_addr().unwrap(), more);
        Self { listener, proxy }
    }

    /// The next connection that the proxy makes, after the head of a request.
    pub(crate) async fn asked(&self) -> (Line, String) {
        let (stream, _) = self.listener.accept().await.unwrap();
        let mut line = Line::over(stream);
        let head = line.until(b"\r\n\r\n").await.unwrap();
        (line, String::from_utf8(head).unwrap())
    }

    /// A request that is answered with this text, and the connection then closed.
    pub(crate) async fn get(&self, path: &str, text: &str) -> Option<Answer> {
        let mut line = Line::to(self.proxy.address()).await;
        line.send(request("GET", path, &[], "")).await;
        let (mut origin, _) = self.asked().await;
        origin.send(text).await;
        drop(origin);
        line.try_answer("GET").await
    }
}

pub(crate) async fn ask(
    proxy: &CachingProxy,
    method: &str,
    path: &str,
    lines: Lines<'_>,
) -> Answer {
    let mut line = Line::to(proxy.address()).await;
    line.send(request(method, path, lines, "")).await;
    line.answer(method).await
}

/// A request as text, for the host `shop.example`.
pub(crate) fn request(method: &str, path: &str, lines: Lines<'_>, body: &str) -> String {
    let mut text = format!("{method} {path} HTTP/1.1\r\nhost: shop.example\r\n");
    for (name, value) in lines {
        text += &format!("{name}: {value}\r\n");
    }
    if !body.is_empty() {
        text += &format!("content-length: {}\r\n", body.len());
    }
    text + "\r\n" + body
}
