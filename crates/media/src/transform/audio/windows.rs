//! Long speech in windows that overlap, each small enough for one transcription.

use std::time::Duration;

use symphonia::core::io::MediaSource;

use super::pcm::{Pcm, Shape};
use super::{AudioError, wav};
use crate::pool::Stop;

/// Speech longer than this is transcribed in windows.
pub const WINDOWED_ABOVE: Duration = Duration::from_secs(480);

/// Length of a window.
pub const WINDOW: Duration = Duration::from_secs(90);

/// From the start of a window to the start of the next: 15 seconds are in both, so that no word is
/// cut in two in each of them.
pub const STRIDE: Duration = Duration::from_secs(75);

/// Frames a second of a window, in one channel: what speech models are trained on.
pub const WINDOW_RATE: u32 = 16_000;

/// A part of a sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Where it starts.
    pub start: Duration,
    /// Where it ends.
    pub end: Duration,
}

/// The windows of a sound of this length: one, unless it is longer than [`WINDOWED_ABOVE`].
#[must_use]
pub fn plan(duration: Duration) -> Vec<Window> {
    if duration <= WINDOWED_ABOVE {
        return vec![Window { start: Duration::ZERO, end: duration }];
    }
    let mut windows = Vec::new();
    let mut start = Duration::ZERO;
    loop {
        let end = (start + WINDOW).min(duration);
        windows.push(Window { start, end });
        if end == duration {
            return windows;
        }
        start += STRIDE;
    }
}

/// The windows of a long sound, one after the other. The sound is decoded once, and one window (2.9
/// MB) is held at a time.
pub struct SpeechWindows {
    pcm: Pcm<'static>,
    /// Samples from the next window's start on.
    samples: Vec<i16>,
    next: u32,
    ended: bool,
}

impl SpeechWindows {
    /// Opens a file.
    ///
    /// # Errors
    /// When it holds no sound or is damaged.
    pub fn open(source: impl MediaSource + 'static, name: &str) -> Result<Self, AudioError> {
        Self::at_rate(source, name, WINDOW_RATE)
    }

    /// Opens a file, for windows of this rate.
    pub(super) fn at_rate(
        source: impl MediaSource + 'static,
        name: &str,
        rate: u32,
    ) -> Result<Self, AudioError> {
        let pcm = Pcm::open(source, name, |_| Shape { rate, channels: 1 })?;
        Ok(Self { pcm, samples: Vec::new(), next: 0, ended: false })
    }

    /// The next window, and its sound as a WAV file; none behind the last.
    ///
    /// # Errors
    /// When the file is damaged, or the work was stopped.
    pub fn next(&mut self, stop: &Stop) -> Result<Option<(Window, Vec<u8>)>, AudioError> {
        let rate = self.pcm.shape().rate;
        let (window, stride) = (frames(WINDOW, rate), frames(STRIDE, rate));
        // One sample past the window tells whether there is another.
        while !self.ended && self.samples.len() <= window {
            self.ended = !self.pcm.read(&mut self.samples, stop)?;
        }
        let first = self.next == 0;
        let overlap = window - stride;
        // The last window but one has everything when only the overlap is left.
        if self.samples.is_empty() || (self.ended && !first && self.samples.len() <= overlap) {
            return Ok(None);
        }
        let length = self.samples.len().min(window);
        let start = STRIDE * self.next;
        let end = start + time(length, rate);
        let frame_count = u64::try_from(length).unwrap_or(u64::MAX);
        let mut file = wav::head(self.pcm.shape(), frame_count)?;
        file.extend(wav::bytes(&self.samples[..length]));
        self.samples.drain(..stride.min(self.samples.len()));
        self.next += 1;
        Ok(Some((Window { start, end }, file)))
    }
}

fn frames(duration: Duration, rate: u32) -> usize {
    usize::try_from(duration.as_secs() * u64::from(rate)).unwrap_or(usize::MAX)
}

fn time(frames: usize, rate: u32) -> Duration {
    let frames = u64::try_from(frames).unwrap_or(u64::MAX);
    Duration::from_nanos(frames.saturating_mul(1_000_000_000) / u64::from(rate))
}
