//! What a request for pictures asks for, and the pictures that answer it.

use std::io::Cursor;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use image::{ImageFormat, ImageReader};
use serde::Serialize;
use wire::json::FieldError;

use super::film::{BARS, colours};
use super::form::{Field, Form};
use super::h264::Size;
use super::picture::{Format, Picture};
use super::source::{Digests, Source as _, digests};
use crate::seed::{Seed, mix};

/// Most pictures of one request.
pub(crate) const MAX_IMAGES: u32 = 10;

/// Most pixels of a picture's side and of the whole: 3840 x 2160 either way.
const MAX_SIDE: u32 = 3840;
const MAX_PIXELS: u32 = 3840 * 2160;

/// Least pixels of a picture's side: one for each bar.
const MIN_SIDE: u32 = 8;

/// Most pictures that one edit starts from.
const MAX_SOURCES: usize = 16;

/// What the pictures shall be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ImageOrder {
    pub(crate) size: Size,
    pub(crate) quality: &'static str,
    pub(crate) background: &'static str,
    pub(crate) output_format: &'static str,
    seed: Seed,
}

impl ImageOrder {
    /// Reads the settings that generations, edits and the image tool have in common; what is
    /// left to the model becomes something definite.
    ///
    /// # Errors
    /// Names the field that is wrong.
    pub(crate) fn read(form: &Form<'_>, seed: Seed) -> Result<Self, FieldError> {
        const QUALITIES: [&str; 8] =
            ["auto", "low", "medium", "high", "xhigh", "max", "standard", "hd"];
        let quality = match form.one_of("quality", &QUALITIES)? {
            "auto" | "hd" => "high",
            "standard" => "medium",
            quality => quality,
        };
        let background = match form.one_of("background", &["auto", "transparent", "opaque"])? {
            "auto" => "opaque",
            background => background,
        };
        let output_format = form.one_of("output_format", &["png", "jpeg", "webp"])?;
        if (background, output_format) == ("transparent", "jpeg") {
            let message = "JPEG pictures cannot be transparent; use png or webp";
            return Err(FieldError::invalid("background", message));
        }
        let size = size(form.text("size")?)?;
        Ok(Self { size, quality, background, output_format, seed })
    }

    /// The size as the API writes it.
    pub(crate) fn size_text(&self) -> String {
        format!("{}x{}", self.size.width, self.size.height)
    }

    /// Tokens that one of the pictures is said to cost: one for each block of 32 x 32 pixels.
    pub(crate) fn tokens(&self) -> u32 {
        self.size.width.div_ceil(32) * self.size.height.div_ceil(32)
    }

    /// One of the pictures, of which `shown` eighths are there already, in base64. Takes time.
    pub(crate) fn picture(&self, number: u32, shown: usize) -> String {
        STANDARD.encode(self.file(number, shown))
    }

    /// Length and digests of the picture of a response. Takes time.
    pub(crate) fn digests(&self) -> (u64, Digests) {
        let file = self.file(0, BARS);
        (file.length(), digests(&file))
    }

    fn file(&self, number: u32, shown: usize) -> Bytes {
        let picture = Picture {
            size: self.size,
            bars: colours(self.seed_of(number)),
            shown,
            transparent: self.background == "transparent",
        };
        picture.encode(Format::of(self.output_format))
    }

    /// One of the pictures, complete.
    pub(crate) fn whole_picture(&self, number: u32) -> String {
        self.picture(number, BARS)
    }

    /// A picture that is still being made, in base64.
    pub(crate) fn partial_picture(&self, index: u32, of: u32) -> String {
        let done = BARS * usize::try_from(index + 1).unwrap_or(0);
        self.picture(0, done / usize::try_from(of + 1).unwrap_or(1))
    }

    fn seed_of(&self, number: u32) -> Seed {
        self.seed.map(|seed| mix(seed, u64::from(number)))
    }
}

/// Tokens that pictures are said to have cost.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct ImageUsage {
    input_tokens: u32,
    input_tokens_details: TokenDetails,
    output_tokens: u32,
    total_tokens: u32,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct TokenDetails {
    text_tokens: u32,
    image_tokens: u32,
}

impl ImageUsage {
    pub(crate) fn new(order: &ImageOrder, images: u32, prompt: &str, sources: usize) -> Self {
        let text_tokens = crate::api::Api::tokens_of(prompt.len());
        let image_tokens = u32::try_from(sources).unwrap_or(0) * 1024;
        let input_tokens = text_tokens + image_tokens;
        let output_tokens = order.tokens() * images;
        Self {
            input_tokens,
            input_tokens_details: TokenDetails { text_tokens, image_tokens },
            output_tokens,
            total_tokens: input_tokens + output_tokens,
        }
    }
}

fn size(text: Option<&str>) -> Result<Size, FieldError> {
    let Some(text) = text.filter(|text| *text != "auto") else {
        return Ok(Size { width: 1024, height: 1024 });
    };
    let parse = |side: &str| side.parse().ok().filter(|side| (MIN_SIDE..=MAX_SIDE).contains(side));
    let sides = text.split_once('x');
    match sides.map(|(width, height)| (parse(width), parse(height))) {
        Some((Some(width), Some(height))) if width * height <= MAX_PIXELS => {
            Ok(Size { width, height })
        }
        _ => {
            let message = format!(
                "expected auto or WIDTHxHEIGHT, each {MIN_SIDE} to {MAX_SIDE} and at most \
                 {MAX_PIXELS} pixels together, got '{text}'"
            );
            Err(FieldError::invalid("size", message))
        }
    }
}

/// Checks the pictures that an edit starts from, and its mask. Reads no more than their heads.
///
/// # Errors
/// When there are none or too many, one is no picture, or the mask does not fit.
pub(crate) fn check_sources(form: &Form<'_>) -> Result<usize, FieldError> {
    let sources: Vec<&Field<'_>> = form.files("image").collect();
    let linked = form.texts("images").count();
    if sources.is_empty() && linked == 0 {
        return Err(FieldError::Missing("image"));
    }
    if sources.len() + linked > MAX_SOURCES {
        let message = format!("expected at most {MAX_SOURCES}, got {}", sources.len() + linked);
        return Err(FieldError::invalid("image", message));
    }
    let mut sizes = Vec::new();
    for source in &sources {
        let (_, size) = head(&source.data)
            .ok_or_else(|| FieldError::invalid("image", "expected a PNG, JPEG or WEBP picture"))?;
        sizes.push(size);
    }
    if let Some(mask) = form.file("mask") {
        match head(&mask.data) {
            Some((ImageFormat::Png, size)) if sizes.first().is_none_or(|it| *it == size) => {}
            Some((ImageFormat::Png, _)) => {
                let message = "expected the size of the first picture";
                return Err(FieldError::invalid("mask", message));
            }
            _ => return Err(FieldError::invalid("mask", "expected a PNG picture")),
        }
    }
    Ok(sources.len() + linked)
}

fn head(file: &[u8]) -> Option<(ImageFormat, (u32, u32))> {
    let reader = ImageReader::new(Cursor::new(file)).with_guessed_format().ok()?;
    Some((reader.format()?, reader.into_dimensions().ok()?))
}
