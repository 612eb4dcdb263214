//! A request body that was begun to be read.

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

pin_project! {
    /// A request body that the cache has begun to read, or has read whole: what was read
    /// comes first, then the rest as it comes. See
    /// [`CacheLayer::resume`](crate::CacheLayer::resume).
    pub struct Resumed<B: Body> {
        begun: Bytes,
        rest: Rest<B>,
    }
}

enum Rest<B: Body> {
    /// There is none.
    Ended,
    Coming(Pin<Box<B>>),
    Failed(B::Error),
}

impl<B: Body> Resumed<B> {
    /// All of it was read.
    pub(super) fn whole(content: Bytes) -> Self {
        Self {
            begun: content,
            rest: Rest::Ended,
        }
    }

    pub(super) fn begun(begun: Bytes, rest: Pin<Box<B>>) -> Self {
        Self {
            begun,
            rest: Rest::Coming(rest),
        }
    }

    pub(super) fn failed(begun: Bytes, error: B::Error) -> Self {
        Self {
            begun,
            rest: Rest::Failed(error),
        }
    }
}

impl<B: Body> Body for Resumed<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.project();
        if !this.begun.is_empty() {
            let begun = std::mem::take(this.begun);
            return Poll::Ready(Some(Ok(Frame::data(begun))));
        }
        match this.rest {
            Rest::Coming(body) => body
                .as_mut()
                .poll_frame(cx)
                .map_ok(|frame| frame.map_data(|mut data| data.copy_to_bytes(data.remaining()))),
            rest => match std::mem::replace(rest, Rest::Ended) {
                Rest::Failed(error) => Poll::Ready(Some(Err(error))),
                Rest::Ended | Rest::Coming(_) => Poll::Ready(None),
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        let ended = match &self.rest {
            Rest::Ended => true,
            Rest::Coming(body) => body.is_end_stream(),
            Rest::Failed(_) => false,
        };
        self.begun.is_empty() && ended
    }

    fn size_hint(&self) -> SizeHint {
        let begun = u64::try_from(self.begun.len()).unwrap_or(u64::MAX);
        let rest = match &self.rest {
            Rest::Ended => SizeHint::with_exact(0),
            Rest::Coming(body) => body.size_hint(),
            Rest::Failed(_) => SizeHint::default(),
        };
        let mut hint = SizeHint::new();
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper.saturating_add(begun));
        }
        hint.set_lower(rest.lower().saturating_add(begun));
        hint
    }
}

impl<B: Body> fmt::Debug for Resumed<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resumed")
            .field("begun", &self.begun.len())
            .finish_non_exhaustive()
    }
}
