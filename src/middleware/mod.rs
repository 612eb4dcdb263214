//! What users stack: the layer and its service.
//!
//! A request takes one of these ways:
//!
//! ```text
//!           hit ──────────────────────────────► response from memory
//!           stale ──────────────────────────► response from memory, and a refresh
//! read ──►  miss ─► wait for a flight ────────► response from memory
//!                └► lead ─► fill in a task ───► response, copied for the store
//! write ─────────► task to the response head ─► invalid here, outbox, response
//!       └► refused while the bus is down ─────► 503, where that is chosen
//! other ─────────► the client's own future ───► response, untouched
//! ```
//!
//! Where the content of a request counts, it is read before one of them is taken.

mod announced;
#[cfg(feature = "axum")]
mod axum;
mod body;
mod carry_out;
mod caught;
mod classify;
mod content;
mod context;
mod copy;
mod draft;
mod fill;
mod future;
mod given_up;
mod grpc;
mod grpc_answer;
mod grpc_message;
mod grpc_status;
mod handover;
mod head;
mod instead;
mod layer;
mod leader;
mod mapped;
mod noted;
mod outgoing;
mod outside;
mod pass;
mod plan;
mod question;
mod read;
mod refresh;
mod refused;
mod renew;
mod replay;
mod respond;
mod resumed;
mod rules;
mod seen;
mod service;
mod settle;
mod status;
mod tee;
mod token;
mod warm_up;
mod write;

#[cfg(feature = "axum")]
pub use self::axum::NoCacheLayer;
pub use body::CacheBody;
pub use context::CacheContext;
pub use future::ResponseFuture;
pub use layer::CacheLayer;
pub use replay::{NoReplay, Replay};
pub use resumed::Resumed;
pub use service::{CacheService, EmptyBody};
pub use warm_up::WarmedUp;
