//! What goes wrong, as the client sees it.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use std::fmt;

/// What handlers return with `?`.
#[derive(Debug)]
pub(crate) enum AppError {
    NotFound,
    /// Not signed in.
    SignIn,
    /// The request makes no sense.
    Unclear(&'static str),
    /// It does, but not now.
    Refused(&'static str),
    /// Ours. The client is not told what it was.
    Internal(Box<dyn std::error::Error + Send + Sync>),
}

impl fmt::Display for AppError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("there is no such thing"),
            Self::SignIn => f.write_str("sign in first: POST /login"),
            Self::Unclear(why) | Self::Refused(why) => f.write_str(why),
            Self::Internal(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for AppError {}

impl IntoResponse for AppError {
    fn into_response(self) -> Response {
        let status = match &self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::SignIn => StatusCode::UNAUTHORIZED,
            Self::Unclear(_) => StatusCode::BAD_REQUEST,
            Self::Refused(_) => StatusCode::CONFLICT,
            Self::Internal(error) => {
                eprintln!("{error}");
                let status = StatusCode::INTERNAL_SERVER_ERROR;
                return (status, "something went wrong").into_response();
            }
        };
        (status, self.to_string()).into_response()
    }
}

impl From<rusqlite::Error> for AppError {
    fn from(error: rusqlite::Error) -> Self {
        match error {
            rusqlite::Error::QueryReturnedNoRows => Self::NotFound,
            error => Self::Internal(error.into()),
        }
    }
}

impl From<tokio::task::JoinError> for AppError {
    fn from(error: tokio::task::JoinError) -> Self {
        Self::Internal(error.into())
    }
}

impl From<tower_coherence::Error> for AppError {
    fn from(error: tower_coherence::Error) -> Self {
        Self::Internal(error.into())
    }
}
