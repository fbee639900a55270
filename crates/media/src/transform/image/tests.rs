use ::image::{DynamicImage, ImageEncoder, Rgb, RgbImage, Rgba, RgbaImage};
use proptest::prelude::*;

use super::*;

fn size(width: u32, height: u32) -> Size {
    Size::new(width, height).unwrap()
}

fn uniform(size: Size, colour: [u8; 3]) -> RgbImage {
    RgbImage::from_pixel(size.width, size.height, Rgb(colour))
}

/// The formula of `tests/pillow.py`.
fn pattern() -> RgbImage {
    let byte = |value: u32| u8::try_from(value).unwrap();
    RgbImage::from_fn(150, 117, |x, y| {
        let blue = if (x / 9 + y / 7) % 2 == 1 { 180 } else { 70 };
        Rgb([byte(60 + (3 * x + 2 * y) % 128), byte(60 + (x * y / 40) % 128), blue])
    })
}

fn file(pixels: impl Into<DynamicImage>, format: Format) -> Vec<u8> {
    encode(&Picture { pixels: pixels.into(), format, profile: None }, format).unwrap()
}

fn check_pillow(golden: &[u8]) {
    let golden = decode(golden, &Limits::DEFAULT).unwrap();
    let ours = resize(&pattern(), golden.size(), ResizeMode::Rescale).unwrap();
    let golden = golden.pixels.to_rgb8();
    let apart = ours.as_raw().iter().zip(golden.as_raw()).map(|(a, b)| a.abs_diff(*b));
    // Both compute in fixed point and round each of two passes, Pillow with the columns last: two
    // steps of 255 apart at most, most of them none. (Where an overshoot is cut at 0 or 255 between
    // the passes, their order would show; the pattern avoids that.)
    assert!(apart.clone().max().unwrap() <= 2);
    let different = apart.clone().filter(|&apart| apart > 0).count();
    assert!(different * 5 < apart.count(), "{different} components differ");
}

#[test]
fn resizing_agrees_with_pillow() {
    check_pillow(include_bytes!("tests/smaller.png"));
    check_pillow(include_bytes!("tests/larger.png"));
}

const MODES: [ResizeMode; 3] = [ResizeMode::Crop, ResizeMode::Pad, ResizeMode::Rescale];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_result_has_exactly_the_asked_size_and_a_uniform_picture_stays_uniform(
        (width, height) in (1_u32..120, 1_u32..120),
        (to_width, to_height) in (1_u32..120, 1_u32..120),
        colour: [u8; 3],
    ) {
        let (source, target) = (size(width, height), size(to_width, to_height));
        for mode in MODES {
            let result = resize(&uniform(source, colour), target, mode).unwrap();
            prop_assert_eq!(result.dimensions(), (to_width, to_height));
            if mode == ResizeMode::Pad {
                continue;
            }
            // No row, no column, no pixel is darker than its neighbours.
            prop_assert!(result.pixels().all(|pixel| pixel.0 == colour), "{:?}", mode);
        }
    }

    #[test]
    fn padding_touches_two_opposite_sides_and_keeps_the_middle(
        (width, height) in (1_u32..120, 1_u32..120),
        (to_width, to_height) in (1_u32..120, 1_u32..120),
    ) {
        let (source, target) = (size(width, height), size(to_width, to_height));
        let result = resize(&uniform(source, [200; 3]), target, ResizeMode::Pad).unwrap();
        let lit = |x, y| result.get_pixel(x, y).0 == [200; 3];
        let (middle_x, middle_y) = ((to_width - 1) / 2, (to_height - 1) / 2);
        let columns = (0..to_width).filter(|&x| lit(x, middle_y)).count();
        let rows = (0..to_height).filter(|&y| lit(middle_x, y)).count();
        let full = |length: usize, side: u32| length == usize::try_from(side).unwrap();
        prop_assert!(full(columns, to_width) || full(rows, to_height));
        // The rest is black, and the two bars differ by one pixel at most.
        let first = (0..to_height).find(|&y| lit(middle_x, y)).unwrap();
        let below = to_height - first - u32::try_from(rows).unwrap();
        prop_assert!(below.abs_diff(first) <= 1);
        let others = result.pixels().filter(|pixel| pixel.0 != [200; 3]);
        prop_assert!(others.clone().all(|pixel| pixel.0 == [0; 3]));
        prop_assert_eq!(others.count(), result.pixels().count() - rows * columns);
    }

    #[test]
    fn any_bytes_are_decoded_or_refused(bytes: Vec<u8>, kind in 0_usize..4) {
        let starts: [&[u8]; 4] = [b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF\x10\0\0\0WEBPVP8L"];
        let _ = decode(&[starts[kind], &bytes].concat(), &Limits::DEFAULT);
    }

    #[test]
    fn a_damaged_file_is_decoded_or_refused(at in 0_usize..2_000, to: u8, format in 0_usize..3) {
        let format = [Format::Png, Format::Jpeg, Format::Webp][format];
        let mut bytes = file(uniform(size(20, 20), [9, 90, 200]), format);
        let at = at % bytes.len();
        bytes[at] = to;
        let _ = decode(&bytes, &Limits::DEFAULT);
    }
}

