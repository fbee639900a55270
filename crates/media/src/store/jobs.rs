//! File operations, each on a thread for blocking work, a bounded number at once.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;

use super::StoreError;
use super::hashing::Hashing;

/// The bounds of file operations that run at once. Further ones wait in the order in which they
/// came. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct FileJobs {
    all: Arc<Semaphore>,
    /// What hashes has a bound of its own: else files that wait for the disk to sync them would
    /// hold up those that have work for the CPU.
    pub(crate) hashing: Hashing,
}

impl FileJobs {
    pub(crate) fn new(at_once: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(at_once)), hashing: Hashing::new() }
    }

    /// Waits until there is room for a job.
    pub(crate) async fn room(&self) -> Result<Room, StoreError> {
        let place = Arc::clone(&self.all).acquire_owned().await;
        place.map(|place| Room { _place: place }).map_err(|_| StoreError::Stopping)
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
    use crate::store::digest::Hasher;

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

    #[tokio::test]
    async fn a_file_that_waits_for_the_disk_holds_up_no_hashing() {
        let jobs = FileJobs::new(1);
        let (release, held) = mpsc::channel::<()>();
        let mut syncing = jobs.room().await.unwrap().begin(move || held.recv().is_ok());
        let hashed = jobs.hashing.hash(Hasher::new(false), b"abc".to_vec(), |_, bytes| bytes);
        assert_eq!({ hashed }.end().await.unwrap(), b"abc");
        release.send(()).unwrap();
        assert!(syncing.end().await.unwrap());
    }
}
