//! Copying a body to its end.

use super::caught::caught;
use super::tee::Writer;
use crate::semantics::Messages;
use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use http_body::Body;
use http_body_util::BodyExt;
use std::any::Any;
use std::pin::Pin;

/// How the copying ended.
pub(super) enum Copied<E> {
    Whole(Option<HeaderMap>),
    Failed(E),
    Panicked(Box<dyn Any + Send>),
    /// More than the limit; what was read so far has been written.
    TooLong,
    /// It is a stream of gRPC messages; what was read so far has been written.
    Streams,
}

/// How much of a body is copied.
pub(super) struct Most {
    pub(super) bytes: usize,
    /// One, where it is the answer of a gRPC call.
    pub(super) messages: Option<Messages>,
}

/// Reads the body to its end and writes what comes. Gives way now and then: a
/// body that is always ready would hold the thread, and the fill timeout with it.
///
/// # Cancel safety
///
/// A frame that was read has been written: the body may be read on.
pub(super) async fn to_end<X>(
    body: &mut Pin<Box<X>>,
    writer: &Writer<X>,
    mut most: Most,
) -> Copied<X::Error>
where
    X: Body<Data = Bytes>,
{
    let mut length = 0_usize;
    let mut trailers: Option<HeaderMap> = None;
    loop {
        tokio::task::coop::consume_budget().await;
        let frame = match caught(body.frame()).await {
            Err(panic) => return Copied::Panicked(panic),
            Ok(None) => return Copied::Whole(trailers),
            Ok(Some(Err(error))) => return Copied::Failed(error),
            Ok(Some(Ok(frame))) => frame,
        };
        match frame.into_data() {
            Ok(data) => {
                length = length.saturating_add(data.len());
                writer.write(&data);
                if most.messages.as_mut().is_some_and(|it| !it.go_on(&data)) {
                    return Copied::Streams;
                }
            }
            Err(frame) => trailers = frame.into_trailers().ok().or(trailers),
        }
        if length > most.bytes {
            return Copied::TooLong;
        }
    }
}

/// Whether a body of this length is what the fields announce (RFC 9110 §8.6).
pub(super) fn has_declared_length(headers: &HeaderMap, length: usize) -> bool {
    let mut declared = headers.get_all(CONTENT_LENGTH).iter();
    declared.all(|value| value.to_str().ok().and_then(|text| text.parse().ok()) == Some(length))
}
