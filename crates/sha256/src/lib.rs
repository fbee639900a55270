//! SHA-256 (FIPS 180-4) of many byte streams side by side.
//!
//! One stream cannot be hashed with wide registers: every step needs the one before. Sixteen streams
//! can, each in a lane of its own, for hardly more time than one of them takes. A server that
//! receives many files at once has such streams, so [`update_together`] takes the next bytes of all
//! of them. Where the processor has instructions for SHA-256, or no wide registers, each goes on
//! alone: [`Engine::of_this_machine`].
//!
//! The digests are the same on every way, which the tests hold against ring's.

mod blocks;
mod constants;
#[cfg(target_arch = "x86_64")]
mod lanes;
mod together;

#[cfg(test)]
mod tests;

use std::fmt;

pub use self::together::{Engine, update_together, update_together_with};

use self::constants::INITIAL;

/// Bytes of a block, the unit in which SHA-256 works.
pub const BLOCK_BYTES: usize = 64;

/// A SHA-256 under way.
#[derive(Clone)]
pub struct Hasher {
    /// What the whole blocks so far have come to.
    state: [u32; 8],
    /// The beginning of a block that is not whole yet.
    begun: [u8; BLOCK_BYTES],
    /// How much of it there is: less than a block.
    begun_bytes: usize,
    /// All bytes so far.
    bytes: u64,
}

impl Hasher {
    /// Begins.
    #[must_use]
    pub fn new() -> Self {
        Self { state: INITIAL, begun: [0; BLOCK_BYTES], begun_bytes: 0, bytes: 0 }
    }

    /// Takes the next bytes of this stream alone.
    pub fn update(&mut self, bytes: &[u8]) {
        let whole = self.take_edges(bytes);
        together::compress(&mut self.state, whole);
    }

    /// The digest of all that was taken.
    #[must_use]
    pub fn finish(mut self) -> [u8; 32] {
        let bits = self.bytes.wrapping_mul(8);
        // FIPS 180-4, 5.1.1: a one bit, zeros, and the length in bits at the end of a block.
        let mut padding = [0; 2 * BLOCK_BYTES];
        padding[0] = 0x80;
        let zeros_end = if self.begun_bytes < 56 { 56 } else { 56 + BLOCK_BYTES };
        let length = zeros_end - self.begun_bytes;
        padding[length..length + 8].copy_from_slice(&bits.to_be_bytes());
        self.update(&padding[..length + 8]);
        let mut digest = [0; 32];
        for (out, word) in digest.chunks_exact_mut(4).zip(self.state) {
            out.copy_from_slice(&word.to_be_bytes());
        }
        digest
    }

    /// Takes what completes the block that is begun, and keeps what begins the next one. What is
    /// between them, whole blocks, is left for the caller to hash.
    fn take_edges<'a>(&mut self, bytes: &'a [u8]) -> &'a [[u8; BLOCK_BYTES]] {
        self.bytes = self.bytes.wrapping_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        let missing = (BLOCK_BYTES - self.begun_bytes) % BLOCK_BYTES;
        let (first, rest) = bytes.split_at(missing.min(bytes.len()));
        self.keep(first);
        if self.begun_bytes == BLOCK_BYTES {
            blocks::compress(&mut self.state, &[self.begun]);
            self.begun_bytes = 0;
        }
        let (whole, last) = rest.as_chunks();
        self.keep(last);
        whole
    }

    fn keep(&mut self, bytes: &[u8]) {
        let end = self.begun_bytes + bytes.len();
        self.begun[self.begun_bytes..end].copy_from_slice(bytes);
        self.begun_bytes = end;
    }
}

impl Default for Hasher {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Hasher").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

/// The digest of bytes that are all there.
#[must_use]
pub fn digest(bytes: &[u8]) -> [u8; 32] {
    let mut hasher = Hasher::new();
    hasher.update(bytes);
    hasher.finish()
}
