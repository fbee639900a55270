//! Writing a local file in batches, beside the reading of what is written.

use std::mem;

use tokio::runtime::Handle;

use super::NewFile;
use crate::store::batch::Batch;
use crate::store::jobs::{FileJobs, Job, Promised};
use crate::store::{Sha256, StoreError, Written};

/// A local file on its way.
#[derive(Debug)]
pub(in crate::store) struct LocalWriter {
    jobs: FileJobs,
    sink: Sink,
    /// What is gathered.
    batch: Batch,
    /// The other one, empty, when no job has it.
    spare: Batch,
}

/// Who has the file.
#[derive(Debug)]
enum Sink {
    /// We have it.
    Idle(Box<NewFile>),
    /// It waits for its bytes to be hashed, or they are hashed and written.
    Batch(Promised<Returned>),
    /// A job has it.
    Busy(Job<Returned>),
    /// Nobody: an error has ended it, or it is finished.
    Gone,
}

/// What a job gives back: the file, the emptied batch, and whether it went well.
type Returned = (Box<NewFile>, Batch, Result<(), StoreError>);

impl LocalWriter {
    pub(in crate::store) fn new(jobs: FileJobs, file: NewFile) -> Self {
        let sink = Sink::Idle(Box::new(file));
        Self { jobs, sink, batch: Batch::default(), spare: Batch::default() }
    }

    pub(in crate::store) async fn write(&mut self, mut bytes: &[u8]) -> Result<(), StoreError> {
        while !bytes.is_empty() {
            bytes = self.batch.take(bytes);
            if self.batch.is_full() {
                self.write_batch().await?;
            }
        }
        Ok(())
    }

    pub(in crate::store) async fn restart(&mut self) -> Result<(), StoreError> {
        self.batch.clear();
        self.settle().await?;
        let room = self.jobs.room().await?;
        let mut file = self.take()?;
        self.sink = Sink::Busy(room.begin(move || {
            let done = file.clear();
            (file, Batch::default(), done)
        }));
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
        let file = self.take()?;
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
        let mut file = self.take()?;
        let hasher = file.hasher();
        let write = move |hasher, mut batch: Batch| {
            let done = file.append(hasher, batch.as_ref());
            batch.clear();
            (file, batch, done)
        };
        self.sink = Sink::Batch(self.jobs.hash_and_write(hasher, batch, write));
        Ok(())
    }

    /// Takes the file, which nobody else has.
    fn take(&mut self) -> Result<Box<NewFile>, StoreError> {
        match mem::replace(&mut self.sink, Sink::Gone) {
            Sink::Idle(file) => Ok(file),
            _ => Err(StoreError::Stopping),
        }
    }

    /// Waits for who has the file, if anybody has.
    async fn settle(&mut self) -> Result<(), StoreError> {
        let (file, spare, done) = match &mut self.sink {
            Sink::Batch(batch) => batch.end().await?,
            Sink::Busy(job) => job.end().await?,
            Sink::Idle(_) | Sink::Gone => return Ok(()),
        };
        self.spare = spare;
        self.sink = Sink::Idle(file);
        done
    }
}

impl Drop for LocalWriter {
    fn drop(&mut self) {
        // Removing a file takes time, so it is not done here. What a running job holds is removed
        // by its thread; should the runtime be gone, it is removed in place.
        let sink = mem::replace(&mut self.sink, Sink::Gone);
        let holds = !matches!(sink, Sink::Gone);
        if holds && Handle::try_current().is_ok() {
            drop(runtime::background::spawn(move || drop(sink)));
        }
    }
}
