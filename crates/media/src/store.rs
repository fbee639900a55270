//! Where media files are: a folder on a local disk, or an object storage that speaks S3.
//!
//! Everything the tools do with files goes through a [`Store`]. What it promises:
//!
//! - A name leads to a file beneath the media folder or nowhere: the kernel resolves it and follows
//!   no link ([`SafeName`]).
//! - A file that can be seen is whole. A new one is written under a name that nobody can ask for,
//!   made durable, and renamed in one step; until then the old one stays as it is, and after a
//!   failure or a `kill -9` it is still there.
//! - Two writers to one name do not meet: each writes a file of its own, and the last to be
//!   complete wins ([`OnConflict`]).
//! - No call blocks a thread of the runtime, and no message names a path of the server.

mod batch;
mod desk;
mod digest;
mod error;
mod glob;
mod hashing;
mod jobs;
mod kind;
mod listing;
mod local;
mod name;
mod reader;
mod remote;
mod target;
mod writer;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

pub use digest::{Md5, Sha256};
pub use error::StoreError;
pub use kind::Kind;
pub use listing::{FileInfo, Listing, MAX_LISTED, MAX_WALKED, SortBy};
pub use name::{MAX_NAME_BYTES, MAX_PART_BYTES, MAX_PARTS, NameError, SafeName};
pub use reader::{PIECE_BYTES, Reader};
pub use remote::{PART_BYTES, S3Settings};
pub use target::{OnConflict, Target, Written};
pub use writer::{BATCH_BYTES, Writer};

use self::jobs::FileJobs;
use self::local::{LocalFolder, LocalWriter};
use self::reader::Source;
use self::remote::RemoteFolder;
use self::writer::Place;
use crate::{Limits, Upstream};

/// The files of one kind of media. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    kind: Kind,
    backend: Backend,
    jobs: FileJobs,
    limit_bytes: u64,
}

#[derive(Debug, Clone)]
enum Backend {
    Local(LocalFolder),
    Remote(RemoteFolder),
}

impl Store {
    /// Opens a folder on a local disk, and removes from it the temporary files of servers that
    /// were killed. The files of servers that are alive stay.
    ///
    /// # Errors
    /// When the folder is missing, a link, or closed to us.
    pub async fn open_folder(kind: Kind, path: &Path, limits: &Limits) -> Result<Self, StoreError> {
        let jobs = FileJobs::new(limits.file_operations);
        let path = path.to_owned();
        let folder = jobs.run(move || LocalFolder::open(&path)).await?;
        Ok(Self { kind, backend: Backend::Local(folder), jobs, limit_bytes: limits.file_bytes })
    }

    /// Opens a folder in an object storage. Nothing is sent yet.
    ///
    /// # Errors
    /// When the settings make no sense.
    pub fn open_s3(
        kind: Kind,
        settings: &S3Settings,
        upstream: &Upstream,
        limits: &Limits,
    ) -> Result<Self, StoreError> {
        let folder = RemoteFolder::open(settings, upstream, limits)?;
        let jobs = FileJobs::new(limits.file_operations);
        Ok(Self { kind, backend: Backend::Remote(folder), jobs, limit_bytes: limits.file_bytes })
    }

    /// What the files are.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Length and time of a file.
    ///
    /// # Errors
    /// When there is no such file.
    pub async fn info(&self, name: &SafeName) -> Result<FileInfo, StoreError> {
        let name = name.clone();
        match &self.backend {
            Backend::Local(folder) => {
                let folder = folder.clone();
                self.jobs.run(move || folder.open_file(&name).map(|(_, info)| info)).await
            }
            Backend::Remote(folder) => folder.info(&name).await,
        }
    }

    /// Opens a part of a file to be read piece by piece: `offset` and at most `length` bytes. Both
    /// are cut to what the file has.
    ///
    /// # Errors
    /// When there is no such file.
    pub async fn reader(
        &self,
        name: &SafeName,
        offset: u64,
        length: u64,
    ) -> Result<Reader, StoreError> {
        let name = name.clone();
        let range = offset..offset.saturating_add(length);
        match &self.backend {
            Backend::Local(folder) => {
                let folder = folder.clone();
                let (file, info) = self.jobs.run(move || folder.open_file(&name)).await?;
                let source = Source::Local { file: Arc::new(file), jobs: self.jobs.clone() };
                Ok(Reader::new(info, range, source))
            }
            Backend::Remote(folder) => {
                let info = folder.info(&name).await?;
                let end = range.end.min(info.bytes);
                let pieces = folder.read(&info, range.start.min(end)..end).await?;
                Ok(Reader::new(info, range, Source::Remote(pieces)))
            }
        }
    }

