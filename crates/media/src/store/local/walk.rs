//! Walking a media folder without following a link.

use rustix::fd::AsFd;
use rustix::fs::{self, AtFlags, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::beneath::Folder;
use super::{file_info, temporary};
use crate::store::listing::{FileInfo, Listing, MAX_WALKED};
use crate::store::name::MAX_PARTS;
use crate::store::{SafeName, StoreError};

/// Files that a listing wants, in no order.
pub(super) fn list(folder: &Folder, listing: &Listing) -> Result<Vec<FileInfo>, StoreError> {
    let mut found = Vec::new();
    let depth = if listing.goes_deeper() { MAX_PARTS } else { 1 };
    let mut left = MAX_WALKED;
    let whole = walk(folder, "", depth, &mut left, &mut |at, folder, part| {
        let Some(name) = SafeName::listed(folder, part).filter(|name| listing.wants(name)) else {
            return;
        };
        // A file that has gone since, or is none, is not listed.
        if let Ok(stat) = fs::statat(at, part, AtFlags::SYMLINK_NOFOLLOW)
            && FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
        {
            found.push(file_info(name, &stat));
        }
    });
    match whole {
        Ok(true) => Ok(found),
        Ok(false) => Err(StoreError::Query(format!(
            "the folder holds more than {MAX_WALKED} files; use a pattern without '**'"
        ))),
        Err(errno) => Err(StoreError::from_errno(errno, "the media folder")),
    }
}

/// Removes temporaries whose writers are gone, and says how many. What cannot be removed is left
/// for the next time: it is in nobody's way.
pub(super) fn sweep(folder: &Folder) -> usize {
    let mut swept = 0;
    let mut left = MAX_WALKED;
    let walked = walk(folder, "", MAX_PARTS, &mut left, &mut |at, _, part| {
        if temporary::is_temporary(part) {
            match temporary::sweep(&at, part) {
                Ok(true) => swept += 1,
                Ok(false) | Err(Errno::NOENT) => {}
                Err(error) => {
                    tracing::warn!(%error, name = part, "a temporary file cannot be removed");
                }
            }
        }
    });
    if let Err(error) = walked {
        tracing::warn!(%error, "the media folder cannot be searched for temporary files");
    }
    swept
}

/// Calls `visit` with every entry that may be a file, and its folder. `false` when `left`, the
/// entries that may still be looked at, ran out.
fn walk<Fd: AsFd>(
    at: &Fd,
    folder: &str,
    depth: usize,
    left: &mut usize,
    visit: &mut dyn FnMut(rustix::fd::BorrowedFd<'_>, &str, &str),
) -> Result<bool, Errno> {
    let mut entries = Dir::read_from(at)?;
    while let Some(entry) = entries.read() {
        let entry = entry?;
        let Ok(part) = entry.file_name().to_str() else { continue };
        if part == "." || part == ".." {
            continue;
        }
        if *left == 0 {
            return Ok(false);
        }
        *left -= 1;
        let kind = match entry.file_type() {
            // Not every file system tells.
            FileType::Unknown => fs::statat(at, part, AtFlags::SYMLINK_NOFOLLOW)
                .map_or(FileType::Unknown, |stat| FileType::from_raw_mode(stat.st_mode)),
            kind => kind,
        };
        match kind {
            FileType::RegularFile => visit(at.as_fd(), folder, part),
            FileType::Directory if depth > 1 && !part.starts_with('.') => {
                let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                // A folder that has gone, or that is closed to us, holds nothing for us.
                let Ok(inner) = fs::openat(at, part, flags, Mode::empty()) else { continue };
                let name = match folder {
                    "" => part.to_owned(),
                    folder => format!("{folder}/{part}"),
                };
                if !walk(&inner, &name, depth - 1, left, visit)? {
                    return Ok(false);
                }
            }
            _ => {}
        }
    }
    Ok(true)
}
