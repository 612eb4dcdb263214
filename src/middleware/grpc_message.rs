//! Reading the one message of a gRPC call, before the look-up.

use super::resumed::Resumed;
use crate::cache::Shared;
use crate::semantics::CallExtent;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use http_body::Body;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// For how long a call may stay open after its message: who has more to say, and waits
/// for an answer first, is a stream.
const OPEN_FOR: Duration = Duration::from_millis(250);

/// The body of a call on the way in.
pub(super) struct Reading<B> {
    body: Pin<Box<B>>,
    data: BytesMut,
    limit: usize,
}

/// Why a call is not read on: it is given on as it is.
pub(super) enum Stop<E> {
    /// The reason, as it is counted.
    Reason(&'static str),
    Failed(E),
}

/// How far to read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    /// The message is whole.
    Message,
    /// There is nothing behind it.
    End,
}

impl<B: Body> Reading<B> {
    pub(super) fn new(body: B, limit: u64) -> Self {
        Self {
            body: Box::pin(body),
            data: BytesMut::new(),
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
        }
    }

    /// Reads the call to its end, as long as it can be one message.
    pub(super) async fn read(&mut self, cache: &Shared) -> Result<(), Stop<B::Error>> {
        let limit = cache.settings.fill_timeout;
        match cache.clock.timeout(limit, self.until(Until::Message)).await {
            Some(Ok(())) => {}
            Some(Err(stop)) => return Err(stop),
            None => return Err(Stop::Reason("grpc-slow")),
        }
        let end = cache.clock.timeout(OPEN_FOR, self.until(Until::End)).await;
        end.unwrap_or(Err(Stop::Reason("grpc-streaming")))
    }

    async fn until(&mut self, until: Until) -> Result<(), Stop<B::Error>> {
        poll_fn(|cx| self.poll_until(until, cx)).await
    }

    fn poll_until(
        &mut self,
        until: Until,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Stop<B::Error>>> {
        loop {
            let extent = CallExtent::of(&self.data, self.limit);
            match extent {
                CallExtent::Whole if until == Until::Message || self.body.is_end_stream() => {
                    return Poll::Ready(Ok(()));
                }
                CallExtent::Begun | CallExtent::Whole => {}
                CallExtent::More => return Poll::Ready(Err(Stop::Reason("grpc-streaming"))),
                CallExtent::TooLong => return Poll::Ready(Err(Stop::Reason("grpc-too-long"))),
                CallExtent::Unreadable => return Poll::Ready(Err(Stop::Reason("grpc-message"))),
            }
            match ready!(self.body.as_mut().poll_frame(cx)) {
                None if extent == CallExtent::Whole => return Poll::Ready(Ok(())),
                // It has none, or only a part.
                None => return Poll::Ready(Err(Stop::Reason("grpc-message"))),
                Some(Err(error)) => return Poll::Ready(Err(Stop::Failed(error))),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.data.reserve(data.remaining());
                        self.data.put(data);
                    }
                }
            }
        }
    }

    /// The message, which was read.
    pub(super) fn message(self) -> Bytes {
        self.data.freeze()
    }

    /// The body as it came.
    pub(super) fn resumed(self) -> Resumed<B> {
        Resumed::begun(self.data.freeze(), self.body)
    }

    /// The same for one that ended with this.
    pub(super) fn failed(self, error: B::Error) -> Resumed<B> {
        Resumed::failed(self.data.freeze(), error)
    }
}
