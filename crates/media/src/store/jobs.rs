//! File operations, each on a thread for blocking work, a bounded number at once.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;

use super::StoreError;

/// The bound of file operations that run at once. Further ones wait in the order in which they
/// came. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct FileJobs(Arc<Semaphore>);

impl FileJobs {
    pub(crate) fn new(at_once: usize) -> Self {
        Self(Arc::new(Semaphore::new(at_once)))
    }

    /// Waits until there is room for a job.
    pub(crate) async fn room(&self) -> Result<Room, StoreError> {
        let room = Arc::clone(&self.0).acquire_owned().await;
        room.map(|place| Room { _place: place }).map_err(|_| StoreError::Stopping)
    }

    /// Runs a job to its end.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.room().await?.begin(job).end().await?
    }
}

/// The right to begin one job.
#[derive(Debug)]
pub(crate) struct Room {
    _place: OwnedSemaphorePermit,
}

impl Room {
    /// Begins a job. It runs to its end, also when nobody waits for it any more.
    pub(crate) fn begin<T: Send + 'static>(
        self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Job<T> {
        Job(runtime::background::spawn(move || {
            let done = job();
            drop(self);
            done
        }))
    }
}

/// A job that has begun.
#[derive(Debug)]
pub(crate) struct Job<T>(JoinHandle<T>);

impl<T> Job<T> {
    /// Waits for its end. Cancel-safe: it can be waited for again.
    pub(crate) async fn end(&mut self) -> Result<T, StoreError> {
        match (&mut self.0).await {
            Ok(done) => Ok(done),
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime stops before the job could begin.
                Err(_) => Err(StoreError::Stopping),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn no_more_jobs_run_at_once_than_the_limit() {
        let jobs = FileJobs::new(1);
        let (release, held) = mpsc::channel::<()>();
        let mut first = jobs.room().await.unwrap().begin(move || held.recv().is_ok());
        let mut second = Box::pin(jobs.room());
        let early = tokio::time::timeout(Duration::from_millis(20), &mut second).await;
        assert!(early.is_err(), "the second began while the first had the only place");
        release.send(()).unwrap();
        assert!(first.end().await.unwrap());
        second.await.unwrap().begin(|| ()).end().await.unwrap();
    }
}
