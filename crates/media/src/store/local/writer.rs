//! Writing a local file in batches, beside the reading of what is written.

use std::mem;

use tokio::runtime::Handle;

use super::NewFile;
use crate::store::jobs::{FileJobs, Job, Room};
use crate::store::{BATCH_BYTES, Sha256, StoreError, Written};

/// A local file on its way.
#[derive(Debug)]
pub(in crate::store) struct LocalWriter {
    jobs: FileJobs,
    sink: Sink,
    /// What is gathered: at most [`BATCH_BYTES`].
    batch: Vec<u8>,
    /// The other buffer, when no job has it.
    spare: Vec<u8>,
}

/// Who has the file.
#[derive(Debug)]
enum Sink {
    /// We have it.
    Idle(Box<NewFile>),
    /// A job has it.
    Busy(Job<Returned>),
    /// Nobody: an error has ended it, or it is finished.
    Gone,
}

/// What a job gives back: the file, the emptied buffer, and whether it went well.
type Returned = (Box<NewFile>, Vec<u8>, Result<(), StoreError>);

impl LocalWriter {
    pub(in crate::store) fn new(jobs: FileJobs, file: NewFile) -> Self {
        let sink = Sink::Idle(Box::new(file));
        Self { jobs, sink, batch: Vec::new(), spare: Vec::new() }
    }

    pub(in crate::store) async fn write(&mut self, mut bytes: &[u8]) -> Result<(), StoreError> {
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

    pub(in crate::store) async fn restart(&mut self) -> Result<(), StoreError> {
        self.batch.clear();
        self.settle().await?;
        let room = self.jobs.room().await?;
        self.begin(room, Vec::new(), |file, _| file.clear())?;
        self.settle().await
    }

    pub(in crate::store) async fn publish(
        mut self,
        promised: Option<Sha256>,
    ) -> Result<Option<Written>, StoreError> {
        if !self.batch.is_empty() {
            self.write_batch().await?;
        }
        self.settle().await?;
        let room = self.jobs.room().await?;
        let Sink::Idle(file) = mem::replace(&mut self.sink, Sink::Gone) else {
            return Err(StoreError::Stopping);
        };
        let publish = move || {
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
        let room = self.jobs.hashing_room().await?;
        self.begin(room, batch, NewFile::append)
    }

    /// Begins a job with the file, which no other job has, and a buffer.
    fn begin(
        &mut self,
        room: Room,
        mut buffer: Vec<u8>,
        job: fn(&mut NewFile, &[u8]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
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

impl Drop for LocalWriter {
    fn drop(&mut self) {
        // Removing a file takes time, so it is not done here. What a running job holds is removed
        // by its thread; should the runtime be gone, it is removed in place.
        let sink = mem::replace(&mut self.sink, Sink::Gone);
        if let (Sink::Idle(_) | Sink::Busy(_), Ok(_)) = (&sink, Handle::try_current()) {
            drop(runtime::background::spawn(move || drop(sink)));
        }
    }
}
