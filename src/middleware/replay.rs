//! Making a request body of bytes that were read.

use bytes::Bytes;

/// How a layer makes request bodies of bytes, see
/// [`CacheLayer::replay`](crate::CacheLayer::replay).
pub trait Replay<B>: Clone + Send + 'static {
    /// The body; `None` where the layer was not told how.
    fn replay(&self, content: Bytes) -> Option<B>;

    /// Whether it was told.
    fn can_replay(&self) -> bool;
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
