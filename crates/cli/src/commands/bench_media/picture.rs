//! One picture on one thread: what its steps cost, without a queue or a second core.

use std::time::Duration;

use anyhow::{Context, Result};
use media::transform::image::{self, Format, Limits, ResizeMode, Size};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// A picture as an image model returns it, and the size of a video.
pub(super) const PICTURE: (u32, u32) = (2_048, 2_048);
pub(super) const FRAME: (u32, u32) = (1_280, 720);

/// Seconds of each run, from JPEG of 2048x2048 to PNG of 1280x720.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Picture {
    /// Pixels to pixels: nothing decoded, nothing encoded.
    pub(super) resize_s: Vec<f64>,
    /// File to file.
    pub(super) whole_s: Vec<f64>,
    /// Bytes of the PNG: what a fast encoder costs.
    pub(super) png_bytes: usize,
}

/// Measures on this very thread.
pub(super) fn measure(file: &[u8], repeat: u32) -> Result<Picture> {
    let size = Size::new(FRAME.0, FRAME.1).context("a frame has a size")?;
    let pixels = image::decode(file, &Limits::DEFAULT)?.pixels.to_rgb8();
    let prepare = || image::prepare(file, size, ResizeMode::Crop, Format::Png, &Limits::DEFAULT);
    // Once to warm up; the file is the same each time.
    let png_bytes = prepare()?.bytes.len();
    let mut picture = Picture { resize_s: Vec::new(), whole_s: Vec::new(), png_bytes };
    for _ in 0..repeat {
        picture
            .resize_s
            .push(timed(|| image::resize(&pixels, size, ResizeMode::Crop))?.as_secs_f64());
        picture.whole_s.push(timed(prepare)?.as_secs_f64());
    }
    Ok(picture)
}

fn timed<T, E>(work: impl FnOnce() -> Result<T, E>) -> Result<Duration, E> {
    let began = Instant::now();
    work()?;
    Ok(began.elapsed())
}
