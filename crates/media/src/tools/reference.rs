//! Pictures that videos begin with, brought to a video's size.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::image::format_of;
use super::inputs;
use super::video::VideoSize;
use super::{Call, Media, ToolError};
use crate::store::{Kind, OnConflict};
use crate::transform::image::{self, Size};

/// How a picture of another shape is brought to a size.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum ResizeMode {
    /// Cover the size, and cut off evenly what is too much.
    #[default]
    Crop,
    /// Fit into the size as large as possible, on black.
    Pad,
    /// Stretch.
    Rescale,
}

impl From<ResizeMode> for image::ResizeMode {
    fn from(mode: ResizeMode) -> Self {
        match mode {
            ResizeMode::Crop => Self::Crop,
            ResizeMode::Pad => Self::Pad,
            ResizeMode::Rescale => Self::Rescale,
        }
    }
}

/// Parameters of `prepare_reference_image`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PrepareReferenceImage {
    /// A picture of the image folder
    pub input_filename: String,
    /// The size that the video has
    pub target_size: VideoSize,
    /// Name of the result (.png, .jpg, .jpeg or .webp); made from the input's when left out
    #[serde(default)]
    pub output_filename: Option<String>,
    /// How a picture of another shape is brought to the size
    #[serde(default)]
    pub resize_mode: ResizeMode,
    /// What happens when the name is taken: overwrite, error or rename; a made-up name is renamed
    /// unless this says otherwise
    #[serde(default)]
    pub on_conflict: Option<OnConflict>,
}

/// A prepared picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PreparedImage {
    /// Its name in the image folder
    pub output_filename: String,
    /// Width and height before
    pub original_size: [u32; 2],
    /// Width and height now
    pub target_size: [u32; 2],
    /// How it was brought there
    pub resize_mode: ResizeMode,
}

/// Brings a picture to exactly a video's size. The input stays as it is.
///
/// # Errors
/// When it is no picture, larger than the limits allow, or the result has the input's name.
pub async fn prepare_reference_image(
    media: &Media,
    params: PrepareReferenceImage,
    call: &Call,
) -> Result<PreparedImage, ToolError> {
    let input = inputs::name(&params.input_filename)?;
    let made_up = format!("{}_{}.png", input.stem(), params.target_size.as_str());
    let asked = params.output_filename.as_deref();
    let target = inputs::beside(media, asked, &input, &made_up, params.on_conflict)?;
    let format = format_of(&target)?;
    let store = media.store(Kind::Image)?;
    let limits = media.image_limits;
    let info = store.info(&input).await?;
    let _held = inputs::admit_memory(media, info.bytes.min(limits.file_bytes), call).await?;
    let bytes = store.read(&input, limits.file_bytes).await?;
    let (width, height) = params.target_size.pixels();
    let size = Size::new(width, height)
        .ok_or_else(|| ToolError::Internal("a video's size is no picture's".to_owned()))?;
    let mode = params.resize_mode.into();
    call.note("resizing");
    let prepared =
        media.pool.run(move |_stop| image::prepare(&bytes, size, mode, format, &limits)).await??;
    let written = store.write(target, &prepared.bytes).await?;
    Ok(PreparedImage {
        output_filename: written.name.to_string(),
        original_size: [prepared.original.width(), prepared.original.height()],
        target_size: [width, height],
        resize_mode: params.resize_mode,
    })
}
