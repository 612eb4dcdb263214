//! How notes are used, and what may happen. The default is how the crate does it;
//! each other choice is a mistake that the model has to notice.

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Environment {
    pub(crate) order: Order,
    pub(crate) counted: Counted,
    pub(crate) adoption: Adoption,
}

/// Of the note and the cells.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Order {
    #[default]
    NoteFirst,
    RaiseFirst,
}

/// From which moment of a fill the window is counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Counted {
    #[default]
    FromTheBeginning,
    FromTheEnd,
}

/// What an adopted position leaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Adoption {
    #[default]
    StartsTheWindow,
    LeavesNoNote,
}

/// What may happen, and how often: the bounds of a search.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Left {
    pub(crate) ticks: u8,
    /// Of the key, told by a hard or a soft invalidation.
    pub(crate) writes: u8,
    pub(crate) softs: u8,
    /// Of other keys.
    pub(crate) others: u8,
    /// A write of the key that is heard of as an adopted position.
    pub(crate) adoptions: u8,
    pub(crate) fills: u8,
    /// The same invalidation is applied once more: as the writer's own, and heard.
    pub(crate) repeats: u8,
}
