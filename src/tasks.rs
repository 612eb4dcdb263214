//! Where tasks begin, and nowhere else: each has an owner, and ends with it.

use std::future::Future;
use std::panic::catch_unwind;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

/// A task that ends when this is dropped.
#[derive(Debug)]
#[must_use = "the task ends when this is dropped"]
pub(crate) struct Task(AbortHandle);

impl Task {
    /// Starts it on the current runtime. `None`: there is none.
    pub(crate) fn start(work: impl Future<Output = ()> + Send + 'static) -> Option<Self> {
        Some(Self(runtime()?.spawn(work).abort_handle()))
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The current runtime, if there is one and it has timers. On one without them
/// (`enable_time`) all would be waited for in vain: it counts as none. There is no
/// other way to know than to try, and tokio says loudly what is missing.
pub(crate) fn runtime() -> Option<Handle> {
    let runtime = Handle::try_current().ok()?;
    let timer = catch_unwind(|| drop(tokio::time::sleep(Duration::ZERO)));
    timer.is_ok().then_some(runtime)
}

/// Starts work that belongs to nobody's handle: it holds what it needs, and ends
/// by itself. Whoever starts it bounds how much there is.
pub(crate) fn detach(runtime: &Handle, work: impl Future<Output = ()> + Send + 'static) {
    drop(runtime.spawn(work));
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::oneshot;

    #[tokio::test]
    async fn a_task_ends_with_its_owner() {
        let (held, ended) = oneshot::channel::<()>();
        let task = Task::start(async move {
            let _held = held;
            std::future::pending::<()>().await;
        });
        drop(task.expect("there is a runtime"));
        assert!(ended.await.is_err());
    }

    #[test]
    fn a_runtime_without_timers_counts_as_none() {
        let without = tokio::runtime::Builder::new_current_thread().build();
        let without = without.unwrap();
        assert!(without.block_on(async { runtime() }).is_none());
        let with = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build();
        assert!(with.unwrap().block_on(async { runtime() }).is_some());
    }

    #[test]
    fn without_a_runtime_there_is_no_task() {
        assert!(Task::start(async {}).is_none());
    }
}
