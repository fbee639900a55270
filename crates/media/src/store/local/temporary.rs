//! A file that has no final name yet.
//!
//! It is in the folder of its final name, so that a rename can give it that name in one step. Its
//! own name begins with a dot: no listing shows it and no tool can ask for it, since a
//! [`SafeName`](crate::store::SafeName) has no hidden part. (A file without any name, `O_TMPFILE`,
//! would be neater still, but cannot take the place of a file that exists, and not every file
//! system has it.)
//!
//! A lock of the kernel on it says that its writer lives. When the writer is killed the lock goes,
//! and the next start removes what it left.

use std::sync::Arc;

use ring::rand::{SecureRandom, SystemRandom};
use rustix::fs::{self, AtFlags, FlockOperation, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use super::beneath::Folder;
use super::disk_file::DiskFile;
use crate::store::{OnConflict, SafeName, StoreError};

/// How the name of a temporary begins and ends.
pub(super) const PREFIX: &str = ".weir-";
pub(super) const SUFFIX: &str = ".part";

/// Highest number that a file is given because its name is taken.
const MAX_NUMBER: u32 = 9_999;

/// Names that are tried for a temporary. They have 64 random bits: one does it.
const TRIES: u32 = 8;

/// A file without a final name. Dropping it removes it.
#[derive(Debug)]
pub(super) struct Temporary {
    folder: Arc<Folder>,
    own_name: String,
    file: DiskFile,
    published: bool,
}

impl Temporary {
    /// Makes an empty file beside the final name.
    pub(super) fn create(mut folder: Arc<Folder>, name: &SafeName) -> Result<Self, StoreError> {
        let fail = |errno| StoreError::from_errno(errno, name.as_str());
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        // As any other program's new file: the umask decides who may read it.
        let mode = Mode::from_raw_mode(0o666);
        for _ in 0..TRIES {
            let own_name = random_name().map_err(fail)?;
            let fd = match fs::openat(&folder, own_name.as_str(), flags, mode) {
                Ok(fd) => fd,
                Err(Errno::EXIST) => continue,
                Err(errno) => return Err(fail(errno)),
            };
            let made = Self { folder, own_name, file: DiskFile::new(fd.into()), published: false };
            // A sweep may have come between: then it has the lock, or has removed the file.
            let locked = fs::flock(&made.file, FlockOperation::NonBlockingLockExclusive);
            let linked = fs::fstat(&made.file).map_err(fail)?.st_nlink > 0;
            match locked {
                Ok(()) if linked => return Ok(made),
                // A file system without locks: its temporaries are never swept.
                Err(Errno::NOTSUP | Errno::NOSYS | Errno::NOLCK) => return Ok(made),
                _ => folder = Arc::clone(&made.folder),
            }
        }
        Err(fail(Errno::EXIST))
    }

    /// The file, to be written.
    pub(super) fn file(&mut self) -> &mut DiskFile {
        &mut self.file
    }

    /// Forgets what was written.
    pub(super) fn clear(&mut self, name: &SafeName) -> Result<(), StoreError> {
        self.file.clear().map_err(|errno| StoreError::from_errno(errno, name.as_str()))
    }

    /// Gives the file its final name, once its bytes are on the disk, and makes the name survive
    /// a loss of power. Before this returns there is either the old file or the whole new one.
    pub(super) fn publish(
        mut self,
        name: &SafeName,
        on_conflict: OnConflict,
    ) -> Result<SafeName, StoreError> {
        let fail = |errno| StoreError::from_errno(errno, name.as_str());
        self.file.sync().map_err(fail)?;
        let name = match on_conflict {
            OnConflict::Overwrite => {
                // A rename takes the place of a link and never follows it, whoever puts one there
                // after this check.
                self.folder.look(name)?;
                fs::renameat(&self.folder, &self.own_name, &self.folder, name.file_name())
                    .map_err(fail)?;
                name.clone()
            }
            OnConflict::Error => {
                self.rename_to_free(name).map_err(fail)?;
                name.clone()
            }
            OnConflict::Rename => self.rename_to_numbered(name).map_err(fail)?,
        };
        self.published = true;
        let rename = self.folder.renamed();
        self.folder.sync(rename).map_err(fail)?;
        Ok(name)
    }

    fn rename_to_numbered(&self, name: &SafeName) -> Result<SafeName, Errno> {
        let mut candidate = name.clone();
        for number in 2..=MAX_NUMBER + 1 {
            match self.rename_to_free(&candidate) {
                Ok(()) => return Ok(candidate),
                Err(Errno::EXIST) => candidate = name.numbered(number),
                Err(errno) => return Err(errno),
            }
        }
        Err(Errno::EXIST)
    }

    /// Renames in one step unless the name is taken.
    fn rename_to_free(&self, name: &SafeName) -> Result<(), Errno> {
        let (folder, own, to) = (&self.folder, self.own_name.as_str(), name.file_name());
        match fs::renameat_with(folder, own, folder, to, RenameFlags::NOREPLACE) {
            // A file system that knows no such rename. A second name is refused as well when it
            // is taken; should we die in between, the sweep removes the first.
            Err(Errno::INVAL | Errno::NOSYS) => {
                fs::linkat(folder, own, folder, to, AtFlags::empty())?;
                fs::unlinkat(folder, own, AtFlags::empty())
            }
            renamed => renamed,
        }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if self.published {
            return;
        }
        match fs::unlinkat(&self.folder, &self.own_name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => {
                let name = &self.own_name;
                tracing::warn!(%error, name, "a temporary file could not be removed");
            }
        }
    }
}

/// A name for a temporary that nobody has used.
pub(in crate::store) fn random_name() -> Result<String, Errno> {
    let mut bytes = [0; 8];
    SystemRandom::new().fill(&mut bytes).map_err(|_| Errno::IO)?;
    Ok(format!("{PREFIX}{:016x}{SUFFIX}", u64::from_ne_bytes(bytes)))
}

/// Removes a temporary whose writer is gone; `false` when it lives.
pub(super) fn sweep(folder: &impl rustix::fd::AsFd, own_name: &str) -> Result<bool, Errno> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = fs::openat(folder, own_name, flags, Mode::empty())?;
    match fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => fs::unlinkat(folder, own_name, AtFlags::empty()).map(|()| true),
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(errno) => Err(errno),
    }
}

/// Whether a file's name is one of ours for temporaries.
pub(super) fn is_temporary(name: &str) -> bool {
    let middle = name.strip_prefix(PREFIX).and_then(|rest| rest.strip_suffix(SUFFIX));
    middle.is_some_and(|it| it.len() == 16 && it.bytes().all(|byte| byte.is_ascii_hexdigit()))
}
