//! 16-bit PCM in a RIFF file, written front to back.

use super::AudioError;
use super::pcm::Shape;

/// Bytes of the head.
pub(super) const HEAD_BYTES: u64 = 44;

/// Most bytes of samples: the RIFF chunk counts itself in 32 bits.
const MOST_DATA_BYTES: u64 = 0xffff_ffff - (HEAD_BYTES - 8);

/// The head of a file of so many frames ("Multimedia Programming Interface and Data Specifications
/// 1.0", IBM and Microsoft, 1991). Its lengths are known beforehand, so that the file can be a stream.
///
/// # Errors
/// When the frames do not fit into one file.
pub(super) fn head(shape: Shape, frames: u64) -> Result<Vec<u8>, AudioError> {
    let too_long = || AudioError::TooLong { limit: longest(shape) };
    let channels = u16::try_from(shape.channels).map_err(|_| too_long())?;
    let frame_bytes = channels * 2;
    let data = frames.saturating_mul(u64::from(frame_bytes));
    if data > MOST_DATA_BYTES {
        return Err(too_long());
    }
    let data = u32::try_from(data).map_err(|_| too_long())?;
    let mut head = Vec::with_capacity(44);
    head.extend_from_slice(b"RIFF");
    head.extend_from_slice(&(data + 36).to_le_bytes());
    head.extend_from_slice(b"WAVEfmt ");
    head.extend_from_slice(&16_u32.to_le_bytes());
    head.extend_from_slice(&1_u16.to_le_bytes());
    head.extend_from_slice(&channels.to_le_bytes());
    head.extend_from_slice(&shape.rate.to_le_bytes());
    head.extend_from_slice(&(shape.rate * u32::from(frame_bytes)).to_le_bytes());
    head.extend_from_slice(&frame_bytes.to_le_bytes());
    head.extend_from_slice(&16_u16.to_le_bytes());
    head.extend_from_slice(b"data");
    head.extend_from_slice(&data.to_le_bytes());
    Ok(head)
}

/// The samples as a file holds them.
pub(super) fn bytes(samples: &[i16]) -> impl Iterator<Item = u8> {
    samples.iter().flat_map(|sample| sample.to_le_bytes())
}

fn longest(shape: Shape) -> std::time::Duration {
    let frame_bytes = u64::try_from(shape.channels.max(1)).unwrap_or(1) * 2;
    let seconds = MOST_DATA_BYTES / (frame_bytes * u64::from(shape.rate.max(1)));
    std::time::Duration::from_secs(seconds)
}
