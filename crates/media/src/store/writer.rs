//! A file on its way into a store.

use super::local::LocalWriter;
use super::remote::RemoteWriter;
use super::{Sha256, StoreError, Written};

/// How much is gathered before it is hashed and written in one job on another thread. While one
/// batch is written the next one is gathered, so a writer holds two buffers of this size, and
/// none before its first byte. A job costs some ten microseconds of changing threads: for 128 KiB
/// that is a fiftieth of the work that is in it.
///
/// Bytes are copied into the batch rather than held as they came: a piece of a connection's read
/// buffer keeps the whole buffer alive, many times its own size on a slow network.
pub const BATCH_BYTES: usize = 128 << 10;

/// A file on its way. It has no name that anybody could see before [`Writer::finish`] has made it
/// whole and durable; dropping the writer removes it.
#[derive(Debug)]
#[must_use = "a file exists only once its writer is finished"]
pub struct Writer {
    place: Place,
    name: String,
    accepted_bytes: u64,
    limit_bytes: u64,
}

#[derive(Debug)]
pub(super) enum Place {
    Local(LocalWriter),
    Remote(Box<RemoteWriter>),
}

impl Writer {
    pub(super) fn new(place: Place, name: String, limit_bytes: u64) -> Self {
        Self { place, name, accepted_bytes: 0, limit_bytes }
    }

    /// Takes the next bytes. It waits while earlier ones are still being written.
    ///
    /// Dropping the future before its end may lose bytes: drop the writer then as well.
    ///
    /// # Errors
    /// When the file grows past its limit, or what was given earlier could not be written. The
    /// writer is of no further use then.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.accepted_bytes = self.accepted_bytes.saturating_add(length);
        if self.accepted_bytes > self.limit_bytes {
            let (name, limit_bytes) = (self.name.clone(), self.limit_bytes);
            return Err(StoreError::TooLarge { name, limit_bytes });
        }
        match &mut self.place {
            Place::Local(writer) => writer.write(bytes).await,
            Place::Remote(writer) => writer.write(bytes).await,
        }
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
        self.accepted_bytes = 0;
        match &mut self.place {
            Place::Local(writer) => writer.restart().await,
            Place::Remote(writer) => writer.restart().await,
        }
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

    async fn publish(self, promised: Option<Sha256>) -> Result<Option<Written>, StoreError> {
        match self.place {
            Place::Local(writer) => writer.publish(promised).await,
            Place::Remote(writer) => writer.publish(promised).await,
        }
    }
}

#[cfg(test)]
mod tests;
