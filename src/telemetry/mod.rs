//! What the crate says about itself: log events. The only folder that names
//! `tracing`.

mod coherence;
mod middleware;
#[cfg(feature = "metrics")]
mod recorder;
#[cfg(all(test, feature = "metrics"))]
mod tests;

pub(crate) use coherence::*;
pub(crate) use middleware::*;
#[cfg(feature = "metrics")]
pub(crate) use recorder::*;
