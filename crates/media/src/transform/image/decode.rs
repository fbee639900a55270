//! Bytes into pixels, after the claims of the file were checked.

use std::io::Cursor;

use ::image::metadata::Orientation;
use ::image::{ColorType, DynamicImage, ImageDecoder, ImageFormat, ImageReader};

use super::{Format, ImageError, Limits, Size};

/// A decoded picture, upright.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// Its pixels.
    pub pixels: DynamicImage,
    /// The format that it was read from.
    pub format: Format,
    /// Its colour profile, when it describes RGB.
    pub profile: Option<Vec<u8>>,
}

impl Picture {
    /// Its size as it is seen.
    ///
    /// # Panics
    /// Never: a decoded picture has pixels, and its sides are within [`Limits`].
    #[must_use]
    pub fn size(&self) -> Size {
        Size { width: self.pixels.width(), height: self.pixels.height() }
    }
}

/// What a file claims to be: format and size as it is seen, without decoding a pixel.
///
/// # Errors
/// When it is no picture, or claims more than the limits allow.
pub fn inspect(bytes: &[u8], limits: &Limits) -> Result<(Format, Size), ImageError> {
    let (format, mut decoder) = open(bytes, limits)?;
    let (width, height) = decoder.dimensions();
    let turned = matches!(
        orientation(&mut decoder),
        Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH
    );
    let (width, height) = if turned { (height, width) } else { (width, height) };
    Ok((format, Size { width, height }))
}

/// Decodes a whole picture and turns it as its EXIF orientation says. Of an animation, the first
/// frame.
///
/// # Errors
/// When it is no picture, damaged, cut off, or larger than the limits allow.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Picture, ImageError> {
    let (format, mut decoder) = open(bytes, limits)?;
    let orientation = orientation(&mut decoder);
    let rgb = matches!(
        decoder.color_type(),
        ColorType::Rgb8 | ColorType::Rgba8 | ColorType::Rgb16 | ColorType::Rgba16
    );
    let profile = decoder.icc_profile().ok().flatten().filter(|profile| rgb && is_rgb(profile));
    let mut pixels = DynamicImage::from_decoder(decoder)
        .map_err(|source| ImageError::Damaged { format, source })?;
    pixels.apply_orientation(orientation);
    Ok(Picture { pixels, format, profile })
}

/// A decoder whose claims are within the limits.
fn open<'a>(
    bytes: &'a [u8],
    limits: &Limits,
) -> Result<(Format, impl ImageDecoder + use<'a>), ImageError> {
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if length > limits.file_bytes {
        return Err(ImageError::FileTooLong { bytes: length, limit: limits.file_bytes });
    }
    let format = match ::image::guess_format(bytes) {
        Ok(ImageFormat::Png) => Format::Png,
        Ok(ImageFormat::Jpeg) => Format::Jpeg,
        Ok(ImageFormat::WebP) => Format::Webp,
        _ => return Err(ImageError::UnknownFormat),
    };
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format.into());
    reader.limits(decoder_limits(limits));
    let decoder = reader.into_decoder().map_err(|source| ImageError::Damaged { format, source })?;
    check(&decoder, limits)?;
    Ok((format, decoder))
}

/// What the decoders are told. Sides are checked by us, so that the error can name them; the
/// allocation limit is twice that of the pixels, for what a decoder needs beside its output.
fn decoder_limits(limits: &Limits) -> ::image::Limits {
    let mut told = ::image::Limits::no_limits();
    told.max_alloc = Some(limits.decoded_bytes.saturating_mul(2));
    told
}

fn check(decoder: &impl ImageDecoder, limits: &Limits) -> Result<(), ImageError> {
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    let fits = width.max(height) <= limits.side
        && width.min(height) > 0
        && pixels <= limits.pixels
        && decoder.total_bytes() <= limits.decoded_bytes;
    if fits {
        return Ok(());
    }
    Err(ImageError::TooLarge {
        width,
        height,
        limits: format!(
            "{} a side, {} pixels and {} bytes in memory",
            limits.side, limits.pixels, limits.decoded_bytes
        ),
    })
}

/// An orientation that cannot be read is none: viewers do the same.
fn orientation(decoder: &mut impl ImageDecoder) -> Orientation {
    decoder.orientation().unwrap_or(Orientation::NoTransforms)
}

/// Whether an ICC profile describes RGB data: bytes 16 to 19 of its header (ICC.1:2022, 7.2.8). A
/// profile for CMYK on pixels that were converted to RGB would make every viewer wrong.
fn is_rgb(profile: &[u8]) -> bool {
    profile.get(16..20) == Some(b"RGB ")
}

impl From<Format> for ImageFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Png => Self::Png,
            Format::Jpeg => Self::Jpeg,
            Format::Webp => Self::WebP,
        }
    }
}
