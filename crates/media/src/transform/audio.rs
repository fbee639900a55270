//! Sound: its length from headers, decoded in any usual format, written as WAV or MP3, cut into
//! windows for transcription.
//!
//! Everything here blocks for as long as it computes or reads, and belongs on the
//! [pool](crate::pool::CpuPool). Memory stays small whatever the file's length: sound is decoded packet
//! by packet, and results leave as chunks through an [`Output`].

mod convert;
mod mp3;
mod output;
mod pcm;
mod probe;
mod reader;
mod resample;
mod wav;
mod windows;

#[cfg(test)]
mod tests;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

pub use convert::{Compression, compress, compression, convert};
pub use mp3::{ENCODER_LIMIT, Encoder};
pub use output::{CHUNK_BYTES, CHUNKS, Output, channel};
pub use probe::{Info, probe};
pub use symphonia::core::io::MediaSource;
pub use windows::{STRIDE, SpeechWindows, WINDOW, WINDOW_RATE, WINDOWED_ABOVE, Window, plan};

/// Longest sound that is worked on. An upload of 25 MB at the lowest bit rate of MP3 lasts seven
/// hours.
pub const LONGEST: Duration = Duration::from_secs(12 * 60 * 60);

/// A container that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Container {
    /// 16-bit PCM in a RIFF file.
    Wav,
    /// MPEG Layer III, by an [`Encoder`].
    Mp3,
}

impl Container {
    /// The container that a file name's extension asks for.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        let (_, extension) = name.rsplit('/').next()?.rsplit_once('.')?;
        match extension.to_ascii_lowercase().as_str() {
            "wav" => Some(Self::Wav),
            "mp3" => Some(Self::Mp3),
            _ => None,
        }
    }

    /// Its name and extension.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Wav => "wav",
            Self::Mp3 => "mp3",
        }
    }
}

/// Why there is no sound.
#[derive(Debug, thiserror::Error)]
pub enum AudioError {
    /// No container that is read, or no sound in it.
    #[error(
        "the file holds no sound in a format that is read (MP3, WAV, FLAC, Ogg Vorbis, MP4 or M4A with AAC)"
    )]
    Unknown,
    /// The container is known, the rest of the file is damaged or cut off.
    #[error("the audio file is damaged: {reason}")]
    Damaged {
        /// What does not fit.
        reason: String,
    },
    /// Longer than [`LONGEST`], or than the container can hold.
    #[error("the sound lasts longer than {} minutes", limit.as_secs() / 60)]
    TooLong {
        /// The limit.
        limit: Duration,
    },
    /// No bit rate makes it so small.
    #[error("{duration:?} of sound do not fit into {max_bytes} bytes as {}", container.name())]
    CannotFit {
        /// The sound's length.
        duration: Duration,
        /// The wanted size.
        max_bytes: u64,
        /// The container.
        container: Container,
    },
    /// There is no program to encode MP3.
    #[error(
        "writing mp3 needs the program `{}`, which is not installed; install ffmpeg, or ask for wav",
        program.display()
    )]
    EncoderMissing {
        /// The program that was asked for.
        program: PathBuf,
    },
    /// The program that encodes MP3 failed.
    #[error("ffmpeg could not write the mp3: {message}")]
    EncoderFailed {
        /// The end of what it said.
        message: String,
    },
    /// The program that encodes MP3 took longer than [`ENCODER_LIMIT`].
    #[error("ffmpeg did not finish within {limit:?}")]
    EncoderTimeout {
        /// The limit.
        limit: Duration,
    },
    /// The source could not be read, or the result not be written.
    #[error("the audio file could not be read or written")]
    Io(#[from] io::Error),
    /// Nobody waits for the result any longer.
    #[error("the work was stopped")]
    Stopped,
}
