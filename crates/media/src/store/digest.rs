//! The digests of a file, computed while it is written.

use std::fmt;

use md5::Digest as _;
use sha256::Engine;

/// The SHA-256 of a file's bytes. Shown as 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sha256(pub [u8; 32]);

/// The MD5 of a file's bytes, only to compare with other tools' reports. Shown as 32 lower-case
/// hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Md5(pub [u8; 16]);

/// Computes the digests of what passes by.
///
#[derive(Clone)]
pub(crate) struct Hasher {
    sha256: sha256::Hasher,
    md5: Option<md5::Md5>,
}

impl Hasher {
    /// Begins. MD5 costs about three times what SHA-256 costs, so it is only computed on request.
    pub(crate) fn new(with_md5: bool) -> Self {
        Self { sha256: sha256::Hasher::new(), md5: with_md5.then(md5::Md5::new) }
    }

    #[cfg(test)]
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        update_together(&mut [(self, bytes)]);
    }

    pub(crate) fn finish(self) -> (Sha256, Option<Md5>) {
        (Sha256(self.sha256.finish()), self.md5.map(|md5| Md5(md5.finalize().into())))
    }
}

/// How many files' bytes [`update_together`] should be given at once on this machine.
pub(crate) fn together() -> usize {
    Engine::of_this_machine().width()
}

/// Takes the next bytes of each file.
pub(crate) fn update_together(files: &mut [(&mut Hasher, &[u8])]) {
    for (hasher, bytes) in files.iter_mut() {
        if let Some(md5) = &mut hasher.md5 {
            md5.update(bytes);
        }
    }
    let mut files: Vec<_> =
        files.iter_mut().map(|(hasher, bytes)| (&mut hasher.sha256, *bytes)).collect();
    sha256::update_together(&mut files);
}

impl fmt::Debug for Hasher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Hasher").field("md5", &self.md5.is_some()).finish_non_exhaustive()
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(&self.0, formatter)
    }
}

impl fmt::Display for Md5 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(&self.0, formatter)
    }
}

fn hex(bytes: &[u8], formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_the_published_test_vectors() {
        // FIPS 180-2, appendix B.1, and RFC 1321, appendix A.5: the message "abc".
        let mut hasher = Hasher::new(true);
        hasher.update(b"a");
        hasher.update(b"bc");
        let (sha256, md5) = hasher.finish();
        assert_eq!(
            sha256.to_string(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(md5.unwrap().to_string(), "900150983cd24fb0d6963f7d28e17f72");
        assert!(Hasher::new(false).finish().1.is_none());
    }
}
