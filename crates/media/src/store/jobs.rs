//! File operations, each on a thread for blocking work, a bounded number at once.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::task::JoinHandle;

use super::StoreError;
use super::desk::Desk;
use super::digest::Hasher;
use super::hashing::Hashing;

/// Threads that write at once, for each core. They wait for the disk most of the time, and eight
/// batches on their way keep one busy that takes a millisecond for each.
const WRITING_THREADS_PER_CORE: usize = 4;

/// The bounds of file operations that run at once. Further ones wait in the order in which they
/// came. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct FileJobs {
    all: Arc<Semaphore>,
    /// What hashes and what writes have bounds of their own: else files that wait for the disk to
    /// sync them would hold up those that have work for the CPU, and writing would hold up hashing.
    hashing: Hashing,
    writing: Desk<Box<dyn FnOnce() + Send>>,
}

impl FileJobs {
    pub(crate) fn new(at_once: usize) -> Self {
        let writing =
            Desk::new(WRITING_THREADS_PER_CORE, 1, |jobs: Vec<Box<dyn FnOnce() + Send>>| {
                jobs.into_iter().for_each(|job| job());
            });
        Self { all: Arc::new(Semaphore::new(at_once)), hashing: Hashing::new(), writing }
    }

    /// Has bytes hashed. They are, also when nobody waits for it any more.
    pub(crate) fn hash<B>(&self, hasher: Hasher, bytes: B) -> Promised<(Hasher, B)>
    where
        B: AsRef<[u8]> + Send + 'static,
    {
        let (sender, promised) = oneshot::channel();
        self.hashing.hash(hasher, bytes, |hasher, bytes| drop(sender.send((hasher, bytes))));
        Promised(promised)
    }

    /// Has bytes hashed and then written by `write`. Both are done, also when nobody waits for it any
    /// more.
    pub(crate) fn hash_and_write<B, T: Send + 'static>(
        &self,
        hasher: Hasher,
        bytes: B,
        write: impl FnOnce(Hasher, B) -> T + Send + 'static,
    ) -> Promised<T>
    where
        B: AsRef<[u8]> + Send + 'static,
    {
        let (sender, promised) = oneshot::channel();
        let writing = self.writing.clone();
        self.hashing.hash(hasher, bytes, move |hasher, bytes| {
            // Who has left meanwhile does not want it: what it holds is dropped here, on this thread.
            writing.bring(Box::new(move || drop(sender.send(write(hasher, bytes)))));
        });
        Promised(promised)
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

/// What another thread will hand over.
#[derive(Debug)]
pub(crate) struct Promised<T>(oneshot::Receiver<T>);

impl<T> Promised<T> {
    /// Waits for it. Cancel-safe: it can be waited for again.
    pub(crate) async fn end(&mut self) -> Result<T, StoreError> {
        // The runtime stops before a thread could begin, or the thread has panicked.
        (&mut self.0).await.map_err(|_| StoreError::Stopping)
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

    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

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
    async fn files_that_wait_for_the_disk_hold_up_no_hashing() {
        let jobs = FileJobs::new(1);
        let (release, held) = mpsc::channel::<()>();
        let mut syncing = jobs.room().await.unwrap().begin(move || held.recv().is_ok());
        let (release_writing, held) = mpsc::channel::<()>();
        let write = move |_, _| held.recv().is_ok();
        let mut writing = jobs.hash_and_write(Hasher::new(false), b"written".to_vec(), write);
        let (hasher, bytes) = jobs.hash(Hasher::new(false), b"abc".to_vec()).end().await.unwrap();
        assert_eq!((hasher.finish().0.to_string().as_str(), &bytes[..]), (ABC, &b"abc"[..]));
        release_writing.send(()).unwrap();
        assert!(writing.end().await.unwrap());
        release.send(()).unwrap();
        assert!(syncing.end().await.unwrap());
    }

    #[tokio::test]
    async fn what_is_written_was_hashed_before() {
        let write = |hasher: Hasher, bytes: Vec<u8>| (hasher.finish().0.to_string(), bytes);
        let jobs = FileJobs::new(1);
        let mut written = jobs.hash_and_write(Hasher::new(false), b"abc".to_vec(), write);
        assert_eq!(written.end().await.unwrap(), (ABC.to_owned(), b"abc".to_vec()));
    }

    #[tokio::test]
    async fn who_waits_for_a_thread_that_panics_is_told() {
        let jobs = FileJobs::new(1);
        let write = |_, _| -> bool { panic!("a test of what happens then") };
        let mut written = jobs.hash_and_write(Hasher::new(false), Vec::new(), write);
        assert!(matches!(written.end().await, Err(StoreError::Stopping)));
    }
}
