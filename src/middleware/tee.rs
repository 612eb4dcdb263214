//! A body that is copied for the store while it streams to its client.
//!
//! The fill writes, the client's body reads. A slow client does not hold the
//! fill back: up to the limit the bytes wait here. Above it the rest of the body
//! is handed over: from then on it is the client's, read on demand, and nothing
//! is stored.

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use std::any::Any;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// The fill's end: what it copies goes in here.
pub(super) struct Writer<X: Body> {
    shared: Arc<Mutex<Copied<X>>>,
}

/// The client's end.
pub(super) struct Reader<X: Body> {
    shared: Arc<Mutex<Copied<X>>>,
    /// How many bytes the client has had.
    read: usize,
    /// What the body said about its size before it was copied.
    hint: SizeHint,
    /// The rest of the body, once it was handed over.
    rest: Option<Pin<Box<X>>>,
    ended: bool,
}

struct Copied<X: Body> {
    bytes: Bytes,
    /// Written by the fill until `end` is set, then frozen into `bytes`.
    growing: Vec<u8>,
    end: Option<End<X>>,
    /// Of the reader, while it waits.
    waker: Option<Waker>,
}

enum End<X: Body> {
    /// The body came to its end, with these trailers. `bytes` is all of it.
    Whole(Option<HeaderMap>),
    Failed(X::Error),
    Panicked(Box<dyn Any + Send>),
    /// Too long or too slow to be stored: the client goes on with the rest.
    HandedOver(Pin<Box<X>>),
    /// `end` was taken by the reader.
    Over,
}

/// The two ends for a body that says this about its size.
pub(super) fn tee<X: Body>(hint: SizeHint) -> (Writer<X>, Reader<X>) {
    let copied = Copied {
        bytes: Bytes::new(),
        growing: Vec::new(),
        end: None,
        waker: None,
    };
    let shared = Arc::new(Mutex::new(copied));
    (
        Writer {
            shared: shared.clone(),
        },
        Reader {
            shared,
            read: 0,
            hint,
            rest: None,
            ended: false,
        },
    )
}

fn lock<X: Body>(shared: &Mutex<Copied<X>>) -> MutexGuard<'_, Copied<X>> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<X: Body> Writer<X> {
    pub(super) fn write(&self, data: &[u8]) {
        let mut copied = lock(&self.shared);
        copied.growing.extend_from_slice(data);
        copied.wake();
    }

    /// All bytes that were written. Nothing may be written afterwards.
    pub(super) fn freeze(&self) -> Bytes {
        let mut copied = lock(&self.shared);
        copied.growing.shrink_to_fit();
        copied.bytes = std::mem::take(&mut copied.growing).into();
        copied.bytes.clone()
    }

    /// The body is whole.
    pub(super) fn finish(self, trailers: Option<HeaderMap>) {
        lock(&self.shared).end(End::Whole(trailers));
    }

    pub(super) fn fail(self, error: X::Error) {
        lock(&self.shared).end(End::Failed(error));
    }

    /// The body panicked. The panic goes on in the client's own future.
    pub(super) fn panic(self, panic: Box<dyn Any + Send>) {
        lock(&self.shared).end(End::Panicked(panic));
    }

    pub(super) fn hand_over(self, rest: Pin<Box<X>>) {
        lock(&self.shared).end(End::HandedOver(rest));
    }
}

