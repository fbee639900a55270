//! Writing a file in batches, beside the reading of what is written.

use std::mem;

use bytes::Bytes;
use tokio::runtime::Handle;

use super::jobs::{FileJobs, Job};
use super::local::NewFile;
use super::{StoreError, Written};

/// How much is gathered before it is hashed and written in one job on another thread. While one
/// batch is written the next one is gathered, so a writer holds at most two of them. Measured with
/// 64 KiB, 256 KiB and 1 MiB: smaller ones cost more changes of threads, larger ones only memory.
pub const BATCH_BYTES: usize = 256 << 10;

/// A file on its way. It has no name that anybody could see before [`Writer::finish`] has made it
/// whole and durable; dropping the writer removes it.
#[derive(Debug)]
#[must_use = "a file exists only once its writer is finished"]
pub struct Writer {
    jobs: FileJobs,
    sink: Sink,
    name: String,
    batch: Vec<Bytes>,
    batch_bytes: usize,
    accepted_bytes: u64,
    limit_bytes: u64,
}

/// Who has the file.
#[derive(Debug)]
pub(super) enum Sink {
    /// We have it.
    Idle(Box<NewFile>),
    /// A job has it, and gives it back.
    Busy(Job<(Box<NewFile>, Result<(), StoreError>)>),
    /// Nobody: an error has ended it, or it is finished.
    Gone,
}

impl Writer {
    pub(super) fn new(jobs: FileJobs, sink: Sink, name: String, limit_bytes: u64) -> Self {
        let batch = Vec::new();
        Self { jobs, sink, name, batch, batch_bytes: 0, accepted_bytes: 0, limit_bytes }
    }

    /// Takes the next bytes. It waits only while the batch before the last is still being written.
    ///
    /// Dropping the future before its end may lose bytes: drop the writer then as well.
    ///
    /// # Errors
    /// When the file grows past its limit, or what was given earlier could not be written. The
    /// writer is of no further use then.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), StoreError> {
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.accepted_bytes = self.accepted_bytes.saturating_add(length);
        if self.accepted_bytes > self.limit_bytes {
            let (name, limit_bytes) = (self.name.clone(), self.limit_bytes);
            return Err(StoreError::TooLarge { name, limit_bytes });
        }
        self.batch_bytes += bytes.len();
        if !bytes.is_empty() {
            self.batch.push(bytes);
        }
        if self.batch_bytes >= BATCH_BYTES { self.write_batch().await } else { Ok(()) }
    }

    /// How many bytes were taken since the beginning or the last [`Writer::restart`].
    #[must_use]
    pub fn accepted_bytes(&self) -> u64 {
        self.accepted_bytes
    }

    /// Forgets everything that was written, to begin again with the first byte.
    ///
    /// # Errors
    /// When the file cannot be emptied.
    pub async fn restart(&mut self) -> Result<(), StoreError> {
        self.batch.clear();
        self.batch_bytes = 0;
        self.accepted_bytes = 0;
        self.begin(|file| file.clear()).await?;
        self.settle().await
    }

    /// Makes the file whole, durable and visible under its name.
    ///
    /// Dropped before its end, it leaves either nothing new or the whole file.
    ///
    /// # Errors
    /// When it could not be written, or its name is taken and must not be. A file that was there
    /// is then untouched.
    pub async fn finish(mut self) -> Result<Written, StoreError> {
        self.write_batch().await?;
        self.settle().await?;
        let room = self.jobs.room().await?;
        match mem::replace(&mut self.sink, Sink::Gone) {
            Sink::Idle(file) => room.begin(move || file.publish()).end().await?,
            Sink::Busy(_) | Sink::Gone => Err(StoreError::Stopping),
        }
    }

    async fn write_batch(&mut self) -> Result<(), StoreError> {
        if self.batch.is_empty() {
            return Ok(());
        }
        self.settle().await?;
        let batch = mem::take(&mut self.batch);
        self.batch_bytes = 0;
        self.begin(move |file| file.append(&batch)).await
    }

    /// Begins a job with the file.
    async fn begin(
        &mut self,
        job: impl FnOnce(&mut NewFile) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<(), StoreError> {
        self.settle().await?;
        let room = self.jobs.room().await?;
        let Sink::Idle(mut file) = mem::replace(&mut self.sink, Sink::Gone) else {
            return Err(StoreError::Stopping);
        };
        self.sink = Sink::Busy(room.begin(move || {
            let done = job(&mut file);
            (file, done)
        }));
        Ok(())
    }

    /// Waits for the job that has the file, if one has.
    async fn settle(&mut self) -> Result<(), StoreError> {
        let Sink::Busy(job) = &mut self.sink else { return Ok(()) };
        let (file, done) = job.end().await?;
        self.sink = Sink::Idle(file);
        done
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Removing a file takes time, so it is not done here. What a running job holds is removed
        // by its thread; should the runtime be gone, it is removed in place.
        let sink = mem::replace(&mut self.sink, Sink::Gone);
        if let (Sink::Idle(_) | Sink::Busy(_), Ok(runtime)) = (&sink, Handle::try_current()) {
            drop(runtime.spawn_blocking(move || drop(sink)));
        }
    }
}
