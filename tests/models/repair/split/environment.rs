//! How the parts are used, and what may happen. The default is how the crate uses
//! them; each other choice is a mistake that the model has to notice, or a setting.

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Environment {
    pub(crate) resent: Resent,
    pub(crate) checkpoints: Checkpoints,
    pub(crate) own: Own,
    pub(crate) heard: Heard,
    pub(crate) replicas: Replicas,
    pub(crate) answers: Answers,
}

/// What becomes of a batch that is sent once more.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Resent {
    #[default]
    IsKeptAgain,
    IsForgotten,
}

/// How a log looks for what was appended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Checkpoints {
    #[default]
    ByMark,
    ByNumber,
}

/// What an instance does with the everything that it has sent for what was lost, when
/// that comes back.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Own {
    #[default]
    IsApplied,
    IsSkipped,
}

/// What an everything that rings does while an own one is due.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Heard {
    /// It is applied, and read again in an answer.
    #[default]
    IsAskedFor,
    /// A mistake: the next answer does not tell of it any more.
    MovesThePosition,
}

/// Whether a server refuses writes without its replica: `min-replicas-to-write`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Replicas {
    #[default]
    MayLack,
    MustBeThere,
}

/// Who answers questions.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Answers {
    /// The answer comes after a write of its own.
    #[default]
    WhoMayWrite,
    /// A mistake: who cannot write does not know what others have.
    Anybody,
}

/// What may happen, and how often: the bounds of a search.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Left {
    pub(crate) ticks: u8,
    /// Of each instance.
    pub(crate) writes: [u8; 2],
    /// Of each instance.
    pub(crate) questions: [u8; 2],
    /// Of each instance: it is led to the other server.
    pub(crate) leads: [u8; 2],
    pub(crate) promotions: u8,
    pub(crate) replications: u8,
    pub(crate) trims: u8,
    /// Entries that a trim leaves.
    pub(crate) trimmed_to: usize,
}
