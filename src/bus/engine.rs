//! What every bus does: append, sync, ring.

use super::members::{Census, Checkpoint, Inquiry, List, Standing};
use crate::position::{Mark, Position};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;
use tokio::sync::mpsc;

/// The verbs of a bus. Every call has a time limit of its own and ends in
/// an answer or an error; dropping a call's future may leave its effect behind
/// (an append may stand in the log all the same).
pub(crate) trait Engine: Send + Sync + fmt::Debug + 'static {
    /// A short name for logs and health, such as `local`.
    fn name(&self) -> &'static str;

    /// Appends one batch to the log and rings. An error means that the outcome
    /// is unknown: the batch may stand in the log.
    fn append(&self, payload: Bytes, mark: Mark) -> BoxFuture<'_, Result<Appended, BusError>>;

    /// The same for the intent of a write, which lasts this long. The log keeps the
    /// longest time, see [`Answer::longest_intent`].
    fn announce(
        &self,
        payload: Bytes,
        mark: Mark,
        lasts: Duration,
    ) -> BoxFuture<'_, Result<Appended, BusError>>;

    /// Asks whether a position still stands in the log with its mark, what came
    /// after it, and where the log ends: one atomic step of the server, which
    /// has also written the member's report before it answers.
    fn sync(&self, question: Question) -> BoxFuture<'_, Result<Answer, BusError>>;

    /// Asks who has not applied an entry yet.
    fn census(&self, inquiry: Inquiry) -> BoxFuture<'_, Result<Census, BusError>>;

    /// Takes a member off the list, unless another instance has reported under its
    /// id since. The member serves nothing from memory any more.
    fn sign_off(&self, member: u64, counter: u64) -> BoxFuture<'_, Result<(), BusError>>;

    /// The log, if it is inside the process: it answers without waiting.
    fn in_process(&self) -> Option<&dyn InProcess> {
        None
    }

    /// Begins to listen. What the log did before is not heard.
    fn rings(&self) -> BoxFuture<'_, Result<Rings, BusError>>;

    /// Looks once at what the bus can do here, and says in plain sentences what
    /// is missing or dangerous.
    fn look(&self) -> BoxFuture<'_, Result<Vec<String>, BusError>>;
}

/// A log inside the process.
pub(crate) trait InProcess {
    /// [`Engine::sync`], without waiting.
    fn answer(&self, question: &Question) -> Answer;
}

/// An acknowledged append.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Appended {
    pub(crate) position: Position,
    /// The list of members that the log had. `None`: this server does not say who it
    /// is.
    pub(crate) list: Option<Mark>,
}

/// What an instance asks on its heartbeat.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Question {
    /// The last entry applied here; `None` before the first adoption.
    pub(crate) from: Option<Position>,
    /// This instance: random for each start.
    pub(crate) member: u64,
    /// Goes up by one with each question. A report that does not is a second
    /// instance with the same id, see [`Answer::cloned`].
    pub(crate) counter: u64,
    /// The largest staleness bound in use here.
    pub(crate) bound: Duration,
    /// What this instance has appended itself, to be found again.
    pub(crate) checkpoint: Option<Checkpoint>,
}

/// What the log said about a [`Question`], in one atomic step.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Answer<P = Bytes> {
    pub(crate) verdict: Verdict,
    /// When verified: all entries after the position, oldest first.
    pub(crate) entries: Vec<LogEntry<P>>,
    /// The newest entry of the log. A log is never empty.
    pub(crate) head: Position,
    /// Somebody else reports under the same member id; take a new one.
    pub(crate) cloned: bool,
    /// The list that the report was written to. `None`: this server does not say
    /// who it is.
    pub(crate) list: Option<List>,
    /// What stands of the checkpoint.
    pub(crate) standing: Standing,
    /// The longest time of all intents that the log has ever taken.
    pub(crate) longest_intent: Duration,
}

/// Whether the position that was asked about stands in the log.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Verdict {
    /// It stands there with its mark, and [`Answer::entries`] is all that follows.
    Verified,
    /// It does not (or none was sent): what was missed cannot be known.
    Unknown,
    /// It does, but more follows than one answer carries.
    TooFarBehind,
}

/// One entry of the log. Its payload is bytes everywhere but in models.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct LogEntry<P = Bytes> {
    pub(crate) position: Position,
    /// The entry that the appender saw before it. `None` for an entry by
    /// somebody who does not chain.
    pub(crate) previous: Option<Position>,
    pub(crate) form: Form,
    /// An envelope of `wire`. Untrusted.
    pub(crate) payload: P,
}

/// Who wrote an entry.
#[cfg_attr(
    not(feature = "redis"),
    allow(
        dead_code,
        reason = "the log inside the process has no strangers and no trouble"
    )
)]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Form {
    /// An append of ours, which rang.
    Appended,
    /// A plain `XADD` by somebody else, which did not ring.
    Foreign,
}

/// What comes out of the ring.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Ring {
    /// An entry was appended.
    Entry(LogEntry),
    /// Somebody waits until all have reported: report soon.
    RollCall,
    /// Something came that is no entry; it is counted and makes a sync.
    Garbage,
    /// Something was lost between the connection and here.
    Gap,
}

/// An open ear on the ring. Ends (`None`) when the connection does.
#[derive(Debug)]
pub(crate) struct Rings {
    pub(crate) receiver: mpsc::Receiver<Ring>,
}

/// Why the bus did not do it.
pub(crate) struct BusError {
    pub(crate) trouble: Trouble,
    pub(crate) message: String,
    pub(crate) source: Option<Box<dyn StdError + Send + Sync>>,
}

/// What sort of trouble, for decisions and metrics.
#[cfg_attr(
    not(feature = "redis"),
    allow(
        dead_code,
        reason = "the log inside the process has no strangers and no trouble"
    )
)]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Trouble {
    /// No connection, or it broke.
    Unreachable,
    /// No reply in time.
    TimedOut,
    /// The server refused: permission, read-only, wrong type, out of memory.
    Refused,
    /// The reply was not what the script returns.
    Unreadable,
}

#[cfg_attr(
    not(feature = "redis"),
    allow(
        dead_code,
        reason = "the log inside the process has no strangers and no trouble"
    )
)]
impl BusError {
    pub(crate) fn new(trouble: Trouble, message: impl Into<String>) -> Self {
        Self {
            trouble,
            message: message.into(),
            source: None,
        }
    }
}

impl fmt::Debug for BusError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BusError")
            .field("trouble", &self.trouble)
            .field("message", &self.message)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for BusError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for BusError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn StdError + 'static))
    }
}
