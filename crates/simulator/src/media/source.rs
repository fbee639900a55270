//! Where the bytes of a file come from, by position: no file is ever in memory as a whole unless
//! it is small.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use md5::{Digest as _, Md5};
use ring::digest::{Context, SHA256};
use serde::Serialize;

use super::padding;

/// A file's bytes.
pub(crate) trait Source: Send + Sync {
    /// How many there are.
    fn length(&self) -> u64;

    /// Those from position `at` on, which is before the end: at least one, at most `most`.
    fn piece(&self, at: u64, most: usize) -> Bytes;
}

impl Source for Bytes {
    fn length(&self) -> u64 {
        u64::try_from(self.len()).unwrap_or(u64::MAX)
    }

    fn piece(&self, at: u64, most: usize) -> Bytes {
        let at = usize::try_from(at).unwrap_or(usize::MAX).min(self.len());
        self.slice(at..at.saturating_add(most).min(self.len()))
    }
}

/// Some bytes with padding before and behind them.
#[derive(Debug, Clone)]
pub(crate) struct Padded {
    /// The file's beginning.
    pub(crate) head: Bytes,
    /// Bytes of padding that follow it.
    pub(crate) before: u64,
    /// What follows them.
    pub(crate) body: Bytes,
    /// Bytes of padding at the end.
    pub(crate) after: u64,
}

impl Padded {
    /// Where the body begins.
    fn body_at(&self) -> u64 {
        self.head.length() + self.before
    }

    /// The digests' state at the beginning of the body. Takes time in proportion to the padding.
    pub(crate) fn hash_to_body(&self) -> Hasher {
        let mut hasher = Hasher::default();
        hasher.push_range(self, 0, self.body_at());
        hasher
    }

    /// Digests of all bytes, from the state at the beginning of the body.
    pub(crate) fn digests_from_body(&self, mut hasher: Hasher) -> Digests {
        hasher.push_range(self, self.body_at(), self.length());
        hasher.digests()
    }
}

impl Source for Padded {
    fn length(&self) -> u64 {
        self.body_at() + self.body.length() + self.after
    }

    fn piece(&self, at: u64, most: usize) -> Bytes {
        let body_at = self.body_at();
        let after_at = body_at + self.body.length();
        let up_to = |end: u64| most.min(usize::try_from(end - at).unwrap_or(usize::MAX));
        if at < self.head.length() {
            self.head.piece(at, most)
        } else if at < body_at {
            padding::piece(at - self.head.length(), up_to(body_at))
        } else if at < after_at {
            self.body.piece(at - body_at, most)
        } else {
            padding::piece(at - after_at, up_to(self.length()))
        }
    }
}

/// A file's digests, in lower-case hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Digests {
    pub(crate) md5: String,
    pub(crate) sha256: String,
}

/// Both digests on their way through a file.
#[derive(Clone)]
pub(crate) struct Hasher {
    md5: Md5,
    sha256: Context,
}

impl Default for Hasher {
    fn default() -> Self {
        Self { md5: Md5::new(), sha256: Context::new(&SHA256) }
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Hasher").finish_non_exhaustive()
    }
}

impl Hasher {
    fn push_range(&mut self, source: &dyn Source, mut at: u64, end: u64) {
        while at < end {
            let most = usize::try_from(end - at).unwrap_or(usize::MAX);
            let piece = source.piece(at, most);
            self.md5.update(&piece);
            self.sha256.update(&piece);
            at += piece.length();
        }
    }

    fn digests(self) -> Digests {
        Digests { md5: hex(&self.md5.finalize()), sha256: hex(self.sha256.finish().as_ref()) }
    }
}

/// Digests of a whole file. Takes time in proportion to its length.
pub(crate) fn digests(source: &dyn Source) -> Digests {
    let mut hasher = Hasher::default();
    hasher.push_range(source, 0, source.length());
    hasher.digests()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A file that can be sent many times at once.
pub(crate) type Shareable = Arc<dyn Source>;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn collect(source: &dyn Source, most: usize) -> Vec<u8> {
        let mut all = Vec::new();
        while all.length() < source.length() {
            let piece = source.piece(all.length(), most);
            assert!((1..=most).contains(&piece.len()));
            all.extend_from_slice(&piece);
        }
        all
    }

    impl Source for Vec<u8> {
        fn length(&self) -> u64 {
            u64::try_from(self.len()).unwrap()
        }

        fn piece(&self, _at: u64, _most: usize) -> Bytes {
            unreachable!("only its length is asked for")
        }
    }

    fn padded(before: u64, after: u64) -> Padded {
        let (head, body) = (Bytes::from_static(b"head"), Bytes::from_static(b"the body"));
        Padded { head, before, body, after }
    }

    proptest! {
        #[test]
        fn a_file_is_the_same_in_pieces_of_any_size(
            before in 0u64..5000, after in 0u64..5000, most in 1usize..3000,
        ) {
            let file = padded(before, after);
            let all = collect(&file, most);
            prop_assert_eq!(all.length(), file.length());
            prop_assert_eq!(&all, &collect(&file, usize::MAX));
        }

        #[test]
        fn digests_can_be_begun_once_for_many_files(before in 0u64..5000) {
            let (one, other) = (padded(before, 7), padded(before, 7));
            let begun = one.hash_to_body();
            prop_assert_eq!(other.digests_from_body(begun), digests(&other));
        }
    }

    #[test]
    fn digests_are_those_of_the_standards() {
        let found = digests(&Bytes::from_static(b"abc"));
        assert_eq!(found.md5, "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(
            found.sha256,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