#[test]
fn no_size_of_the_shape_16_to_9_gets_a_black_row_or_column() {
    // 17 of these came out with one in the tool that this replaces, 624x351 among them.
    let target = size(320, 180);
    for step in 1..500 {
        let source = size(16 * step, 9 * step);
        let part = prepare::covering(source, target);
        assert_eq!((part.left, part.top), (0.0, 0.0));
        assert_eq!((part.width, part.height), (f64::from(source.width), f64::from(source.height)));
        assert_eq!(prepare::fitting(source, target), target);
    }
    // The arithmetic decides; the pixels of some sizes show that it is what counts.
    for step in [1, 7, 39, 53] {
        let source = uniform(size(16 * step, 9 * step), [255; 3]);
        for mode in MODES {
            let result = resize(&source, target, mode).unwrap();
            assert!(result.pixels().all(|pixel| pixel.0 == [255; 3]), "{step} {mode:?}");
        }
    }
}

#[test]
fn padding_enlarges_a_small_picture() {
    let result = resize(&uniform(size(8, 8), [255; 3]), size(128, 72), ResizeMode::Pad).unwrap();
    let white = result.pixels().filter(|pixel| pixel.0 == [255; 3]).count();
    assert_eq!(white, 72 * 72);
    assert_eq!(result.get_pixel(27, 0).0, [0; 3]);
    assert_eq!(result.get_pixel(28, 0).0, [255; 3]);
}

#[test]
fn the_format_follows_the_name() {
    let source = file(uniform(size(30, 20), [1, 2, 3]), Format::Png);
    for (name, format) in [
        ("a.png", Format::Png),
        ("a.jpg", Format::Jpeg),
        ("b/c.JPEG", Format::Jpeg),
        ("a.webp", Format::Webp),
    ] {
        let asked = Format::of_name(name).unwrap();
        assert_eq!(asked, format);
        let (target, mode) = (size(16, 9), ResizeMode::Crop);
        let made = prepare(&source, target, mode, asked, &Limits::DEFAULT).unwrap();
        assert_eq!(inspect(&made.bytes, &Limits::DEFAULT).unwrap(), (format, target));
        assert_eq!(made.original, size(30, 20));
    }
    for name in ["png", "a.sh", "a.png/b", "a.", ""] {
        assert_eq!(Format::of_name(name), None, "{name}");
    }
}

#[test]
fn what_lands_is_whole_and_in_the_format_of_its_name() {
    let png = file(uniform(size(40, 30), [9, 8, 7]), Format::Png);
    let limits = Limits::DEFAULT;
    assert_eq!(land(png.clone(), Format::Png, &limits).unwrap(), (png.clone(), size(40, 30)));
    let (jpeg, _) = land(png.clone(), Format::Jpeg, &limits).unwrap();
    assert_eq!(inspect(&jpeg, &limits).unwrap().0, Format::Jpeg);

    let refused = |bytes: &[u8]| land(bytes.to_vec(), Format::Png, &limits).unwrap_err();
    assert!(matches!(refused(b"<html>sorry</html>"), ImageError::UnknownFormat));
    let cut = &png[..png.len() / 2];
    assert!(matches!(refused(cut), ImageError::Damaged { format: Format::Png, .. }));
}