impl<X: Body> Copied<X> {
    fn end(&mut self, end: End<X>) {
        self.end = Some(end);
        self.wake();
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// What there is beyond the first `read` bytes.
    fn beyond(&self, read: usize) -> Option<Bytes> {
        if read < self.bytes.len() {
            return Some(self.bytes.slice(read..));
        }
        self.growing
            .get(read..)
            .filter(|new| !new.is_empty())
            .map(Bytes::copy_from_slice)
    }
}

impl<X: Body<Data = Bytes>> Reader<X> {
    pub(super) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, X::Error>>> {
        if let Some(rest) = &mut self.rest {
            return rest.as_mut().poll_frame(cx);
        }
        if self.ended {
            return Poll::Ready(None);
        }
        let shared = self.shared.clone();
        let mut copied = lock(&shared);
        if let Some(data) = copied.beyond(self.read) {
            self.read += data.len();
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        let Some(end) = copied.end.take() else {
            copied.waker = Some(cx.waker().clone());
            return Poll::Pending;
        };
        copied.end = Some(End::Over);
        drop(copied);
        self.end(end, cx)
    }

    fn end(
        &mut self,
        end: End<X>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, X::Error>>> {
        match end {
            End::HandedOver(rest) => self.rest.insert(rest).as_mut().poll_frame(cx),
            End::Failed(error) => {
                self.ended = true;
                Poll::Ready(Some(Err(error)))
            }
            End::Panicked(panic) => resume_unwind(panic),
            End::Whole(trailers) => {
                self.ended = true;
                Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(trailers))))
            }
            End::Over => {
                self.ended = true;
                Poll::Ready(None)
            }
        }
    }

    pub(super) fn is_end_stream(&self) -> bool {
        match &self.rest {
            Some(rest) => rest.is_end_stream(),
            None => self.ended,
        }
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        if let Some(rest) = &self.rest {
            return rest.size_hint();
        }
        let read = u64::try_from(self.read).unwrap_or(u64::MAX);
        let mut hint = SizeHint::new();
        if let Some(upper) = self.hint.upper() {
            hint.set_upper(upper.saturating_sub(read));
        }
        hint.set_lower(self.hint.lower().saturating_sub(read));
        hint
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::task::noop_waker;
    use http_body_util::Full;

    type Whole = Full<Bytes>;

    fn next(reader: &mut Reader<Whole>) -> Poll<Option<Bytes>> {
        let waker = noop_waker();
        let polled = reader.poll_frame(&mut Context::from_waker(&waker));
        polled.map(|frame| frame.map(|frame| frame.unwrap().into_data().unwrap_or_default()))
    }

    #[test]
    fn the_reader_gets_what_was_written_and_waits_for_more() {
        let (writer, mut reader) = tee::<Whole>(SizeHint::with_exact(5));
        assert_eq!(next(&mut reader), Poll::Pending);
        writer.write(b"abc");
        assert_eq!(reader.size_hint().exact(), Some(5));
        assert_eq!(next(&mut reader), Poll::Ready(Some("abc".into())));
        assert_eq!(reader.size_hint().exact(), Some(2));
        writer.write(b"de");
        assert_eq!(writer.freeze(), "abcde");
        writer.finish(None);
        assert_eq!(next(&mut reader), Poll::Ready(Some("de".into())));
        assert_eq!(next(&mut reader), Poll::Ready(None));
        assert_eq!(next(&mut reader), Poll::Ready(None));
    }

    #[test]
    fn what_was_copied_comes_before_the_rest_that_is_handed_over() {
        let (writer, mut reader) = tee::<Whole>(SizeHint::default());
        writer.write(b"abc");
        writer.hand_over(Box::pin(Full::from("def")));
        assert_eq!(next(&mut reader), Poll::Ready(Some("abc".into())));
        assert_eq!(next(&mut reader), Poll::Ready(Some("def".into())));
        assert_eq!(next(&mut reader), Poll::Ready(None));
    }

    #[test]
    fn trailers_come_last() {
        let (writer, mut reader) = tee::<Whole>(SizeHint::default());
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", http::HeaderValue::from_static("0"));
        writer.write(b"abc");
        writer.finish(Some(trailers.clone()));
        assert_eq!(next(&mut reader), Poll::Ready(Some("abc".into())));
        let waker = noop_waker();
        let Poll::Ready(Some(Ok(frame))) = reader.poll_frame(&mut Context::from_waker(&waker))
        else {
            unreachable!("the trailers are there")
        };
        assert_eq!(frame.into_trailers().ok(), Some(trailers));
    }
}
