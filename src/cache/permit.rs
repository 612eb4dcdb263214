//! The right to run a request in a task of the cache.

use super::shared::Shared;
use crate::{tasks, telemetry};
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;

/// The right to run a request in a task that goes on when its client has gone.
/// Bounds how many there are.
#[derive(Debug)]
pub(crate) struct Permit {
    runtime: Handle,
    held: OwnedSemaphorePermit,
}

impl Shared {
    /// A permit, if there is one and a runtime to use it on.
    pub(crate) fn permit(self: &Arc<Self>) -> Option<Permit> {
        let runtime = tasks::runtime()?;
        let held = self.permits.clone().try_acquire_owned().ok()?;
        Some(Permit { runtime, held })
    }
}

impl Permit {
    /// Runs the future in a task, in the caller's span. The permit comes back
    /// when it has ended.
    pub(crate) fn run(self, future: impl Future<Output = ()> + Send + 'static) {
        let Self { runtime, held } = self;
        // A large one: what is put around it would move it, a copy of all of it each time.
        let future = Box::pin(future);
        let task = telemetry::carried(async move {
            future.await;
            drop(held);
        });
        tasks::detach(&runtime, task);
    }
}
