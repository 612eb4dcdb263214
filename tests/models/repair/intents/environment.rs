//! How intents are used. The default is how the crate does it; each other choice is a
//! mistake, or a limit, that a model has to notice.

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Environment {
    pub(crate) publishing: Publishing,
    pub(crate) proving: Proving,
    /// The longest intent that the instance knows of by itself.
    pub(crate) own: u64,
    /// The instance has still to start.
    pub(crate) late: bool,
    /// A handler may commit so much later than its intent says.
    pub(crate) slower: u8,
}

/// How what a write made stale goes with its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Publishing {
    #[default]
    Together,
    Apart,
    EndFirst,
}

/// Whether what is due is invalidated before the proof is published.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Proving {
    #[default]
    Last,
    First,
}

/// What may happen, and how often: the bounds of a search.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Left {
    pub(crate) ticks: u8,
    pub(crate) questions: u8,
    pub(crate) rings: u8,
    pub(crate) fills: u8,
    pub(crate) refusals: u8,
    pub(crate) replications: u8,
    pub(crate) failovers: u8,
    pub(crate) wipes: u8,
}
