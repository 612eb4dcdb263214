//! The body of a response that went through the layer.

use super::tee::Reader;
use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

pin_project! {
    /// The body of a response that went through a [`CacheService`](crate::CacheService).
    ///
    /// From memory, copied for the store on its way to the client, or the
    /// application's own, untouched.
    pub struct CacheBody<X: Body> {
        #[pin]
        inner: Inner<X>,
    }
}

pin_project! {
    #[project = Projected]
    enum Inner<X: Body> {
        Stored { data: Option<Bytes>, trailers: Option<HeaderMap> },
        Absent,
        Copied { reader: Reader<X> },
        Through { #[pin] body: X },
    }
}

impl<X: Body> CacheBody<X> {
    pub(super) fn stored(data: Bytes, trailers: Option<HeaderMap>) -> Self {
        let data = Some(data).filter(|data| !data.is_empty());
        Self {
            inner: Inner::Stored { data, trailers },
        }
    }

    /// No content at all, which is not content of no length: a server must not say
    /// `Content-Length: 0` on a 304 (RFC 9110 §8.6).
    pub(super) fn absent() -> Self {
        Self {
            inner: Inner::Absent,
        }
    }

    pub(super) fn copied(reader: Reader<X>) -> Self {
        Self {
            inner: Inner::Copied { reader },
        }
    }

    pub(super) fn through(body: X) -> Self {
        Self {
            inner: Inner::Through { body },
        }
    }
}

impl<X: Body<Data = Bytes>> Body for CacheBody<X> {
    type Data = Bytes;
    type Error = X::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, X::Error>>> {
        match self.project().inner.project() {
            Projected::Stored { data, trailers } => Poll::Ready(
                data.take()
                    .map(Frame::data)
                    .or_else(|| trailers.take().map(Frame::trailers))
                    .map(Ok),
            ),
            Projected::Absent => Poll::Ready(None),
            Projected::Copied { reader } => reader.poll_frame(cx),
            Projected::Through { body } => body.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.inner {
            Inner::Stored { data, trailers } => data.is_none() && trailers.is_none(),
            Inner::Absent => true,
            Inner::Copied { reader } => reader.is_end_stream(),
            Inner::Through { body } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.inner {
            Inner::Stored { data, trailers } => {
                let length = data.as_ref().map_or(0, Bytes::len);
                let length = u64::try_from(length).unwrap_or(u64::MAX);
                // A server would say `Content-Length`, and HTTP/1.1 then has no trailers.
                if trailers.is_some() {
                    let mut hint = SizeHint::new();
                    hint.set_lower(length);
                    return hint;
                }
                SizeHint::with_exact(length)
            }
            Inner::Absent => SizeHint::default(),
            Inner::Copied { reader } => reader.size_hint(),
            Inner::Through { body } => body.size_hint(),
        }
    }
}

impl<X: Body> fmt::Debug for CacheBody<X> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = match &self.inner {
            Inner::Stored { .. } | Inner::Absent => "stored",
            Inner::Copied { .. } => "copied",
            Inner::Through { .. } => "through",
        };
        f.debug_tuple("CacheBody").field(&source).finish()
    }
}
