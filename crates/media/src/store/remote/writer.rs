//! A file on its way into an object storage.

use std::mem;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use object_store::path::Path;
use object_store::{
    CopyMode, CopyOptions, MultipartUpload, ObjectStore as _, ObjectStoreExt as _, PutMode,
    PutMultipartOptions, PutOptions, PutPayload,
};
use tokio::runtime::Handle;

use super::RemoteFolder;
use crate::store::digest::Hasher;
use crate::store::jobs::FileJobs;
use crate::store::local::temporary_name;
use crate::store::{OnConflict, SafeName, Sha256, StoreError, Target, Written};

/// What is gathered before it is sent as one part: the least that S3 allows for any part but the
/// last. A transfer into an object storage holds this much, and a local one does not.
pub const PART_BYTES: usize = 5 << 20;

/// Highest number that a file is given because its name is taken. Each try is a request.
const MAX_NUMBER: u32 = 99;

/// A file on its way into an object storage.
#[derive(Debug)]
pub(in crate::store) struct RemoteWriter {
    folder: RemoteFolder,
    target: Target,
    jobs: FileJobs,
    hasher: Hasher,
    bytes: u64,
    part: Vec<u8>,
    upload: Option<Upload>,
}

/// An upload that has begun, because the file has more than one part.
#[derive(Debug)]
struct Upload {
    /// Never locked: the mutex is what lets threads share a writer, which an upload alone forbids.
    parts: Mutex<Box<dyn MultipartUpload>>,
    /// Where it goes: the final key, or one that nobody can ask for when the final one may be
    /// taken. Only a copy can tell "not if it is taken" at its end.
    key: Path,
    staged: bool,
    /// Whether there is an object under the key.
    complete: bool,
}

/// What is placed under a final name.
enum Content {
    /// A file of one part.
    Whole(PutPayload),
    /// An object of several parts, which is copied: it is only there for that.
    Staged(Path),
}

impl Upload {
    fn parts(&mut self) -> &mut dyn MultipartUpload {
        self.parts.get_mut().unwrap_or_else(PoisonError::into_inner).as_mut()
    }
}

impl RemoteWriter {
    pub(super) fn new(folder: RemoteFolder, target: Target, jobs: FileJobs) -> Self {
        let hasher = Hasher::new(target.with_md5);
        Self { folder, target, jobs, hasher, bytes: 0, part: Vec::new(), upload: None }
    }

    pub(in crate::store) async fn write(&mut self, mut bytes: &[u8]) -> Result<(), StoreError> {
        while !bytes.is_empty() {
            if self.part.len() == PART_BYTES {
                self.send_part().await?;
            }
            let (now, later) = bytes.split_at(bytes.len().min(PART_BYTES - self.part.len()));
            self.part.extend_from_slice(now);
            bytes = later;
        }
        Ok(())
    }

    pub(in crate::store) async fn restart(&mut self) -> Result<(), StoreError> {
        self.give_up();
        self.part.clear();
        self.hasher = Hasher::new(self.target.with_md5);
        self.bytes = 0;
        Ok(())
    }

    pub(in crate::store) async fn publish(
        mut self,
        promised: Option<Sha256>,
    ) -> Result<Option<Written>, StoreError> {
        let last = self.take_part().await?;
        let (sha256, md5) = self.hasher.clone().finish();
        if promised.is_some_and(|promised| promised != sha256) {
            return Ok(None);
        }
        let name = match &mut self.upload {
            None => self.put_whole(last).await?,
            Some(upload) => {
                let name = self.target.name.as_str();
                let fail = |error| StoreError::from_remote(error, name);
                upload.parts().put_part(last.into()).await.map_err(fail)?;
                upload.parts().complete().await.map_err(fail)?;
                upload.complete = true;
                let (key, staged) = (upload.key.clone(), upload.staged);
                if staged {
                    // The staged object is removed when the writer is dropped.
                    self.place_free(&Content::Staged(key)).await?
                } else {
                    self.upload = None;
                    self.target.name.clone()
                }
            }
        };
        Ok(Some(Written { name, bytes: self.bytes, sha256, md5 }))
    }