#[test]
fn a_photo_stands_upright() {
    // Red left of blue, turned by a camera: EXIF orientation 6 asks for a quarter turn clockwise.
    let lying =
        RgbImage::from_fn(32, 16, |x, _| Rgb(if x < 16 { [250, 0, 0] } else { [0, 0, 250] }));
    let mut exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0".to_vec();
    let mut bytes = Vec::new();
    let mut encoder = ::image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 100);
    encoder.set_exif_metadata(std::mem::take(&mut exif)).unwrap();
    DynamicImage::from(lying).write_with_encoder(encoder).unwrap();

    assert_eq!(inspect(&bytes, &Limits::DEFAULT).unwrap(), (Format::Jpeg, size(16, 32)));
    let upright = decode(&bytes, &Limits::DEFAULT).unwrap().pixels.to_rgb8();
    assert!(upright.get_pixel(8, 2).0[0] > 200, "red is above");
    assert!(upright.get_pixel(8, 30).0[2] > 200, "blue is below");
}

#[test]
fn transparency_survives_where_the_format_has_it_and_is_black_elsewhere() {
    let pixels = RgbaImage::from_fn(4, 1, |x, _| Rgba([200, 100, 50, if x < 2 { 0 } else { 255 }]));
    let png = file(pixels.clone(), Format::Png);
    let (webp, _) = land(png.clone(), Format::Webp, &Limits::DEFAULT).unwrap();
    assert_eq!(decode(&webp, &Limits::DEFAULT).unwrap().pixels.to_rgba8().get_pixel(0, 0).0[3], 0);
    let target = size(4, 1);
    let made = prepare(&png, target, ResizeMode::Crop, Format::Png, &Limits::DEFAULT).unwrap();
    let made = decode(&made.bytes, &Limits::DEFAULT).unwrap().pixels;
    assert!(!made.color().has_alpha());
    let made = made.to_rgb8();
    assert_eq!([made.get_pixel(0, 0).0, made.get_pixel(3, 0).0], [[0, 0, 0], [200, 100, 50]]);
}

#[test]
fn a_bomb_is_refused_by_what_it_claims_and_names_its_size() {
    // A PNG of 70 bytes that claims 60,000 x 60,000 pixels.
    let mut bomb = file(uniform(size(1, 1), [0; 3]), Format::Png);
    bomb[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
    let checksum = crc(&bomb[12..29]).to_be_bytes();
    bomb[29..33].copy_from_slice(&checksum);
    let error = decode(&bomb, &Limits::DEFAULT).unwrap_err();
    assert!(matches!(error, ImageError::TooLarge { width: 60_000, height: 60_000, .. }), "{error}");
}

/// CRC-32 as PNG has it (ISO 3309), bit by bit.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1)))
    })
}

#[test]
fn every_limit_holds_at_its_edge() {
    let bytes = file(uniform(size(20, 10), [1, 2, 3]), Format::Png);
    let length = u64::try_from(bytes.len()).unwrap();
    let exact = Limits { file_bytes: length, side: 20, pixels: 200, decoded_bytes: 600 };
    decode(&bytes, &exact).unwrap();
    for over in [
        Limits { file_bytes: length - 1, ..exact },
        Limits { side: 19, ..exact },
        Limits { pixels: 199, ..exact },
        Limits { decoded_bytes: 599, ..exact },
    ] {
        let error = decode(&bytes, &over).unwrap_err();
        let named = matches!(error, ImageError::FileTooLong { .. } | ImageError::TooLarge { .. });
        assert!(named, "{over:?}: {error}");
        assert!(inspect(&bytes, &over).is_err());
    }
}

#[test]
fn sizes_are_read_as_the_tools_write_them() {
    assert_eq!("1280x720".parse(), Ok(size(1280, 720)));
    assert_eq!(size(1280, 720).to_string(), "1280x720");
    for wrong in ["", "1280", "0x1", "1x0", "16385x1", "1280X720", "-1x1", "1280x720x1", "1e3x1"] {
        assert_eq!(wrong.parse::<Size>(), Err(SizeError), "{wrong}");
    }
    assert!("16384x16384".parse::<Size>().is_ok());
}