    /// A whole file in memory, when it has at most `limit_bytes`. Have the memory admitted first
    /// ([`crate::Admission`]).
    ///
    /// # Errors
    /// When there is no such file, or it is larger.
    pub async fn read(&self, name: &SafeName, limit_bytes: u64) -> Result<Bytes, StoreError> {
        let mut reader = self.reader(name, 0, u64::MAX).await?;
        if reader.info().bytes > limit_bytes {
            return Err(StoreError::TooLarge { name: name.to_string(), limit_bytes });
        }
        let mut whole = Vec::with_capacity(usize::try_from(reader.info().bytes).unwrap_or(0));
        while let Some(piece) = reader.next().await? {
            whole.extend_from_slice(&piece);
        }
        Ok(whole.into())
    }

    /// A file to be read with blocking calls, for a decoder on the CPU pool. From an object storage
    /// it is first copied into an unnamed file in [`S3Settings::scratch`].
    ///
    /// # Errors
    /// When there is no such file, or no room for the copy.
    pub async fn seekable(&self, name: &SafeName) -> Result<(File, FileInfo), StoreError> {
        match &self.backend {
            Backend::Local(folder) => {
                let (folder, name) = (folder.clone(), name.clone());
                self.jobs.run(move || folder.open_file(&name)).await
            }
            Backend::Remote(folder) => {
                let mut reader = self.reader(name, 0, u64::MAX).await?;
                let (scratch, shown) = (folder.scratch().to_owned(), name.to_string());
                let mut copy = self.jobs.run(move || local::unnamed(&scratch, &shown)).await?;
                while let Some(piece) = reader.next().await? {
                    let shown = name.to_string();
                    let append = move || local::append_to(copy, &piece, &shown);
                    copy = self.jobs.run(append).await?;
                }
                let shown = name.to_string();
                let copy = self.jobs.run(move || local::rewind(copy, &shown)).await?;
                Ok((copy, reader.info().clone()))
            }
        }
    }

    /// Begins a new file.
    ///
    /// # Errors
    /// When its extension has no place here, its folder is missing, a link has its name, or the
    /// name is taken and must not be.
    pub async fn create(&self, target: Target) -> Result<Writer, StoreError> {
        self.check_extension(&target.name)?;
        let name = target.name.to_string();
        let jobs = self.jobs.clone();
        let place = match &self.backend {
            Backend::Local(folder) => {
                let folder = folder.clone();
                let file = self.jobs.run(move || folder.create(target)).await?;
                Place::Local(LocalWriter::new(jobs, file))
            }
            Backend::Remote(folder) => Place::Remote(Box::new(folder.create(target, jobs).await?)),
        };
        Ok(Writer::new(place, name, self.limit_bytes))
    }

    /// Writes a file that is in memory.
    ///
    /// # Errors
    /// As [`Store::create`] and [`Writer::finish`].
    pub async fn write(&self, target: Target, bytes: &[u8]) -> Result<Written, StoreError> {
        let mut writer = self.create(target).await?;
        writer.write(bytes).await?;
        writer.finish().await
    }

    /// The files that a listing asks for, without temporaries, hidden files, links and folders.
    ///
    /// # Errors
    /// When the folder cannot be read, or holds more than [`MAX_WALKED`] entries.
    pub async fn list(&self, listing: Listing) -> Result<Vec<FileInfo>, StoreError> {
        match &self.backend {
            Backend::Local(folder) => {
                let folder = folder.clone();
                self.jobs.run(move || folder.list(&listing)).await
            }
            Backend::Remote(folder) => folder.list(&listing).await,
        }
    }

    /// Removes a file.
    ///
    /// # Errors
    /// When there is no such file.
    pub async fn remove(&self, name: &SafeName) -> Result<(), StoreError> {
        let name = name.clone();
        match &self.backend {
            Backend::Local(folder) => {
                let folder = folder.clone();
                self.jobs.run(move || folder.remove(&name)).await
            }
            Backend::Remote(folder) => folder.remove(&name).await,
        }
    }

    /// Waits until what was given up is cleared away in an object storage: for the way down of a
    /// server. On a disk nothing is ever left to be waited for.
    pub async fn cleared(&self) {
        if let Backend::Remote(folder) = &self.backend {
            folder.cleared().await;
        }
    }

    fn check_extension(&self, name: &SafeName) -> Result<(), StoreError> {
        if self.kind.may_hold(&name.extension()) {
            return Ok(());
        }
        let allowed: Vec<String> = self.kind.extensions().map(|it| format!(".{it}")).collect();
        Err(StoreError::Extension { name: name.to_string(), allowed: allowed.join(", ") })
    }
}

#[cfg(test)]
mod tests;
