//! How the follower and the log are used. The default is how the crate does it;
//! each other choice is a mistake that a model has to notice.

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Environment {
    pub(crate) hit: Hit,
    pub(crate) order: Order,
    pub(crate) proof_time: ProofTime,
    pub(crate) trips: Trips,
    pub(crate) identification: Identification,
    pub(crate) start_up: StartUp,
    pub(crate) alone: Alone,
    pub(crate) fill_time: FillTime,
    pub(crate) own: Own,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Hit {
    #[default]
    WithProof,
    WithoutProof,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Order {
    #[default]
    RaiseFirst,
    ProveFirst,
}

/// As of when an answer proves.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum ProofTime {
    #[default]
    Sent,
    Received,
}

/// Round trips for one question.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Trips {
    #[default]
    One,
    Two,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Identification {
    #[default]
    InTheLog,
    /// It asks for the server's identity, and then for the log.
    ByTheFollower,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum StartUp {
    /// Adopts and invalidates in one step.
    #[default]
    OneStep,
    /// Invalidates, and then asks.
    FlushThenAsk,
}

/// What an instance without a young proof answers with.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Alone {
    /// What its fill proves.
    #[default]
    ByTheFill,
    /// Whatever it has fetched since its last proof.
    SinceTheProof,
}

/// As of when a fill proves.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum FillTime {
    #[default]
    Began,
    Ended,
}

/// What an instance does with its own writes. It never applies an entry of its own
/// when that comes back.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Own {
    #[default]
    AppliedBefore,
    NeverApplied,
}

/// Where a search begins, what may happen, and how often. These are its bounds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Left {
    pub(crate) start: Start,
    pub(crate) instances: u8,
    pub(crate) writer: Writer,
    /// Questions and answers of one instance that travel at a time. With one, a
    /// new question drops what travels; with two, the old one comes late.
    pub(crate) letters: usize,
    pub(crate) ticks: u8,
    /// Of each instance, the first one of a running instance included.
    pub(crate) questions: u64,
    pub(crate) key_writes: u8,
    pub(crate) other_writes: u8,
    pub(crate) foreign_writes: u8,
    pub(crate) fills: u8,
    pub(crate) failovers: u8,
    pub(crate) replications: u8,
    pub(crate) wipes: u8,
    pub(crate) trims: u8,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Start {
    /// No log yet, and no instance that has asked.
    Fresh,
    /// A log with its first entry, replicated, and one instance that has adopted
    /// it and stored the key. A second one has still to ask.
    Running,
    /// The same, and a second one has done so too.
    BothRunning,
}

/// Who writes the key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Writer {
    /// Somebody who serves nothing.
    Outside,
    AnyInstance,
}
