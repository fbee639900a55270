//! A picture out of nothing, for benchmarks and trials.

use ::image::{DynamicImage, Rgb, RgbImage};

use super::{Format, ImageError, Picture, Size, encode};

/// Makes a picture of this size: smooth colours with a fine grain, so that it compresses about as a
/// photo does. The same size and format give the same bytes.
///
/// # Errors
/// When the encoder refuses, for which no [`Size`] is known.
pub fn sample(size: Size, format: Format) -> Result<Vec<u8>, ImageError> {
    // A linear congruential generator (Numerical Recipes): grain needs no better one.
    let mut state = 1_u32;
    let pixels = RgbImage::from_fn(size.width(), size.height(), |x, y| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let grain = state >> 27;
        let slope = |part: u32, whole: u32| part * 200 / whole.max(1);
        let across = slope(x, size.width());
        let down = slope(y, size.height());
        let [red, green, blue] =
            [across + grain, down + grain, (across + down) / 2 + grain].map(byte);
        Rgb([red, green, blue])
    });
    encode(&Picture { pixels: DynamicImage::ImageRgb8(pixels), format, profile: None }, format)
}

fn byte(value: u32) -> u8 {
    u8::try_from(value).unwrap_or(u8::MAX)
}
