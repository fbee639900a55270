//! Picture files: bars of plain colour, of any size, in the three formats of the API.

use std::io::Cursor;

use bytes::Bytes;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::codecs::webp::WebPEncoder;
use image::{ExtendedColorType, ImageEncoder as _};

use super::film::{BARS, KEY_SECONDS, Scene};
use super::h264::{Colour, Size};

/// Quality of JPEG files, of 100: plain bars need no more.
const JPEG_QUALITY: u8 = 85;

/// Pixels of a thumbnail's longer side.
const THUMBNAIL_PIXELS: u32 = 320;

/// Pictures of a spritesheet in a row.
const SHEET_COLUMNS: u32 = 4;

/// A file format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Png,
    Jpeg,
    WebP,
}

impl Format {
    /// The format of a name of the API.
    pub(crate) fn of(name: &str) -> Self {
        match name {
            "jpeg" => Self::Jpeg,
            "webp" => Self::WebP,
            _ => Self::Png,
        }
    }
}

/// A picture to be made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Picture {
    pub(crate) size: Size,
    pub(crate) bars: [Colour; BARS],
    /// How many of the bars are there already; the others are grey.
    pub(crate) shown: usize,
    /// Whether the upper and the lower quarter are transparent, where the format can be.
    pub(crate) transparent: bool,
}

impl Picture {
    /// The file. Takes some milliseconds for each million of pixels.
    pub(crate) fn encode(&self, format: Format) -> Bytes {
        let with_alpha = self.transparent && format != Format::Jpeg;
        let row = |alpha: u8| -> Vec<u8> {
            let mut row = Vec::new();
            for column in 0..self.size.width {
                let bar = bar_of(column, self.size.width);
                let colour = if bar < self.shown { rgb(self.bars[bar]) } else { [128; 3] };
                row.extend_from_slice(&colour);
                row.extend(with_alpha.then_some(alpha));
            }
            row
        };
        let (inner, outer) = (row(255), row(0));
        let quarter = self.size.height / 4;
        let mut pixels =
            Vec::with_capacity(inner.len() * usize::try_from(self.size.height).unwrap_or_default());
        for line in 0..self.size.height {
            let is_inner = (quarter..self.size.height - quarter).contains(&line);
            pixels.extend_from_slice(if with_alpha && !is_inner { &outer } else { &inner });
        }
        write(&pixels, self.size, with_alpha, format)
    }
}

/// A video's thumbnail.
pub(crate) fn thumbnail(scene: &Scene) -> Bytes {
    still(scene, 0, THUMBNAIL_PIXELS).encode(Format::WebP)
}

/// A video's spritesheet: its key pictures, one after the other.
pub(crate) fn spritesheet(scene: &Scene) -> Bytes {
    let count = scene.seconds.div_ceil(KEY_SECONDS).max(1);
    let still_size = still(scene, 0, THUMBNAIL_PIXELS / 2).size;
    let rows = count.div_ceil(SHEET_COLUMNS);
    let size = Size { width: still_size.width * SHEET_COLUMNS, height: still_size.height * rows };
    let mut pixels = Vec::new();
    for y in 0..size.height {
        for x in 0..size.width {
            let number = y / still_size.height * SHEET_COLUMNS + x / still_size.width;
            let bars = scene.bars_at(number * KEY_SECONDS);
            let colour = bars[bar_of(x % still_size.width, still_size.width)];
            pixels.extend(if number < count { rgb(colour) } else { [0; 3] });
        }
    }
    write(&pixels, size, false, Format::Jpeg)
}

/// The bar of a column of pixels.
fn bar_of(column: u32, width: u32) -> usize {
    let bars = u64::try_from(BARS).unwrap_or(1);
    let bar = u64::from(column) * bars / u64::from(width.max(1));
    usize::try_from(bar).unwrap_or(0).min(BARS - 1)
}

