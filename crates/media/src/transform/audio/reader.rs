//! A sound file, packet by packet.

use std::io;

use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::{MediaSource, MediaSourceStream, MediaSourceStreamOptions};
use symphonia::core::meta::MetadataOptions;
use symphonia::core::packet::Packet;

use super::{AudioError, LONGEST};

/// Highest sample rate that is decoded, in hertz: twice what studios use. A file may claim any.
pub(super) const HIGHEST_RATE: u32 = 384_000;

/// Most channels that are decoded.
pub(super) const MOST_CHANNELS: usize = 8;

/// Damaged packets in a row, after which the rest of the file is junk, too.
const DAMAGED_IN_A_ROW: u32 = 100;

/// An open container, at its first packet.
pub(super) struct Container<'a> {
    pub(super) format: Box<dyn FormatReader + 'a>,
    pub(super) track: u32,
}

impl<'a> Container<'a> {
    /// Finds out what a file is. A wrong extension in its name does no harm.
    pub(super) fn open(source: impl MediaSource + 'a, name: &str) -> Result<Self, AudioError> {
        let stream = MediaSourceStream::new(Box::new(source), MediaSourceStreamOptions::default());
        let mut hint = Hint::new();
        if let Some((_, extension)) = name.rsplit_once('.') {
            hint.with_extension(extension);
        }
        let format = symphonia::default::get_probe()
            .probe(&hint, stream, FormatOptions::default(), MetadataOptions::default())
            .map_err(opening)?;
        let track = format.default_track(TrackType::Audio).ok_or(AudioError::Unknown)?.id;
        Ok(Self { format, track })
    }

    /// The next packet of sound; none at the end.
    pub(super) fn packet(&mut self) -> Result<Option<Packet>, AudioError> {
        loop {
            match self.format.next_packet() {
                Ok(Some(packet)) if packet.track_id == self.track => return Ok(Some(packet)),
                Ok(Some(_)) => {}
                // A new set of tracks begins: another piece of music behind this one, in Ogg.
                Ok(None) | Err(Error::ResetRequired) => return Ok(None),
                // A file that was cut off ends where it was cut.
                Err(Error::IoError(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Ok(None);
                }
                Err(error) => return Err(reading(error)),
            }
        }
    }
}

/// A container and the decoder of its sound.
pub(super) struct Reader<'a> {
    container: Container<'a>,
    decoder: Box<dyn AudioDecoder>,
    /// Frames a second.
    pub(super) rate: u32,
    /// Samples of a frame.
    pub(super) channels: usize,
    /// The first packet's sound, which told rate and channels.
    first: Option<Vec<f32>>,
    frames: u64,
}

impl<'a> Reader<'a> {
    /// Opens a file and decodes its first packet.
    pub(super) fn open(source: impl MediaSource + 'a, name: &str) -> Result<Self, AudioError> {
        let container = Container::open(source, name)?;
        let decoder = decoder(&container)?;
        let mut reader = Self { container, decoder, rate: 0, channels: 0, first: None, frames: 0 };
        let mut samples = Vec::new();
        if !reader.decode(&mut samples)? {
            return Err(damaged("it holds no sound"));
        }
        reader.first = Some(samples);
        Ok(reader)
    }

    /// Puts the next packet's samples, interleaved, behind those that are there; false at the end.
    pub(super) fn read(&mut self, samples: &mut Vec<f32>) -> Result<bool, AudioError> {
        if let Some(first) = self.first.take() {
            samples.extend_from_slice(&first);
            return Ok(true);
        }
        self.decode(samples)
    }

    fn decode(&mut self, samples: &mut Vec<f32>) -> Result<bool, AudioError> {
        for _ in 0..DAMAGED_IN_A_ROW {
            let Some(packet) = self.container.packet()? else { return Ok(false) };
            let buffer = match self.decoder.decode(&packet) {
                Ok(buffer) => buffer,
                // One damaged packet is a click, not the end of the sound.
                Err(Error::DecodeError(_)) => continue,
                Err(error) => return Err(reading(error)),
            };
            let (rate, channels) = (buffer.spec().rate(), buffer.spec().channels().count());
            if self.rate == 0 {
                check_shape(rate, channels)?;
                (self.rate, self.channels) = (rate, channels);
            } else if (rate, channels) != (self.rate, self.channels) {
                return Err(damaged("it changes its sample rate or channels on the way"));
            }
            self.frames += u64::try_from(buffer.frames()).unwrap_or(u64::MAX);
            if self.frames > LONGEST.as_secs() * u64::from(rate) {
                return Err(AudioError::TooLong { limit: LONGEST });
            }
            let start = samples.len();
            samples.resize(start + buffer.samples_interleaved(), 0.0);
            buffer.copy_to_slice_interleaved(&mut samples[start..]);
            return Ok(true);
        }
        Err(damaged("none of its packets can be decoded"))
    }
}

/// A decoder for the sound of a container.
pub(super) fn decoder(container: &Container) -> Result<Box<dyn AudioDecoder>, AudioError> {
    let track = container.format.default_track(TrackType::Audio).ok_or(AudioError::Unknown)?;
    let parameters = track.codec_params.as_ref().and_then(|it| it.audio());
    let parameters = parameters.ok_or(AudioError::Unknown)?;
    check_shape(
        parameters.sample_rate.unwrap_or(1),
        parameters.channels.as_ref().map_or(1, |channels| channels.count()),
    )?;
    symphonia::default::get_codecs()
        .make_audio_decoder(parameters, &AudioDecoderOptions::default())
        .map_err(opening)
}

fn check_shape(rate: u32, channels: usize) -> Result<(), AudioError> {
    if !(1..=HIGHEST_RATE).contains(&rate) {
        return Err(damaged(&format!("a sample rate of {rate} Hz is not one")));
    }
    if !(1..=MOST_CHANNELS).contains(&channels) {
        return Err(damaged(&format!("{channels} channels are more than {MOST_CHANNELS}")));
    }
    Ok(())
}

fn damaged(reason: &str) -> AudioError {
    AudioError::Damaged { reason: reason.to_owned() }
}

/// An error while it is found out what a file is.
fn opening(error: Error) -> AudioError {
    match error {
        Error::IoError(error) if error.kind() != io::ErrorKind::UnexpectedEof => error.into(),
        _ => AudioError::Unknown,
    }
}

/// An error in the middle of a file.
fn reading(error: Error) -> AudioError {
    match error {
        Error::IoError(error) if error.kind() != io::ErrorKind::UnexpectedEof => error.into(),
        error => damaged(&error.to_string()),
    }
}
