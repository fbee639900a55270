//! A file whose bytes go to the disk while they come.
//!
//! What is written the usual way stays in memory until somebody syncs the file. Many transfers end
//! together, then: first the processor is busy and the disk idle, and at the end it is the other way
//! round. Written directly (`O_DIRECT`), bytes are on their way to the disk at once and are copied
//! once less. `docs/performance.md` has what it gave.

use std::fs::File;
use std::io::{self, ErrorKind, Write as _};
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{self, OFlags, SeekFrom};
use rustix::io::Errno;

use crate::store::batch::ALIGNMENT;

/// A file that is written from its beginning to its end.
#[derive(Debug)]
pub(super) struct DiskFile {
    file: File,
    /// Where the next byte goes.
    at: u64,
    direct: Direct,
}

/// How bytes are written now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direct {
    No,
    Yes,
    /// The file system cannot, and is not asked again.
    Refused,
}

impl DiskFile {
    /// An empty file.
    pub(super) fn new(file: File) -> Self {
        Self { file, at: 0, direct: Direct::No }
    }

    /// Writes all of it, directly where that is possible. Only what [`sync`](Self::sync) has followed
    /// is durable.
    pub(super) fn write_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            self.choose(bytes.len())?;
            match self.file.write(bytes) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(written) => {
                    self.at += u64::try_from(written).unwrap_or(u64::MAX);
                    bytes = &bytes[written..];
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // A device with larger blocks, or an address that it cannot take.
                Err(error) if self.direct == Direct::Yes && is_invalid(&error) => {
                    self.set(OFlags::empty())?;
                    self.direct = Direct::Refused;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Forgets what was written.
    pub(super) fn clear(&mut self) -> Result<(), Errno> {
        fs::ftruncate(&self.file, 0)?;
        self.at = fs::seek(&self.file, SeekFrom::Start(0))?;
        Ok(())
    }

    /// Returns when everything is on the disk.
    pub(super) fn sync(&self) -> Result<(), Errno> {
        fs::fsync(&self.file)
    }

    /// Turns to the way in which so many bytes can be written.
    fn choose(&mut self, length: usize) -> io::Result<()> {
        let alignment = u64::try_from(ALIGNMENT).unwrap_or(u64::MAX);
        let fits = length.is_multiple_of(ALIGNMENT) && self.at.is_multiple_of(alignment);
        match (self.direct, fits) {
            (Direct::No, true) => {
                let set = self.set(OFlags::DIRECT);
                self.direct = match set {
                    Ok(()) => Direct::Yes,
                    Err(error) if is_invalid(&error) => Direct::Refused,
                    Err(error) => return Err(error),
                };
            }
            (Direct::Yes, false) => {
                self.set(OFlags::empty())?;
                self.direct = Direct::No;
            }
            _ => {}
        }
        Ok(())
    }

    /// Sets the flag, or none. The file has no other one that can be changed.
    fn set(&self, flags: OFlags) -> io::Result<()> {
        Ok(fs::fcntl_setfl(&self.file, flags)?)
    }
}

impl AsFd for DiskFile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

fn is_invalid(error: &io::Error) -> bool {
    Errno::from_io_error(error) == Some(Errno::INVAL)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;
    use crate::store::BATCH_BYTES;
    use crate::store::batch::Batch;

    /// A file of the media folder's kind, and a second way to it.
    fn file() -> (DiskFile, File) {
        let file = tempfile::NamedTempFile::new().unwrap();
        let written = File::options().write(true).open(file.path()).unwrap();
        (DiskFile::new(written), file.reopen().unwrap())
    }

    fn batch(byte: u8, length: usize) -> Batch {
        let mut batch = Batch::default();
        assert!(batch.take(&vec![byte; length]).is_empty());
        batch
    }

    fn content(mut file: File) -> Vec<u8> {
        let mut content = Vec::new();
        file.read_to_end(&mut content).unwrap();
        content
    }

    #[test]
    fn whole_batches_go_directly_and_a_files_end_does_not() {
        let (mut disk, reader) = file();
        disk.write_all(batch(1, BATCH_BYTES).as_ref()).unwrap();
        // Or the folder for temporary files is on a file system that cannot.
        let can = disk.direct;
        assert!(matches!(can, Direct::Yes | Direct::Refused));
        disk.write_all(batch(2, BATCH_BYTES).as_ref()).unwrap();
        assert_eq!(disk.direct, can);
        disk.write_all(batch(3, 5).as_ref()).unwrap();
        assert_ne!(disk.direct, Direct::Yes);
        // What comes after an end that was none is no multiple of anything.
        disk.write_all(batch(4, BATCH_BYTES).as_ref()).unwrap();
        assert_ne!(disk.direct, Direct::Yes);
        disk.sync().unwrap();
        let expected = [&[1; BATCH_BYTES][..], &[2; BATCH_BYTES], &[3; 5], &[4; BATCH_BYTES]];
        assert!(content(reader) == expected.concat());
    }

    #[test]
    fn what_a_device_cannot_take_directly_is_written_all_the_same() {
        let (mut disk, reader) = file();
        let bytes = batch(7, BATCH_BYTES);
        // An address that no device takes.
        let odd = &bytes.as_ref()[1..=ALIGNMENT];
        disk.write_all(odd).unwrap();
        // Nor is it tried again.
        let after = disk.direct;
        disk.write_all(odd).unwrap();
        assert_eq!(disk.direct, after);
        disk.sync().unwrap();
        assert_eq!(content(reader), [7; 2 * ALIGNMENT]);
    }

    #[test]
    fn it_begins_again_as_at_first() {
        let (mut disk, reader) = file();
        disk.write_all(batch(1, BATCH_BYTES).as_ref()).unwrap();
        let first = disk.direct;
        disk.write_all(b"end").unwrap();
        disk.clear().unwrap();
        disk.write_all(batch(2, BATCH_BYTES).as_ref()).unwrap();
        assert_eq!(disk.direct, first);
        assert!(content(reader) == [2; BATCH_BYTES]);
    }
}
