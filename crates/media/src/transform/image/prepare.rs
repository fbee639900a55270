//! A picture brought to exactly the size that a video needs.

use std::cmp::Ordering;

use ::image::{DynamicImage, RgbImage};
use fast_image_resize::images::{CroppedImageMut, Image, ImageRef};
use fast_image_resize::{CropBox, FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use super::encode::flatten;
use super::{Format, ImageError, Limits, Picture, ResizeMode, Size, decode, encode};

/// A prepared reference picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// The file.
    pub bytes: Vec<u8>,
    /// The size that the picture had, as it is seen.
    pub original: Size,
}

/// Decodes, resizes and encodes.
///
/// # Errors
/// When it is no picture, damaged, or larger than the limits allow.
pub fn prepare(
    bytes: &[u8],
    target: Size,
    mode: ResizeMode,
    format: Format,
    limits: &Limits,
) -> Result<Prepared, ImageError> {
    let picture = decode(bytes, limits)?;
    let original = picture.size();
    let rgb = flatten(&picture.pixels);
    let profile = picture.profile;
    let resized = resize(&rgb, target, mode)?;
    let picture = Picture { pixels: DynamicImage::ImageRgb8(resized), format, profile };
    Ok(Prepared { bytes: encode(&picture, format)?, original })
}

/// Brings a picture to exactly `target`, by Lanczos with three lobes.
///
/// Where a shape does not fit in whole pixels, nothing is cut off to a whole pixel first: the part of
/// the source that [`ResizeMode::Crop`] shows is a rectangle with fractions, so that no row or column
/// comes from outside of the picture. [`ResizeMode::Pad`] rounds to the nearest pixel, and a picture
/// of the target's shape has no bars.
///
/// # Errors
/// When the resizer refuses, for which no two [`Size`]s are known.
///
/// # Panics
/// Never: buffers and windows are made for their sizes.
pub fn resize(picture: &RgbImage, target: Size, mode: ResizeMode) -> Result<RgbImage, ImageError> {
    let source_size = Size { width: picture.width(), height: picture.height() };
    let source =
        ImageRef::new(picture.width(), picture.height(), picture.as_raw(), PixelType::U8x3)
            .expect("the buffer of a picture has three bytes a pixel");
    let lanczos = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3));
    let mut result = Image::new(target.width, target.height, PixelType::U8x3);
    let mut resizer = Resizer::new();
    match mode {
        ResizeMode::Rescale => resizer.resize(&source, &mut result, &lanczos),
        ResizeMode::Crop => {
            let part = covering(source_size, target);
            let options = lanczos.crop(part.left, part.top, part.width, part.height);
            resizer.resize(&source, &mut result, &options)
        }
        ResizeMode::Pad => {
            let inner = fitting(source_size, target);
            let left = (target.width - inner.width) / 2;
            let top = (target.height - inner.height) / 2;
            let mut window =
                CroppedImageMut::new(&mut result, left, top, inner.width, inner.height)
                    .expect("what fits into the target lies within it");
            resizer.resize(&source, &mut window, &lanczos)
        }
    }
    .map_err(ImageError::Resize)?;
    Ok(RgbImage::from_raw(target.width, target.height, result.into_vec())
        .expect("the buffer was made for this width and height"))
}

/// The largest rectangle in the middle of `source` that has the shape of `target`; its sides are
/// fractions of pixels.
pub(super) fn covering(source: Size, target: Size) -> CropBox {
    let (width, height) = (f64::from(source.width), f64::from(source.height));
    let (across, down) = shapes(source, target);
    // The shorter side is a product that rounds to at most the longer one.
    let (shown_width, shown_height) = match across.cmp(&down) {
        Ordering::Equal => (width, height),
        Ordering::Greater => {
            ((height * f64::from(target.width) / f64::from(target.height)).min(width), height)
        }
        Ordering::Less => {
            (width, (width * f64::from(target.height) / f64::from(target.width)).min(height))
        }
    };
    let (left, top) = ((width - shown_width) / 2.0, (height - shown_height) / 2.0);
    // Never past the edge, even where the sum would round up.
    CropBox {
        left,
        top,
        width: shown_width.min(width - left),
        height: shown_height.min(height - top),
    }
}

/// The largest size of the shape of `source` that fits into `target`, to the nearest pixel.
pub(super) fn fitting(source: Size, target: Size) -> Size {
    let (across, down) = shapes(source, target);
    match across.cmp(&down) {
        Ordering::Equal => target,
        Ordering::Greater => Size {
            width: target.width,
            height: scaled(source.height, target.width, source.width).clamp(1, target.height),
        },
        Ordering::Less => Size {
            width: scaled(source.width, target.height, source.height).clamp(1, target.width),
            height: target.height,
        },
    }
}

/// The ratios of width to height of `source` and `target`, times the same number: exact, so that two
/// sizes of one shape are equal whatever their pixels.
fn shapes(source: Size, target: Size) -> (u64, u64) {
    let product = |width: u32, height: u32| u64::from(width) * u64::from(height);
    (product(source.width, target.height), product(target.width, source.height))
}

/// `length * numerator / denominator`, rounded half up.
fn scaled(length: u32, numerator: u32, denominator: u32) -> u32 {
    let (product, denominator) = (u64::from(length) * u64::from(numerator), u64::from(denominator));
    u32::try_from((product + denominator / 2) / denominator).unwrap_or(u32::MAX)
}
