//! What the crate says about itself: log events. The only folder that names
//! `tracing`.

mod coherence;
mod middleware;

pub(crate) use coherence::*;
pub(crate) use middleware::*;
