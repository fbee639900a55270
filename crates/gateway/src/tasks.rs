//! The tasks of one worker: every one has an owner that can wait for it.

use std::future::Future;

use tokio_util::task::TaskTracker;

/// Starts tasks on this worker's thread and keeps count of them. Clones share the count.
///
/// They end with the worker's runtime at the latest.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tasks(TaskTracker);

impl Tasks {
    /// Starts a task on this thread.
    pub(crate) fn spawn<F>(&self, future: F)
    where
        F: Future<Output = ()> + 'static,
    {
        drop(self.0.spawn_local(future));
    }

    /// The count, for others to look at.
    pub(crate) fn tracker(&self) -> TaskTracker {
        self.0.clone()
    }

    /// Waits until no task is left.
    pub(crate) async fn finished(&self) {
        self.0.close();
        self.0.wait().await;
    }
}

impl<F> hyper::rt::Executor<F> for Tasks
where
    F: Future + 'static,
{
    fn execute(&self, future: F) {
        self.spawn(async move {
            future.await;
        });
    }
}
