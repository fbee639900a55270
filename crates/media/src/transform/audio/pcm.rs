//! The sound of a file in the shape that somebody needs: rate, channels, 16-bit samples.

use symphonia::core::audio::conv::IntoSample;
use symphonia::core::io::MediaSource;

use super::AudioError;
use super::reader::Reader;
use super::resample::Resampler;
use crate::pool::Stop;

/// What the sound is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    /// Frames a second.
    pub(super) rate: u32,
    /// All channels, or their mean.
    pub(super) channels: usize,
}

/// A file's sound in a shape, some milliseconds at a time.
pub(super) struct Pcm<'a> {
    reader: Reader<'a>,
    shape: Shape,
    resampler: Option<Resampler>,
    decoded: Vec<f32>,
    mixed: Vec<f32>,
    shaped: Vec<f32>,
    ended: bool,
}

impl<'a> Pcm<'a> {
    /// Opens a file and asks for a shape, knowing what the file has.
    pub(super) fn open(
        source: impl MediaSource + 'a,
        name: &str,
        shape: impl FnOnce(Shape) -> Shape,
    ) -> Result<Self, AudioError> {
        let reader = Reader::open(source, name)?;
        let own = Shape { rate: reader.rate, channels: reader.channels };
        let asked = shape(own);
        // Channels are kept, or mixed down to one.
        let shape = Shape {
            rate: asked.rate,
            channels: if asked.channels == own.channels { own.channels } else { 1 },
        };
        let resampler = (shape.rate != own.rate)
            .then(|| Resampler::new(own.rate, shape.rate, shape.channels))
            .transpose()?;
        let (decoded, mixed, shaped) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Self { reader, shape, resampler, decoded, mixed, shaped, ended: false })
    }

    /// What the sound is now.
    pub(super) fn shape(&self) -> Shape {
        self.shape
    }

    /// Puts the next samples, interleaved, behind `samples`; false at the end.
    ///
    /// # Errors
    /// When the file is damaged, or nobody waits any longer.
    pub(super) fn read(&mut self, samples: &mut Vec<i16>, stop: &Stop) -> Result<bool, AudioError> {
        if stop.requested() {
            return Err(AudioError::Stopped);
        }
        if self.ended {
            return Ok(false);
        }
        self.decoded.clear();
        self.shaped.clear();
        self.ended = !self.reader.read(&mut self.decoded)?;
        let mixed = if self.shape.channels == self.reader.channels {
            &self.decoded
        } else {
            mix(&self.decoded, self.reader.channels, &mut self.mixed);
            &self.mixed
        };
        let shaped = match &mut self.resampler {
            None => mixed,
            Some(resampler) => {
                resampler.push(mixed, &mut self.shaped)?;
                if self.ended {
                    resampler.finish(&mut self.shaped)?;
                }
                &self.shaped
            }
        };
        // Clamped, and scaled by 2^15, as decoders do.
        samples.extend(shaped.iter().map(|&sample| IntoSample::<i16>::into_sample(sample)));
        Ok(true)
    }
}

/// The mean of the channels of each frame.
fn mix(samples: &[f32], channels: usize, mixed: &mut Vec<f32>) {
    let share = u16::try_from(channels).map_or(1.0, |channels| 1.0 / f32::from(channels));
    mixed.clear();
    mixed.extend(samples.chunks_exact(channels).map(|frame| frame.iter().sum::<f32>() * share));
}