/// A picture of a video, so small that its longer side has so many pixels.
fn still(scene: &Scene, second: u32, longer: u32) -> Picture {
    let Size { width, height } = scene.size;
    let scaled = |side: u32| (side * longer / width.max(height)).max(1);
    Picture {
        size: Size { width: scaled(width), height: scaled(height) },
        bars: scene.bars_at(second),
        shown: BARS,
        transparent: false,
    }
}

fn write(pixels: &[u8], size: Size, with_alpha: bool, format: Format) -> Bytes {
    let colour = if with_alpha { ExtendedColorType::Rgba8 } else { ExtendedColorType::Rgb8 };
    let mut out = Cursor::new(Vec::new());
    let written = match format {
        Format::Png => {
            // Every line repeats the one above, so that the fast level is a small one as well.
            PngEncoder::new_with_quality(&mut out, CompressionType::Fast, FilterType::Up)
                .write_image(pixels, size.width, size.height, colour)
        }
        Format::Jpeg => JpegEncoder::new_with_quality(&mut out, JPEG_QUALITY).write_image(
            pixels,
            size.width,
            size.height,
            colour,
        ),
        Format::WebP => {
            WebPEncoder::new_lossless(&mut out).write_image(pixels, size.width, size.height, colour)
        }
    };
    written.expect("the pixels fill the size, which the formats allow, and a Vec takes all bytes");
    out.into_inner().into()
}

/// A colour in red, green and blue. Source: ITU-R BT.601, in the usual 8-bit integers.
fn rgb(colour: Colour) -> [u8; 3] {
    let luma = (i32::from(colour.luma) - 16) * 298;
    let (blue, red) = (i32::from(colour.blue) - 128, i32::from(colour.red) - 128);
    [luma + 409 * red, luma - 100 * blue - 208 * red, luma + 516 * blue]
        .map(|part| u8::try_from(((part + 128) >> 8).clamp(0, 255)).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use image::{ImageFormat, ImageReader};

    use super::*;
    use crate::seed::Seed;

    fn scene() -> Scene {
        Scene::new(Size { width: 1280, height: 720 }, 12, Seed::pinned(3))
    }

    fn decoded(file: &Bytes) -> (ImageFormat, image::DynamicImage) {
        let reader = ImageReader::new(Cursor::new(file)).with_guessed_format().unwrap();
        (reader.format().unwrap(), reader.decode().unwrap())
    }

    #[test]
    fn every_format_is_a_real_file_of_the_right_size() {
        let picture = still(&scene(), 0, 200);
        for (format, expected) in [
            (Format::Png, ImageFormat::Png),
            (Format::Jpeg, ImageFormat::Jpeg),
            (Format::WebP, ImageFormat::WebP),
        ] {
            for transparent in [false, true] {
                let picture = Picture { transparent, ..picture };
                let (found, image) = decoded(&picture.encode(format));
                assert_eq!(found, expected);
                assert_eq!((image.width(), image.height()), (200, 112));
                let clear = transparent && format != Format::Jpeg;
                assert_eq!(image.to_rgba8().get_pixel(0, 0)[3], if clear { 0 } else { 255 });
            }
        }
    }

    #[test]
    fn bars_that_are_not_shown_yet_are_grey() {
        let picture = Picture { shown: 3, ..still(&scene(), 0, 160) };
        let image = decoded(&picture.encode(Format::Png)).1.to_rgb8();
        for (bar, colour) in scene().bars.into_iter().enumerate() {
            let x = u32::try_from(bar).unwrap() * 20 + 10;
            let expected = if bar < 3 { rgb(colour) } else { [128; 3] };
            assert_eq!(image.get_pixel(x, 5).0, expected, "bar {bar}");
        }
    }

    #[test]
    fn a_thumbnail_and_a_spritesheet_are_pictures_of_the_video() {
        let (format, image) = decoded(&thumbnail(&scene()));
        assert_eq!((format, image.width(), image.height()), (ImageFormat::WebP, 320, 180));
        let (format, image) = decoded(&spritesheet(&scene()));
        assert_eq!((format, image.width(), image.height()), (ImageFormat::Jpeg, 640, 180));
    }
}
