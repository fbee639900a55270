//! A media folder on a local disk. Everything here blocks, and runs as a file job.

mod beneath;
mod disk_file;
mod temporary;
mod walk;
mod writer;

use std::fs::File;
use std::io::{self, Seek as _, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use rustix::fs::{self, AtFlags, Mode, OFlags, Stat};

use self::beneath::Folder;
use self::temporary::Temporary;
pub(super) use self::temporary::random_name as temporary_name;
pub(super) use self::writer::LocalWriter;
use super::digest::Hasher;
use super::listing::{FileInfo, Listing};
use super::{OnConflict, SafeName, Sha256, StoreError, Target, Written};

/// A folder on a local disk.
#[derive(Debug, Clone)]
pub(super) struct LocalFolder(Arc<Folder>);

impl LocalFolder {
    /// Opens the folder and removes the temporaries of writers that were killed.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let folder = Folder::open_base(path)?;
        let swept = walk::sweep(&folder);
        if swept > 0 {
            tracing::info!(swept, "removed temporary files of a server that was killed");
        }
        Ok(Self(folder))
    }

    /// Opens a file to be read.
    pub(super) fn open_file(&self, name: &SafeName) -> Result<(File, FileInfo), StoreError> {
        let (file, stat) = self.0.open_file(name)?;
        let info = file_info(name.clone(), &stat);
        Ok((file, info))
    }

    pub(super) fn list(&self, listing: &Listing) -> Result<Vec<FileInfo>, StoreError> {
        walk::list(&self.0, listing).map(|found| listing.arrange(found))
    }

    pub(super) fn remove(&self, name: &SafeName) -> Result<(), StoreError> {
        let folder = self.0.open_parent(name)?;
        let missing = || StoreError::NotFound(name.as_str().to_owned());
        folder.look(name)?.ok_or_else(missing)?;
        fs::unlinkat(&folder, name.file_name(), AtFlags::empty())
            .map_err(|errno| StoreError::from_errno(errno, name.as_str()))
    }

    /// Begins a new file.
    pub(super) fn create(&self, target: Target) -> Result<NewFile, StoreError> {
        let folder = self.0.open_parent(&target.name)?;
        // Told now rather than after the whole transfer. It is decided when the file is published.
        match (target.on_conflict, folder.look(&target.name)) {
            (OnConflict::Overwrite, found) => drop(found?),
            (OnConflict::Error, Ok(None)) | (OnConflict::Rename, _) => {}
            (OnConflict::Error, _) => {
                return Err(StoreError::Exists(target.name.as_str().to_owned()));
            }
        }
        let temporary = Temporary::create(folder, &target.name)?;
        let hasher = Hasher::new(target.with_md5);
        Ok(NewFile { temporary, target, hasher, bytes: 0 })
    }
}

/// A file that is being written. Dropping it removes it.
#[derive(Debug)]
pub(super) struct NewFile {
    temporary: Temporary,
    target: Target,
    hasher: Hasher,
    bytes: u64,
}

impl NewFile {
    /// Writes bytes that were hashed: `hasher` is what came before them and them.
    pub(super) fn append(&mut self, hasher: Hasher, bytes: &[u8]) -> Result<(), StoreError> {
        self.hasher = hasher;
        self.bytes += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let written = self.temporary.file().write_all(bytes);
        written.map_err(|error| from_io(error, self.target.name.as_str()))
    }

    /// The state of the digests, to hash what comes next.
    pub(super) fn hasher(&self) -> Hasher {
        self.hasher.clone()
    }

    /// Forgets what was written so far.
    pub(super) fn clear(&mut self) -> Result<(), StoreError> {
        self.temporary.clear(&self.target.name)?;
        self.hasher = Hasher::new(self.target.with_md5);
        self.bytes = 0;
        Ok(())
    }

    /// The digest of what was written so far.
    pub(super) fn sha256(&self) -> Sha256 {
        self.hasher.clone().finish().0
    }

    /// Makes the file durable and gives it its name.
    pub(super) fn publish(self) -> Result<Written, StoreError> {
        let (sha256, md5) = self.hasher.finish();
        let name = self.temporary.publish(&self.target.name, self.target.on_conflict)?;
        Ok(Written { name, bytes: self.bytes, sha256, md5 })
    }
}

/// A file without any name in a folder for passing things.
pub(super) fn unnamed(scratch: &Path, name: &str) -> Result<File, StoreError> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    fs::open(scratch, flags, Mode::RUSR | Mode::WUSR)
        .map(File::from)
        .map_err(|errno| StoreError::from_errno(errno, name))
}

pub(super) fn append_to(mut file: File, bytes: &[u8], name: &str) -> Result<File, StoreError> {
    file.write_all(bytes).map_err(|error| from_io(error, name))?;
    Ok(file)
}

pub(super) fn rewind(mut file: File, name: &str) -> Result<File, StoreError> {
    file.rewind().map_err(|error| from_io(error, name))?;
    Ok(file)
}

fn from_io(error: io::Error, name: &str) -> StoreError {
    match rustix::io::Errno::from_io_error(&error) {
        Some(errno) => StoreError::from_errno(errno, name),
        None => StoreError::Io { name: name.to_owned(), source: error },
    }
}

/// Reads up to `length` bytes at a position; fewer only at the file's end.
pub(super) fn read_at(file: &File, offset: u64, length: usize) -> io::Result<Bytes> {
    let mut buffer = vec![0; length];
    let mut filled = 0;
    while filled < length {
        let at = offset + u64::try_from(filled).unwrap_or(u64::MAX);
        match file.read_at(&mut buffer[filled..], at) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    buffer.truncate(filled);
    Ok(buffer.into())
}

fn file_info(name: SafeName, stat: &Stat) -> FileInfo {
    let bytes = u64::try_from(stat.st_size).unwrap_or(0);
    let nanoseconds = i32::try_from(stat.st_mtime_nsec).unwrap_or(0);
    let modified = jiff::Timestamp::new(stat.st_mtime, nanoseconds).unwrap_or_default();
    // Files are replaced as a whole, so a new version has a new number (inode) as well.
    let etag = format!("\"{:x}-{bytes:x}-{:x}\"", stat.st_ino, modified.as_nanosecond());
    FileInfo { name, bytes, modified, etag }
}

#[cfg(test)]
mod tests;