    /// Takes what is gathered, and hashes it on a thread of its own.
    async fn take_part(&mut self) -> Result<Bytes, StoreError> {
        let (hasher, part) = (self.hasher.clone(), mem::take(&mut self.part));
        let (hasher, part) = self.jobs.hash(hasher, part).end().await?;
        self.hasher = hasher;
        let part = Bytes::from(part);
        self.bytes += u64::try_from(part.len()).unwrap_or(u64::MAX);
        Ok(part)
    }

    async fn send_part(&mut self) -> Result<(), StoreError> {
        let part = self.take_part().await?;
        if self.upload.is_none() {
            self.upload = Some(self.begin().await?);
        }
        let fail = |error| StoreError::from_remote(error, self.target.name.as_str());
        match &mut self.upload {
            Some(upload) => upload.parts().put_part(part.into()).await.map_err(fail),
            None => Ok(()),
        }
    }

    async fn begin(&self) -> Result<Upload, StoreError> {
        let staged = self.target.on_conflict != OnConflict::Overwrite;
        let name = &self.target.name;
        let key = if staged {
            let fail = |errno| StoreError::from_errno(errno, name.as_str());
            let own = temporary_name().map_err(fail)?;
            let own = name.folder().map_or(own.clone(), |folder| format!("{folder}/{own}"));
            self.folder.key(&own)?
        } else {
            self.folder.key(name.as_str())?
        };
        let options = PutMultipartOptions::default();
        let parts = self.folder.s3.put_multipart_opts(&key, options).await;
        let parts = parts.map_err(|error| StoreError::from_remote(error, name.as_str()))?;
        Ok(Upload { parts: Mutex::new(parts), key, staged, complete: false })
    }

    /// A file of one part is sent in one request, which can say "not if it is taken" itself.
    async fn put_whole(&self, bytes: Bytes) -> Result<SafeName, StoreError> {
        let content = Content::Whole(PutPayload::from(bytes));
        if self.target.on_conflict == OnConflict::Overwrite {
            self.place(&content, &self.target.name, PutMode::Overwrite).await?;
            return Ok(self.target.name.clone());
        }
        self.place_free(&content).await
    }

    /// Places content under its name or, if the policy is to rename, under a numbered one; never over
    /// another file.
    async fn place_free(&self, content: &Content) -> Result<SafeName, StoreError> {
        let mut candidate = self.target.name.clone();
        for number in 2..=MAX_NUMBER + 1 {
            match self.place(content, &candidate, PutMode::Create).await {
                Ok(()) => return Ok(candidate),
                Err(StoreError::Exists(_)) if self.target.on_conflict == OnConflict::Rename => {
                    candidate = self.target.name.numbered(number);
                }
                Err(error) => return Err(error),
            }
        }
        Err(StoreError::Exists(self.target.name.as_str().to_owned()))
    }

    async fn place(
        &self,
        content: &Content,
        name: &SafeName,
        mode: PutMode,
    ) -> Result<(), StoreError> {
        let key = self.folder.key(name.as_str())?;
        let placed = match content {
            Content::Whole(payload) => {
                let options = PutOptions { mode, ..PutOptions::default() };
                self.folder.s3.put_opts(&key, payload.clone(), options).await.map(drop)
            }
            Content::Staged(from) => {
                let options = CopyOptions { mode: CopyMode::Create, ..CopyOptions::default() };
                self.folder.s3.copy_opts(from, &key, options).await
            }
        };
        placed.map_err(|error| StoreError::from_remote(error, name.as_str()))
    }

    /// Has an upload that is not needed any more removed, without waiting for it.
    fn give_up(&mut self) {
        let Some(mut upload) = self.upload.take() else { return };
        let Ok(runtime) = Handle::try_current() else { return };
        let s3 = self.folder.s3.clone();
        let clearing = async move {
            let cleared = if upload.complete {
                s3.delete(&upload.key).await
            } else {
                upload.parts().abort().await
            };
            if let Err(error) = cleared {
                tracing::warn!(%error, "an upload that was given up could not be removed");
            }
        };
        drop(self.folder.clearing.spawn_on(clearing, &runtime));
    }
}

impl Drop for RemoteWriter {
    fn drop(&mut self) {
        self.give_up();
    }
}
