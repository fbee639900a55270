//! Pixels into bytes.

use ::image::codecs::jpeg::JpegEncoder;
use ::image::codecs::png::{CompressionType, FilterType, PngEncoder};
use ::image::codecs::webp::WebPEncoder;
use ::image::{DynamicImage, ImageEncoder};

use super::decode::decode;
use super::{Format, ImageError, Limits, Picture, Size};

/// JPEG quality: where a picture that a model will look at again shows no blocks. Pillow's default
/// of 75 is for web pages.
pub(super) const JPEG_QUALITY: u8 = 90;

/// Encodes a picture. PNG and WebP keep transparency, JPEG has none: what is transparent becomes
/// black, as the bars of [`ResizeMode::Pad`](super::ResizeMode::Pad).
///
/// PNG is written for speed (the `fdeflate` coder with adaptive filters). `weir bench media` shows
/// what that gains in time and costs in bytes beside Pillow's default of zlib at level 6.
///
/// # Errors
/// When the encoder refuses, for which no picture within [`Limits`] is known.
pub fn encode(picture: &Picture, format: Format) -> Result<Vec<u8>, ImageError> {
    let failed = |source| ImageError::Encode { format, source };
    let mut bytes = Vec::new();
    match format {
        Format::Png => {
            let (fast, filter) = (CompressionType::Fast, FilterType::Adaptive);
            let encoder = PngEncoder::new_with_quality(&mut bytes, fast, filter);
            write(encoder, &picture.pixels, picture).map_err(failed)?;
        }
        Format::Jpeg => {
            let encoder = JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY);
            let opaque = DynamicImage::ImageRgb8(flatten(&picture.pixels));
            write(encoder, &opaque, picture).map_err(failed)?;
        }
        Format::Webp => {
            let encoder = WebPEncoder::new_lossless(&mut bytes);
            let eight_bit = match &picture.pixels {
                it if it.color().has_alpha() => DynamicImage::ImageRgba8(it.to_rgba8()),
                it => DynamicImage::ImageRgb8(it.to_rgb8()),
            };
            write(encoder, &eight_bit, picture).map_err(failed)?;
        }
    }
    Ok(bytes)
}

fn write(
    mut encoder: impl ImageEncoder,
    pixels: &DynamicImage,
    picture: &Picture,
) -> Result<(), ::image::ImageError> {
    if let Some(profile) = &picture.profile {
        // An encoder without room for a profile writes the picture without it.
        let _ = encoder.set_icc_profile(profile.clone());
    }
    pixels.write_with_encoder(encoder)
}

/// The bytes to store for a picture that came from outside under a name that asks for `format`.
///
/// The picture is decoded to its last pixel first: junk, or a cut picture, never becomes a file.
/// Bytes that are in the asked format already are returned as they came.
///
/// # Errors
/// When it is no picture, damaged, or larger than the limits allow.
pub fn land(
    bytes: Vec<u8>,
    format: Format,
    limits: &Limits,
) -> Result<(Vec<u8>, Size), ImageError> {
    let picture = decode(&bytes, limits)?;
    let size = picture.size();
    if picture.format == format {
        return Ok((bytes, size));
    }
    Ok((encode(&picture, format)?, size))
}

/// The pixels as RGB of one byte a component, on black where they are transparent.
pub(super) fn flatten(pixels: &DynamicImage) -> ::image::RgbImage {
    if !pixels.color().has_alpha() {
        return pixels.to_rgb8();
    }
    let rgba = pixels.to_rgba8();
    let mut rgb = ::image::RgbImage::new(rgba.width(), rgba.height());
    for (from, to) in rgba.pixels().zip(rgb.pixels_mut()) {
        let [components @ .., alpha] = from.0;
        to.0 = components.map(|component| times(component, alpha));
    }
    rgb
}

/// The product of two shares of 255, rounded to the nearest.
fn times(component: u8, alpha: u8) -> u8 {
    let product = u16::from(component) * u16::from(alpha);
    u8::try_from((product + 127) / 255).unwrap_or(u8::MAX)
}
