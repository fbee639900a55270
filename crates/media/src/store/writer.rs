//! Writing a file in batches, beside the reading of what is written.

use std::mem;

use tokio::runtime::Handle;

use super::jobs::{FileJobs, Job};
use super::local::NewFile;
use super::{Sha256, StoreError, Written};

/// How much is gathered before it is hashed and written in one job on another thread. While one
/// batch is written the next one is gathered, so a writer holds two buffers of this size, and
/// none before its first byte. A job costs some ten microseconds of changing threads: for 256 KiB
/// that is a hundredth of the work that is in it.
///
/// Bytes are copied into the batch rather than held as they came: a piece of a connection's read
/// buffer keeps the whole buffer alive, many times its own size on a slow network.
pub const BATCH_BYTES: usize = 256 << 10;

/// A file on its way. It has no name that anybody could see before [`Writer::finish`] has made it
/// whole and durable; dropping the writer removes it.
#[derive(Debug)]
#[must_use = "a file exists only once its writer is finished"]
pub struct Writer {
    jobs: FileJobs,
    sink: Sink,
    name: String,
    /// What is gathered: at most [`BATCH_BYTES`].
    batch: Vec<u8>,
    /// The other buffer, when no job has it.
    spare: Vec<u8>,
    accepted_bytes: u64,
    limit_bytes: u64,
}

/// Who has the file.
#[derive(Debug)]
pub(super) enum Sink {
    /// We have it.
    Idle(Box<NewFile>),
    /// A job has it.
    Busy(Job<Returned>),
    /// Nobody: an error has ended it, or it is finished.
    Gone,
}

/// What a job gives back: the file, the emptied buffer, and whether it went well.
type Returned = (Box<NewFile>, Vec<u8>, Result<(), StoreError>);

impl Writer {
    pub(super) fn new(jobs: FileJobs, file: NewFile, name: String, limit_bytes: u64) -> Self {
        let (batch, spare) = (Vec::new(), Vec::new());
        let sink = Sink::Idle(Box::new(file));
        Self { jobs, sink, name, batch, spare, accepted_bytes: 0, limit_bytes }
    }

    /// Takes the next bytes. It waits only while the batch before is still being written.
    ///
    /// Dropping the future before its end may lose bytes: drop the writer then as well.
    ///
    /// # Errors
    /// When the file grows past its limit, or what was given earlier could not be written. The
    /// writer is of no further use then.
    pub async fn write(&mut self, mut bytes: &[u8]) -> Result<(), StoreError> {
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.accepted_bytes = self.accepted_bytes.saturating_add(length);
        if self.accepted_bytes > self.limit_bytes {
            let (name, limit_bytes) = (self.name.clone(), self.limit_bytes);
            return Err(StoreError::TooLarge { name, limit_bytes });
        }
        while !bytes.is_empty() {
            if self.batch.capacity() == 0 {
                self.batch.reserve_exact(BATCH_BYTES);
            }
            let (now, later) = bytes.split_at(bytes.len().min(BATCH_BYTES - self.batch.len()));
            self.batch.extend_from_slice(now);
            bytes = later;
            if self.batch.len() == BATCH_BYTES {
                self.write_batch().await?;
            }
        }
        Ok(())
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
        self.accepted_bytes = 0;
        self.begin(Vec::new(), |file, _| file.clear()).await?;
        self.settle().await
    }

    /// Makes the file whole, durable and visible under its name.
    ///
    /// Dropped before its end, it leaves either nothing new or the whole file.
    ///
    /// # Errors
    /// When it could not be written, or its name is taken and must not be. A file that was there
    /// is then untouched.
    pub async fn finish(self) -> Result<Written, StoreError> {
        let written = self.publish(None).await?;
        Ok(written.expect("only a promised digest keeps a file from its name"))
    }

    /// As [`Writer::finish`], but only if the bytes have this digest. `None` when they have not:
    /// the file is gone then.
    ///
    /// # Errors
    /// As [`Writer::finish`].
    pub async fn finish_if(self, sha256: Sha256) -> Result<Option<Written>, StoreError> {
        self.publish(Some(sha256)).await
    }

    async fn publish(mut self, promised: Option<Sha256>) -> Result<Option<Written>, StoreError> {
        self.settle().await?;
        let last = mem::take(&mut self.batch);
        let room = self.jobs.room().await?;
        let Sink::Idle(mut file) = mem::replace(&mut self.sink, Sink::Gone) else {
            return Err(StoreError::Stopping);
        };
        let publish = move || {
            file.append(&last)?;
            if promised.is_some_and(|promised| promised != file.sha256()) {
                return Ok(None);
            }
            file.publish().map(Some)
        };
        room.begin(publish).end().await?
    }

    async fn write_batch(&mut self) -> Result<(), StoreError> {
        self.settle().await?;
        let next = mem::take(&mut self.spare);
        let batch = mem::replace(&mut self.batch, next);
        self.begin(batch, NewFile::append).await
    }

    /// Begins a job with the file and a buffer.
    async fn begin(
        &mut self,
        mut buffer: Vec<u8>,
        job: fn(&mut NewFile, &[u8]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.settle().await?;
        let room = self.jobs.room().await?;
        let Sink::Idle(mut file) = mem::replace(&mut self.sink, Sink::Gone) else {
            return Err(StoreError::Stopping);
        };
        self.sink = Sink::Busy(room.begin(move || {
            let done = job(&mut file, &buffer);
            buffer.clear();
            (file, buffer, done)
        }));
        Ok(())
    }

    /// Waits for the job that has the file, if one has.
    async fn settle(&mut self) -> Result<(), StoreError> {
        let Sink::Busy(job) = &mut self.sink else { return Ok(()) };
        let (file, buffer, done) = job.end().await?;
        self.spare = buffer;
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

#[cfg(test)]
mod tests;
