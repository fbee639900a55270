//! The CPU pool: heavy work (pictures, sound, long base64) runs on as many threads as there are
//! cores, in the order of arrival, and never on a thread that serves connections.
//!
//! The threads are those of the runtime's blocking pool, at a low priority
//! ([`runtime::background`]); what this adds is the bound. More jobs than
//! cores at once would make every job slower and none earlier, and each holds its pixels in memory.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tokio::sync::{Semaphore, TryAcquireError};

use crate::Limits;

/// Jobs that may wait for a thread, unless told otherwise. A waiting job holds what it was given (a
/// picture's file at most), so that the number bounds memory; 256 jobs of a tenth of a second are a
/// wait of some ten seconds on two cores, and whoever waits longer should hear so instead.
pub const WAITING_LIMIT: usize = 256;

/// A bounded, fair pool of CPU work. Clones share it.
#[derive(Debug, Clone)]
pub struct CpuPool {
    /// One permit a running job. Tokio's semaphore serves in the order of arrival.
    threads: Arc<Semaphore>,
    /// One permit a job that runs or waits.
    places: Arc<Semaphore>,
    running: usize,
    waiting: usize,
}

/// Why a job has no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PoolError {
    /// The queue is full.
    #[error("{waiting} jobs wait for the CPU already; try again later")]
    Full {
        /// The queue's limit.
        waiting: usize,
    },
    /// The job ended in a panic: a bug in a decoder, say. The server goes on.
    #[error("the work ended unexpectedly; this is a bug in weir")]
    Died,
    /// The runtime is shutting down.
    #[error("the server is shutting down")]
    Closed,
}

/// Tells a running job that nobody waits for it any longer.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Whether the job may end without a result.
    #[must_use]
    pub fn requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Asks the job to end.
    pub fn request(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Requests the stop when the waiting side goes away.
struct StopOnDrop(Stop);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.request();
    }
}

impl CpuPool {
    /// A pool of so many jobs at once, with so many more waiting.
    #[must_use]
    pub fn new(running: NonZeroUsize, waiting: usize) -> Self {
        let running = running.get().min(Semaphore::MAX_PERMITS / 2);
        let waiting = waiting.min(Semaphore::MAX_PERMITS / 2);
        Self {
            threads: Arc::new(Semaphore::new(running)),
            places: Arc::new(Semaphore::new(running + waiting)),
            running,
            waiting,
        }
    }

    /// A pool within these bounds; 0 jobs at once mean one a core.
    #[must_use]
    pub fn within(limits: &Limits) -> Self {
        match NonZeroUsize::new(limits.cpu_jobs) {
            Some(running) => Self::new(running, limits.waiting_cpu_jobs),
            None => Self::new(cores(), limits.waiting_cpu_jobs),
        }
    }

    /// A pool of one job a core, with [`WAITING_LIMIT`] more waiting.
    #[must_use]
    pub fn of_cores() -> Self {
        Self::new(cores(), WAITING_LIMIT)
    }

    /// Most jobs that run at once.
    #[must_use]
    pub fn size(&self) -> usize {
        self.running
    }

    /// Jobs that run now.
    #[must_use]
    pub fn busy(&self) -> usize {
        self.running.saturating_sub(self.threads.available_permits())
    }

    /// Runs a job, after those that came before it.
    ///
    /// Cancel-safe: yes. A future that is dropped while it waits leaves the queue; dropped while the
    /// job runs, it asks the job to [`Stop`], and the job keeps its place until it has ended, so that
    /// the bound holds.
    ///
    /// # Errors
    /// [`PoolError::Full`] at once when as many wait as may; [`PoolError::Died`] when the job
    /// panicked.
    pub async fn run<T, F>(&self, job: F) -> Result<T, PoolError>
    where
        T: Send + 'static,
        F: FnOnce(&Stop) -> T + Send + 'static,
    {
        match Arc::clone(&self.places).try_acquire_owned() {
            Ok(place) => self.in_turn(place, job).await,
            Err(TryAcquireError::NoPermits) => Err(PoolError::Full { waiting: self.waiting }),
            Err(TryAcquireError::Closed) => Err(PoolError::Closed),
        }
    }

    /// Runs a job of a call that was admitted to memory ([`Admission`](crate::Admission)) and still
    /// holds it: that is what bounds such jobs, and they need no place in the queue. The job waits
    /// for its turn like the others and is never refused: what a provider was paid for must not be
    /// lost because others have come meanwhile.
    ///
    /// Cancel-safe: yes, as [`CpuPool::run`].
    ///
    /// # Errors
    /// [`PoolError::Died`] when the job panicked.
    pub async fn run_admitted<T, F>(&self, job: F) -> Result<T, PoolError>
    where
        T: Send + 'static,
        F: FnOnce(&Stop) -> T + Send + 'static,
    {
        self.in_turn((), job).await
    }

    /// Runs a job that may wait, and keeps its `place` until it has ended.
    async fn in_turn<T, F, P>(&self, place: P, job: F) -> Result<T, PoolError>
    where
        T: Send + 'static,
        F: FnOnce(&Stop) -> T + Send + 'static,
        P: Send + 'static,
    {
        let thread = Arc::clone(&self.threads).acquire_owned().await;
        let thread = thread.map_err(|_| PoolError::Closed)?;
        let stop = Stop::default();
        let _stop_on_drop = StopOnDrop(stop.clone());
        let running = runtime::background::spawn(move || {
            let result = job(&stop);
            // In this order: a pool that looks free takes the next job.
            drop(place);
            drop(thread);
            result
        });
        running.await.map_err(|error| match error.is_panic() {
            true => PoolError::Died,
            false => PoolError::Closed,
        })
    }
}

fn cores() -> NonZeroUsize {
    thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

#[cfg(test)]
mod tests;
