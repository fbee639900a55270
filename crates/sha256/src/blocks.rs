//! One stream, block by block.

use crate::BLOCK_BYTES;

/// Hashes whole blocks of one stream, with the processor's instructions for it where it has them.
pub(crate) fn compress(state: &mut [u32; 8], blocks: &[[u8; BLOCK_BYTES]]) {
    sha2::block_api::compress256(state, blocks);
}
