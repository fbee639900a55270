//! A file's size and digests, read from where it landed.

use std::fmt::{self, Write as _};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use md5::{Digest as _, Md5};
use ring::digest::{Context, SHA256};

/// How much is read at once: large enough that reading is no cost beside hashing.
pub const READ_BYTES: usize = 256 * 1024;

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// Its size.
    pub bytes: u64,
    /// Its MD5, in lower-case hexadecimal digits.
    pub md5: String,
    /// Its SHA-256, in lower-case hexadecimal digits.
    pub sha256: String,
}

/// Takes a file's bytes as they come.
#[derive(Clone)]
pub struct Hasher {
    bytes: u64,
    md5: Md5,
    sha256: Context,
}

impl Default for Hasher {
    fn default() -> Self {
        Self { bytes: 0, md5: Md5::new(), sha256: Context::new(&SHA256) }
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Hasher").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl Hasher {
    /// Takes the next bytes.
    pub fn push(&mut self, data: &[u8]) {
        self.bytes += u64::try_from(data.len()).unwrap_or(u64::MAX);
        self.md5.update(data);
        self.sha256.update(data);
    }

    /// What came.
    #[must_use]
    pub fn contents(self) -> Contents {
        Contents {
            bytes: self.bytes,
            md5: hex(&self.md5.finalize()),
            sha256: hex(self.sha256.finish().as_ref()),
        }
    }
}

/// Reads a whole file. Blocks: for threads made for it.
///
/// # Errors
/// As the operating system says.
pub fn read_back(path: &Path) -> io::Result<Contents> {
    let mut file = File::open(path)?;
    let mut hasher = Hasher::default();
    let mut buffer = vec![0; READ_BYTES];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(hasher.contents()),
            Ok(read) => hasher.push(&buffer[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn hex(digest: &[u8]) -> String {
    digest.iter().fold(String::with_capacity(digest.len() * 2), |mut text, byte| {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_the_standards() {
        // RFC 1321, A.5, and FIPS 180-2, B.1: both of "abc".
        let mut hasher = Hasher::default();
        hasher.push(b"a");
        hasher.push(b"bc");
        let contents = hasher.contents();
        assert_eq!(contents.bytes, 3);
        assert_eq!(contents.md5, "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(
            contents.sha256,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn a_file_longer_than_the_buffer_is_read_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let bytes = vec![7; READ_BYTES * 2 + 3];
        std::fs::write(&path, &bytes).unwrap();
        let mut hasher = Hasher::default();
        hasher.push(&bytes);
        assert_eq!(read_back(&path).unwrap(), hasher.contents());
        assert!(read_back(&folder.path().join("b")).is_err());
    }
}
