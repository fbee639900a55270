//! Bytes without meaning that fill a file up to an exact length.

use std::sync::OnceLock;

use bytes::Bytes;
use rand::{Rng as _, SeedableRng as _};
use rand_pcg::Pcg64;

/// Length of the block that all padding of a process is cut from: so much memory, once, however
/// many files are being sent.
const BLOCK_BYTES: usize = 4 * 1024 * 1024;

/// By so much each repetition of the block is turned, so that two pieces of one file are alike
/// at no distance that a client's buffers could have. A prime.
const TURN_BYTES: u64 = 1_000_003;

/// The padding's bytes from position `at` on: at least one, at most `most`. They depend on the
/// position alone.
pub(crate) fn piece(at: u64, most: usize) -> Bytes {
    let block = block();
    let length = u64::try_from(block.len()).unwrap_or(u64::MAX);
    let (round, within) = (at / length, at % length);
    let start = (within + round % length * TURN_BYTES) % length;
    // Up to the end of this round, or of the block.
    let left = length - within.max(start);
    let left = usize::try_from(left).unwrap_or(usize::MAX);
    let start = usize::try_from(start).unwrap_or(0);
    block.slice(start..start + left.min(most))
}

fn block() -> &'static Bytes {
    static BLOCK: OnceLock<Bytes> = OnceLock::new();
    BLOCK.get_or_init(|| {
        let mut block = vec![0; BLOCK_BYTES];
        Pcg64::seed_from_u64(0).fill_bytes(&mut block);
        block.into()
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn collect(mut at: u64, length: usize, most: usize) -> Vec<u8> {
        let mut all = Vec::new();
        while all.len() < length {
            let piece = piece(at, most.min(length - all.len()));
            assert!(!piece.is_empty());
            at += u64::try_from(piece.len()).unwrap();
            all.extend_from_slice(&piece);
        }
        all
    }

    proptest! {
        #[test]
        fn the_padding_is_the_same_in_pieces_of_any_size(
            at in 0u64..40_000_000, most in 1usize..100_000,
        ) {
            let length = 200_000;
            prop_assert_eq!(collect(at, length, most), collect(at, length, length));
        }
    }

    #[test]
    fn pieces_at_different_places_differ() {
        let length = u64::try_from(BLOCK_BYTES).unwrap();
        let pieces: std::collections::HashSet<Vec<u8>> =
            (0..64).map(|index| collect(index * length / 4, 4096, 4096)).collect();
        assert_eq!(pieces.len(), 64);
    }
}
