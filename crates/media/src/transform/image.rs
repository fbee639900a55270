//! Pictures: decoded within limits, turned upright, brought to a size, encoded.
//!
//! Everything here blocks for as long as it computes: milliseconds for a photo, up to a second for
//! the largest picture that [`Limits`] lets in. It belongs on the [pool](crate::pool::CpuPool).

mod decode;
mod encode;
mod prepare;
mod sample;

#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

pub use decode::{Picture, decode, inspect};
pub use encode::{encode, land};
pub use prepare::{Prepared, prepare, resize};
pub use sample::sample;

/// What a picture may ask of us before it is decoded. A file of some kilobytes can claim any size
/// (a "decompression bomb"), so that the claim is checked, not the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes of the file.
    pub file_bytes: u64,
    /// Longest side, in pixels.
    pub side: u32,
    /// Most pixels.
    pub pixels: u64,
    /// Most bytes of the decoded pixels.
    pub decoded_bytes: u64,
}

impl Limits {
    /// The limits that the server uses unless it is told otherwise. 67 million pixels hold every
    /// picture that the image endpoints make (8 million at most) and the photo of a usual camera;
    /// 256 MiB are those pixels with four components of one byte. A file of such a picture stays
    /// below 64 MiB in practice. Together with the pool, which decodes one picture a core, they bound
    /// the memory of all decoding.
    pub const DEFAULT: Self = Self {
        file_bytes: 64 * 1024 * 1024,
        side: 16_384,
        pixels: 8_192 * 8_192,
        decoded_bytes: 256 * 1024 * 1024,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// A format that is read and written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// PNG, written with fast compression.
    Png,
    /// JPEG, written at [quality 90](encode::JPEG_QUALITY).
    Jpeg,
    /// WebP, written without loss.
    Webp,
}

impl Format {
    /// The format that a file name's extension asks for.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        let (_, extension) = name.rsplit('/').next()?.rsplit_once('.')?;
        match extension.to_ascii_lowercase().as_str() {
            "png" => Some(Self::Png),
            "jpg" | "jpeg" => Some(Self::Jpeg),
            "webp" => Some(Self::Webp),
            _ => None,
        }
    }

    /// Its name, as results and MIME types have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpeg",
            Self::Webp => "webp",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Width and height in pixels, neither of them zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Size {
    width: u32,
    height: u32,
}

impl Size {
    /// A size, unless a side is zero or longer than [`Limits::DEFAULT`] has it.
    #[must_use]
    pub fn new(width: u32, height: u32) -> Option<Self> {
        let side = |length: u32| (1..=Limits::DEFAULT.side).contains(&length);
        (side(width) && side(height)).then_some(Self { width, height })
    }

    /// Pixels in a row.
    #[must_use]
    pub fn width(self) -> u32 {
        self.width
    }

    /// Rows.
    #[must_use]
    pub fn height(self) -> u32 {
        self.height
    }

    /// Pixels.
    #[must_use]
    pub fn pixels(self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}x{}", self.width, self.height)
    }
}

/// Why a text is no [`Size`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a size is WIDTHxHEIGHT in pixels, as 1280x720, each side at most {}", Limits::DEFAULT.side)]
pub struct SizeError;

impl FromStr for Size {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Self, SizeError> {
        let (width, height) = text.split_once('x').ok_or(SizeError)?;
        let side = |text: &str| text.parse().map_err(|_| SizeError);
        Self::new(side(width)?, side(height)?).ok_or(SizeError)
    }
}

/// How a picture is brought to a size of another shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ResizeMode {
    /// Cover the size, and cut off evenly what is too much.
    #[default]
    Crop,
    /// Fit into the size as large as possible, enlarged if need be, on black.
    Pad,
    /// Stretch.
    Rescale,
}

/// Why a picture was refused.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The file is longer than [`Limits::file_bytes`].
    #[error("the image file has {bytes} bytes; at most {limit} are read")]
    FileTooLong {
        /// Its bytes.
        bytes: u64,
        /// [`Limits::file_bytes`].
        limit: u64,
    },
    /// More pixels, longer sides or more bytes than [`Limits`] allow.
    #[error("the image is {width}x{height} pixels; at most {limits} are decoded")]
    TooLarge {
        /// Its width.
        width: u32,
        /// Its height.
        height: u32,
        /// The limits in words.
        limits: String,
    },
    /// No format that is read.
    #[error("the file is not an image in PNG, JPEG or WebP format")]
    UnknownFormat,
    /// The format was recognised, the rest of the file is damaged or cut off.
    #[error("the {format} image is damaged or cut off")]
    Damaged {
        /// The format.
        format: Format,
        /// What the decoder says.
        #[source]
        source: ::image::ImageError,
    },
    /// The pixels could not be resized.
    #[error("the image could not be resized")]
    Resize(#[source] fast_image_resize::ResizeError),
    /// The picture could not be written in this format.
    #[error("the image could not be written as {format}")]
    Encode {
        /// The format.
        format: Format,
        /// What the encoder says.
        #[source]
        source: ::image::ImageError,
    },
}
