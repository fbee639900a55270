//! One sound file made into another.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::time::Duration;

use symphonia::core::io::MediaSource;

use super::output::Output;
use super::pcm::{Pcm, Shape};
use super::{AudioError, Container, Encoder, probe, wav};
use crate::pool::Stop;

/// How a sound is made small: one channel at this rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compression {
    /// Frames a second.
    pub sample_rate: u32,
    /// Kilobits a second of MP3; none for WAV.
    pub kilobits: Option<u32>,
}

/// Bit rates of MP3 for one channel, each with a sample rate that suits it: the first that is small
/// enough is taken. 128 kbit/s cannot be told from the original, at 24 and less speech is all that
/// is left to understand. (ISO/IEC 13818-3 has 8 to 160 kbit/s up to 24 kHz.)
const MP3_STEPS: [(u32, u32); 8] = [
    (128, 44_100),
    (96, 44_100),
    (64, 24_000),
    (48, 24_000),
    (32, 24_000),
    (24, 16_000),
    (16, 16_000),
    (8, 8_000),
];

/// Sample rates of WAV, likewise.
const WAV_STEPS: [u32; 4] = [44_100, 24_000, 16_000, 8_000];

/// What a file may be longer than its bit rate says: frames of MP3 are whole, and a decoder's delay
/// is filled up.
const SLACK_BYTES: u64 = 4 * 1024;

/// How a sound of this length fits into so many bytes.
///
/// # Errors
/// [`AudioError::CannotFit`] when it does not.
pub fn compression(
    duration: Duration,
    max_bytes: u64,
    container: Container,
) -> Result<Compression, AudioError> {
    let room = max_bytes.saturating_sub(SLACK_BYTES);
    let fits = |bits_per_s: u32| bytes_of(duration, bits_per_s) <= room;
    let found = match container {
        Container::Mp3 => {
            let step = MP3_STEPS.into_iter().find(|(kilobits, _)| fits(kilobits * 1_000));
            step.map(|(kilobits, sample_rate)| Compression {
                sample_rate,
                kilobits: Some(kilobits),
            })
        }
        Container::Wav => {
            let rate = WAV_STEPS.into_iter().find(|rate| fits(rate * 16));
            rate.map(|sample_rate| Compression { sample_rate, kilobits: None })
        }
    };
    found.ok_or(AudioError::CannotFit { duration, max_bytes, container })
}

fn bytes_of(duration: Duration, bits_per_s: u32) -> u64 {
    let bits = duration.as_nanos() * u128::from(bits_per_s) / 1_000_000_000;
    u64::try_from(bits.div_ceil(8)).unwrap_or(u64::MAX)
}

/// Writes the sound of a file in another container, at its own rate and channels as far as that
/// container has them. Returns the bytes written.
///
/// # Errors
/// When the file holds no sound, is damaged or too long; when an encoder is missing or fails; when
/// nobody takes the output or the work was stopped.
pub fn convert(
    source: impl MediaSource,
    name: &str,
    container: Container,
    encoder: &Encoder,
    output: Output,
    stop: &Stop,
) -> Result<u64, AudioError> {
    match container {
        Container::Wav => write_wav(source, name, |own| own, output, stop),
        Container::Mp3 => write_mp3(source, name, encoder, playable, bit_rate, output, stop),
    }
}

/// Writes the sound of a file in one channel, as small as `compression` says. Returns the bytes
/// written.
///
/// # Errors
/// As [`convert`].
pub fn compress(
    source: impl MediaSource,
    name: &str,
    compression: Compression,
    encoder: &Encoder,
    output: Output,
    stop: &Stop,
) -> Result<u64, AudioError> {
    let shape = |own: Shape| match compression.kilobits {
        // Nothing is gained by frames that were not there. MP3 has the rates of its steps only.
        None => Shape { rate: own.rate.min(compression.sample_rate), channels: 1 },
        Some(_) => Shape { rate: compression.sample_rate, channels: 1 },
    };
    match compression.kilobits {
        None => write_wav(source, name, shape, output, stop),
        Some(kilobits) => write_mp3(source, name, encoder, shape, |_| kilobits, output, stop),
    }
}

/// WAV says its length at its beginning. The length is counted from the packets first, and where
/// the decoder then differs (a damaged packet, a codec's first frame), silence fills up and a surplus
/// is cut, so that the file is always whole.
fn write_wav(
    mut source: impl MediaSource,
    name: &str,
    shape: impl FnOnce(Shape) -> Shape,
    mut output: Output,
    stop: &Stop,
) -> Result<u64, AudioError> {
    let shape = Pcm::open(Borrowed(&mut source), name, shape)?.shape();
    source.seek(SeekFrom::Start(0))?;
    let frames = probe::frames(Borrowed(&mut source), name, shape.rate)?;
    source.seek(SeekFrom::Start(0))?;
    let mut pcm = Pcm::open(Borrowed(&mut source), name, |_| shape)?;
    output.write_all(&wav::head(shape, frames)?).map_err(closed)?;
    let channels = u64::try_from(shape.channels).unwrap_or(1);
    let mut left = frames * channels;
    let (mut samples, mut bytes) = (Vec::new(), Vec::new());
    loop {
        samples.clear();
        if !pcm.read(&mut samples, stop)? {
            break;
        }
        samples.truncate(usize::try_from(left).unwrap_or(usize::MAX));
        left -= u64::try_from(samples.len()).unwrap_or(left);
        bytes.clear();
        bytes.extend(wav::bytes(&samples));
        output.write_all(&bytes).map_err(closed)?;
    }
    io::copy(&mut io::repeat(0).take(left * 2), &mut output).map_err(closed)?;
    output.finish().map_err(closed)
}

fn write_mp3(
    source: impl MediaSource,
    name: &str,
    encoder: &Encoder,
    shape: impl FnOnce(Shape) -> Shape,
    kilobits: impl FnOnce(Shape) -> u32,
    mut output: Output,
    stop: &Stop,
) -> Result<u64, AudioError> {
    let pcm = Pcm::open(source, name, shape)?;
    let kilobits = kilobits(pcm.shape());
    encoder.encode(pcm, kilobits, &mut output, stop)?;
    output.finish().map_err(closed)
}

/// The nearest shape that MP3 has (ISO/IEC 11172-3 and 13818-3): up to two channels, nine rates.
fn playable(own: Shape) -> Shape {
    const RATES: [u32; 9] = [48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000];
    let rate = RATES.into_iter().find(|&rate| rate <= own.rate).unwrap_or(8_000);
    Shape { rate, channels: if own.channels <= 2 { own.channels } else { 1 } }
}

/// Kilobits a second at which a conversion cannot be heard, for each channel.
fn bit_rate(shape: Shape) -> u32 {
    let each = match shape.rate {
        32_000.. => 96,
        16_000.. => 48,
        _ => 32,
    };
    each * u32::try_from(shape.channels).unwrap_or(1)
}

/// An output that nobody takes is work that nobody waits for.
fn closed(error: io::Error) -> AudioError {
    match error.kind() {
        io::ErrorKind::BrokenPipe => AudioError::Stopped,
        _ => AudioError::Io(error),
    }
}

/// A source that comes back.
struct Borrowed<'a, S>(&'a mut S);

impl<S: MediaSource> Read for Borrowed<'_, S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl<S: MediaSource> Seek for Borrowed<'_, S> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

impl<S: MediaSource> MediaSource for Borrowed<'_, S> {
    fn is_seekable(&self) -> bool {
        self.0.is_seekable()
    }

    fn byte_len(&self) -> Option<u64> {
        self.0.byte_len()
    }
}
