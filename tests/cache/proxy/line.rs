//! HTTP/1.1 by hand: what a client writes is what the test says, byte by byte.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);

/// One connection.
pub(crate) struct Line {
    stream: TcpStream,
    /// What came and was not taken yet.
    came: Vec<u8>,
}

/// What came for one request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn is_from_memory(&self) -> bool {
        self.headers.contains_key("age")
    }
}

impl Line {
    pub(crate) async fn to(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).await.unwrap())
    }

    /// The other side of one that was accepted.
    pub(crate) fn over(stream: TcpStream) -> Self {
        Self {
            stream,
            came: Vec::new(),
        }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    /// As [`send`](Self::send), where the other side may not want all of it.
    pub(crate) async fn try_send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref()).await;
    }

    /// One whole answer to a request of this method.
    pub(crate) async fn answer(&mut self, method: &str) -> Answer {
        self.try_answer(method).await.expect("a whole answer")
    }

    /// `None`: the connection ended before the answer did.
    pub(crate) async fn try_answer(&mut self, method: &str) -> Option<Answer> {
        let (status, headers) = self.head().await?;
        let has_body = method != "HEAD" && status >= 200 && ![204, 304].contains(&status);
        let body = if has_body {
            self.body(&headers).await?
        } else {
            Vec::new()
        };
        Some(Answer {
            status,
            headers,
            body,
        })
    }

    pub(crate) async fn head(&mut self) -> Option<(u16, HeaderMap)> {
        let head = self.until(b"\r\n\r\n").await?;
        let head = String::from_utf8(head).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().unwrap();
        let mut headers = HeaderMap::new();
        for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
            let name: HeaderName = name.parse().unwrap();
            headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        Some((status, headers))
    }

    async fn body(&mut self, headers: &HeaderMap) -> Option<Vec<u8>> {
        if let Some(length) = headers.get("content-length") {
            let length = length.to_str().unwrap().parse().unwrap();
            return self.take(length).await;
        }
        if headers.contains_key("transfer-encoding") {
            return self.chunks().await;
        }
        while self.more().await {}
        Some(std::mem::take(&mut self.came))
    }

    async fn chunks(&mut self) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let size = String::from_utf8(self.until(b"\r\n").await?).unwrap();
            let size = usize::from_str_radix(size.trim_end(), 16).unwrap();
            if size == 0 {
                // Trailers, if any, and the empty line.
                while self.until(b"\r\n").await? != b"\r\n" {}
                return Some(body);
            }
            body.extend(self.take(size).await?);
            assert_eq!(self.take(2).await?, b"\r\n");
        }
    }

    /// Whatever comes, up to and with this.
    pub(crate) async fn until(&mut self, end: &[u8]) -> Option<Vec<u8>> {
        loop {
            let found = self.came.windows(end.len()).position(|part| part == end);
            if let Some(found) = found {
                return self.take(found + end.len()).await;
            }
            if !self.more().await {
                return None;
            }
        }
    }

    pub(crate) async fn take(&mut self, count: usize) -> Option<Vec<u8>> {
        while self.came.len() < count {
            if !self.more().await {
                return None;
            }
        }
        let rest = self.came.split_off(count);
        Some(std::mem::replace(&mut self.came, rest))
    }

    /// Whether the other side has closed, and said nothing more.
    pub(crate) async fn is_over(&mut self) -> bool {
        self.came.is_empty() && !self.more().await
    }

    async fn more(&mut self) -> bool {
        let read = timeout(PATIENCE, self.stream.read_buf(&mut self.came)).await;
        read.expect("something comes, or the end").unwrap_or(0) > 0
    }
}
