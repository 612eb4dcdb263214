//! What the follower wants done.

/// What to do now. **First raise the cells of what is to be invalidated, then
/// publish the proof**: the hit path reads them in the opposite order. The rest
/// may follow in any order.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[must_use = "a step that is not taken is a lost invalidation"]
pub(crate) struct Step {
    /// First this.
    pub(crate) invalidate: Invalidation,
    /// Then this: coherent as of this instant. It never goes back.
    pub(crate) prove: Option<u64>,
    pub(crate) ask: Ask,
    pub(crate) ear: Ear,
    pub(crate) member: Member,
}

/// What to invalidate.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Invalidation {
    Nothing,
    /// The targets of all entries that were handed in: those of the answer, or
    /// the one that rang.
    Entries,
    /// What was missed cannot be known.
    Everything,
}

/// When the next question is due.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Ask {
    Now,
    AtTheHeartbeat,
}

/// What to do with the connection that rings.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Ear {
    Keep,
    /// The log moves, and this connection says nothing.
    Reconnect,
}

/// What to do with this instance's id.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Member {
    Keep,
    /// Somebody else uses it; see [`Follower::rename`](super::Follower::rename).
    Rename,
}

impl Step {
    pub(super) const NOTHING: Self = Self {
        invalidate: Invalidation::Nothing,
        prove: None,
        ask: Ask::AtTheHeartbeat,
        ear: Ear::Keep,
        member: Member::Keep,
    };
}
