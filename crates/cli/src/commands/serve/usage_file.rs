//! The file of the usage log, which others may rotate.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A file that is appended to under its name: when that has been moved away or removed, a new one is
/// begun. So `logrotate` needs no signal, and no line goes where nobody looks any more.
#[derive(Debug)]
pub(super) struct UsageFile {
    path: PathBuf,
    file: File,
}

impl UsageFile {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { file: append_to(path)?, path: path.to_owned() })
    }

    /// Whether the name still stands for the open file.
    fn is_current(&self) -> bool {
        let identity = |found: fs::Metadata| (found.dev(), found.ino());
        match (fs::metadata(&self.path), self.file.metadata()) {
            (Ok(named), Ok(open)) => identity(named) == identity(open),
            _ => false,
        }
    }
}

/// Whether such a file can be, without making it.
pub(super) fn check(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if !fs::metadata(folder.unwrap_or(Path::new(".")))?.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    if path.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    Ok(())
}

fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

impl Write for UsageFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.is_current() {
            self.file = append_to(&self.path)?;
        }
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_rotation_lines_go_to_a_new_file_of_the_name() {
        let folder = tempfile::tempdir().unwrap();
        let (path, moved) = (folder.path().join("usage.jsonl"), folder.path().join("usage.1"));
        let mut file = UsageFile::open(&path).unwrap();
        file.write_all(b"a\n").unwrap();
        fs::rename(&path, &moved).unwrap();
        file.write_all(b"b\n").unwrap();
        fs::remove_file(&path).unwrap();
        file.write_all(b"c\n").unwrap();
        let read = |path: &Path| fs::read_to_string(path).unwrap();
        assert_eq!((read(&moved), read(&path)), ("a\n".to_owned(), "c\n".to_owned()));
    }

    #[test]
    fn a_place_where_no_file_can_be_is_found_before_the_start() {
        let folder = tempfile::tempdir().unwrap();
        assert!(check(&folder.path().join("usage.jsonl")).is_ok());
        assert!(check(Path::new("usage.jsonl")).is_ok());
        assert!(check(&folder.path().join("missing/usage.jsonl")).is_err());
        assert!(check(folder.path()).is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is made");
    }
}
