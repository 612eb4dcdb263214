//! Making a request body of bytes that were read.

use super::resumed::Resumed;
use bytes::Bytes;
use http_body::Body;

/// How a layer makes request bodies of bytes, see
/// [`CacheLayer::replay`](crate::CacheLayer::replay) and
/// [`CacheLayer::resume`](crate::CacheLayer::resume).
pub trait Replay<B>: Clone + Send + 'static {
    /// The body; `None` where the layer was not told how.
    fn replay(&self, content: Bytes) -> Option<B>;

    /// Whether it was told.
    fn can_replay(&self) -> bool;

    /// A body that goes on where the cache has stopped to read it; `None` where the layer
    /// was not told how.
    fn resume(&self, _: Resumed<B>) -> Option<B>
    where
        B: Body,
    {
        None
    }

    /// Whether it was told.
    fn can_resume(&self) -> bool {
        false
    }
}

/// The layer was not told how: requests with content are passed on unread.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoReplay;

impl<B> Replay<B> for NoReplay {
    fn replay(&self, _: Bytes) -> Option<B> {
        None
    }

    fn can_replay(&self) -> bool {
        false
    }
}

impl<B: 'static> Replay<B> for fn(Bytes) -> B {
    fn replay(&self, content: Bytes) -> Option<B> {
        Some(self(content))
    }

    fn can_replay(&self) -> bool {
        true
    }
}

impl<B: Body + 'static> Replay<B> for fn(Resumed<B>) -> B {
    fn replay(&self, content: Bytes) -> Option<B> {
        Some(self(Resumed::whole(content)))
    }

    fn can_replay(&self) -> bool {
        true
    }

    fn resume(&self, begun: Resumed<B>) -> Option<B> {
        Some(self(begun))
    }

    fn can_resume(&self) -> bool {
        true
    }
}
