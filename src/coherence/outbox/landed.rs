//! What the log said about a batch.

use crate::clock::Moment;
use crate::position::Position;

/// Where in the log something stands, and since when at the latest.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Landed {
    pub(crate) position: Position,
    /// When the log's acknowledgement came.
    pub(crate) at: Moment,
}
