//! The crate's one error type.

use std::error::Error as StdError;
use std::fmt;

/// What went wrong while a cache was configured or used.
///
/// The middleware itself never produces one: it keeps the error type of the
/// service it wraps. Lost messages, gaps and an unreachable bus are not errors
/// either; they are values in [`Health`](crate::Health), [`Stats`](crate::Stats)
/// and [`Receipt`](crate::Receipt).
pub struct Error {
    kind: ErrorKind,
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// What sort of [`Error`] it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A setting is impossible by itself or beside another one.
    Configuration,
    /// This version does not do it yet.
    NotYet,
    /// The invalidation has not gone as far as was asked. It is not lost: it is
    /// queued and will be retried.
    NotReached,
    /// A text is no [`Token`](crate::Token).
    NotAToken,
    /// There is no tokio runtime to run the background work on.
    NoRuntime,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            source: None,
        }
    }

    pub(crate) fn configuration(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Configuration, message)
    }

    #[cfg_attr(
        not(feature = "redis"),
        allow(dead_code, reason = "only the Redis bus has a cause to name")
    )]
    pub(crate) fn caused_by(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What sort of error it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.kind)
            .field("message", &self.message)
            .field("source", &self.source)
            .finish()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn StdError + 'static))
    }
}
