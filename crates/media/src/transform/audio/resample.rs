//! From one sample rate to another, chunk by chunk.

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Indexing, Resampler as _};

use super::AudioError;

/// Frames that go through the transform at once: some 20 ms of sound, the library's own suggestion.
const CHUNK_FRAMES: usize = 1_024;

/// A resampler whose output has exactly the length of the input times the ratio, rounded up, and
/// starts where the input starts.
pub(super) struct Resampler {
    transform: Fft<f32>,
    from: u32,
    to: u32,
    channels: usize,
    /// Input that does not fill a chunk yet.
    waiting: Vec<f32>,
    /// One chunk of output.
    chunk: Vec<f32>,
    frames_in: u64,
    frames_out: u64,
    /// Frames of the transform's own delay that are still to be left out.
    delay: usize,
}

impl Resampler {
    pub(super) fn new(from: u32, to: u32, channels: usize) -> Result<Self, AudioError> {
        let whole = |rate: u32| usize::try_from(rate).map_err(refused);
        let transform =
            Fft::new(whole(from)?, whole(to)?, CHUNK_FRAMES, channels, FixedSync::Input)
                .map_err(refused)?;
        Ok(Self {
            from,
            to,
            channels,
            waiting: Vec::new(),
            chunk: vec![0.0; transform.output_frames_max() * channels],
            frames_in: 0,
            frames_out: 0,
            delay: transform.output_delay(),
            transform,
        })
    }

    /// Takes interleaved samples, and puts what they make behind `output`.
    pub(super) fn push(
        &mut self,
        samples: &[f32],
        output: &mut Vec<f32>,
    ) -> Result<(), AudioError> {
        self.frames_in += count(samples.len() / self.channels);
        self.waiting.extend_from_slice(samples);
        let mut start = 0;
        loop {
            let needed = self.transform.input_frames_next() * self.channels;
            let Some(input) = self.waiting.get(start..start + needed) else { break };
            let made = process(&mut self.transform, input, self.channels, None, &mut self.chunk)?;
            start += needed;
            self.keep(made, output);
        }
        self.waiting.drain(..start);
        Ok(())
    }

    /// The end of the input: puts the rest behind `output`.
    pub(super) fn finish(&mut self, output: &mut Vec<f32>) -> Result<(), AudioError> {
        let due = frames_after(self.frames_in, self.from, self.to);
        let mut left = std::mem::take(&mut self.waiting);
        while self.frames_out < due {
            let partial = Indexing::new().partial_len(left.len() / self.channels);
            let needed = self.transform.input_frames_next() * self.channels;
            left.resize(needed, 0.0);
            let made = process(
                &mut self.transform,
                &left,
                self.channels,
                Some(&partial),
                &mut self.chunk,
            )?;
            left.clear();
            self.keep(made, output);
        }
        let over = usize::try_from(self.frames_out - due).unwrap_or(0) * self.channels;
        output.truncate(output.len().saturating_sub(over));
        Ok(())
    }

    /// Puts a chunk behind the output, less the delay at the start.
    fn keep(&mut self, frames: usize, output: &mut Vec<f32>) {
        let skipped = self.delay.min(frames);
        self.delay -= skipped;
        self.frames_out += count(frames - skipped);
        output.extend_from_slice(&self.chunk[skipped * self.channels..frames * self.channels]);
    }
}

/// Frames that `frames` become.
pub(super) fn frames_after(frames: u64, from: u32, to: u32) -> u64 {
    let product = u128::from(frames) * u128::from(to);
    u64::try_from(product.div_ceil(u128::from(from.max(1)))).unwrap_or(u64::MAX)
}

fn process(
    transform: &mut Fft<f32>,
    input: &[f32],
    channels: usize,
    indexing: Option<&Indexing>,
    chunk: &mut [f32],
) -> Result<usize, AudioError> {
    let frames = chunk.len() / channels;
    let input = InterleavedSlice::new(input, channels, input.len() / channels).map_err(refused)?;
    let mut output = InterleavedSlice::new_mut(chunk, channels, frames).map_err(refused)?;
    let (_, made) =
        transform.process_into_buffer(&input, &mut output, indexing).map_err(refused)?;
    Ok(made)
}

fn count(frames: usize) -> u64 {
    u64::try_from(frames).unwrap_or(u64::MAX)
}

/// The resampler refuses only shapes that were checked before.
fn refused(error: impl std::fmt::Display) -> AudioError {
    AudioError::Damaged { reason: format!("it cannot be resampled: {error}") }
}
