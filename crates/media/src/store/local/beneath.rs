//! Names resolved by the kernel, beneath a folder and without any symbolic link.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{self, FileType, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;

use crate::store::{SafeName, StoreError};

/// How every name is resolved: at no step may it leave the folder or follow a link, be it one of
/// `/proc`. The kernel checks while it opens, so there is no moment between check and use.
const BENEATH: ResolveFlags =
    ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS).union(ResolveFlags::NO_MAGICLINKS);

/// An open folder whose renames can be made to survive a loss of power.
#[derive(Debug)]
pub(super) struct Folder {
    fd: OwnedFd,
    /// Renames so far.
    renames: AtomicU64,
    /// How many of them are known to be on the disk.
    synced: Mutex<u64>,
}

impl Folder {
    fn new(fd: OwnedFd) -> Arc<Self> {
        Arc::new(Self { fd, renames: AtomicU64::new(0), synced: Mutex::new(0) })
    }

    /// Opens the media folder itself. It must not be a link; the way to it may have some.
    pub(super) fn open_base(path: &Path) -> Result<Arc<Self>, StoreError> {
        let refuse = |reason: &str| StoreError::Folder {
            folder: path.display().to_string(),
            reason: reason.to_owned(),
        };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = fs::open(path, flags, Mode::empty()).map_err(|errno| match errno {
            Errno::NOENT => refuse("there is no such folder; make it first"),
            // Linux says NOTDIR, not LOOP, for a link when a folder is asked for.
            Errno::NOTDIR | Errno::LOOP => refuse("it is a link or no folder; name a real folder"),
            errno => refuse(&errno.to_string()),
        })?;
        fs::openat2(&fd, ".", OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), BENEATH).map_err(
            |errno| match errno {
                Errno::NOSYS | Errno::PERM => {
                    refuse("the kernel does not offer openat2 here; Linux 5.6 and later do")
                }
                errno => refuse(&errno.to_string()),
            },
        )?;
        Ok(Self::new(fd))
    }

    /// Opens the folder in which the file of this name is or will be.
    pub(super) fn open_parent(self: &Arc<Self>, name: &SafeName) -> Result<Arc<Self>, StoreError> {
        let Some(folder) = name.folder() else { return Ok(Arc::clone(self)) };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        match fs::openat2(&self.fd, folder, flags, Mode::empty(), BENEATH) {
            Ok(fd) => Ok(Self::new(fd)),
            Err(Errno::NOENT | Errno::NOTDIR) => Err(StoreError::NoFolder(folder.to_owned())),
            Err(errno) => Err(StoreError::from_errno(errno, folder)),
        }
    }

    /// Opens a regular file for reading.
    pub(super) fn open_file(&self, name: &SafeName) -> Result<(File, Stat), StoreError> {
        // Without NONBLOCK, opening a pipe would wait for a writer for ever.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let fail = |errno| StoreError::from_errno(errno, name.as_str());
        let fd =
            fs::openat2(&self.fd, name.as_str(), flags, Mode::empty(), BENEATH).map_err(fail)?;
        let stat = fs::fstat(&fd).map_err(fail)?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Ok((File::from(fd), stat)),
            _ => Err(StoreError::NotAFile(name.as_str().to_owned())),
        }
    }

    /// What stands under the name of a new file, which must not be a link or something odd.
    pub(super) fn look(&self, name: &SafeName) -> Result<Option<Stat>, StoreError> {
        let found = fs::statat(&self.fd, name.file_name(), fs::AtFlags::SYMLINK_NOFOLLOW);
        let stat = match found {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(StoreError::from_errno(errno, name.as_str())),
        };
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Ok(Some(stat)),
            FileType::Symlink => Err(StoreError::Symlink(name.as_str().to_owned())),
            _ => Err(StoreError::NotAFile(name.as_str().to_owned())),
        }
    }

    /// Counts a rename that has just been made, for [`Folder::sync`].
    pub(super) fn renamed(&self) -> u64 {
        self.renames.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// Makes the rename of this number survive a loss of power. Many writers share one `fsync`:
    /// whoever waited for another's finds that it covered the own rename as well.
    pub(super) fn sync(&self, rename: u64) -> Result<(), Errno> {
        let mut synced = self.synced.lock().unwrap_or_else(PoisonError::into_inner);
        if *synced < rename {
            let covered = self.renames.load(Ordering::SeqCst);
            fs::fsync(&self.fd)?;
            *synced = covered;
        }
        Ok(())
    }
}

impl AsFd for Folder {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
