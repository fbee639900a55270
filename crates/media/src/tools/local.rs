//! The finished files of a folder, listed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Call, Media, ToolError, inputs};
use crate::provider::Order;
use crate::store::Kind;

/// The types that a list can be narrowed to.
trait FileType {
    /// The extensions of a type, without dots.
    fn extensions(&self) -> &'static [&'static str];
}

/// Which local videos.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum VideoFileType {
    /// All of them.
    #[default]
    All,
    /// MPEG-4.
    Mp4,
    /// WebM.
    Webm,
    /// QuickTime.
    Mov,
}

impl FileType for VideoFileType {
    fn extensions(&self) -> &'static [&'static str] {
        match self {
            Self::All => &["mp4", "webm", "mov"],
            Self::Mp4 => &["mp4"],
            Self::Webm => &["webm"],
            Self::Mov => &["mov"],
        }
    }
}

/// Which pictures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum ImageFileType {
    /// All of them.
    #[default]
    All,
    /// JPEG.
    Jpeg,
    /// PNG.
    Png,
    /// WebP.
    Webp,
}

impl FileType for ImageFileType {
    fn extensions(&self) -> &'static [&'static str] {
        match self {
            Self::All => &["jpg", "jpeg", "png", "webp"],
            Self::Jpeg => &["jpg", "jpeg"],
            Self::Png => &["png"],
            Self::Webp => &["webp"],
        }
    }
}

/// Parameters of `list_local_videos` and `list_reference_images`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ListFiles")]
pub struct ListFiles<T: Default + Serialize> {
    /// Which names, as a glob: `fog-*`, `takes/**/*`
    #[serde(default)]
    pub pattern: Option<String>,
    /// Which types
    #[serde(default)]
    pub file_type: T,
    /// What they are sorted by
    #[serde(default)]
    pub sort_by: inputs::SortedBy,
    /// Which way
    #[serde(default)]
    pub order: Order,
    /// Most files, 1 to 1000
    #[serde(default = "inputs::usual_limit")]
    pub limit: i64,
}

/// The finished videos of the video folder. Files that are being downloaded are not among them.
///
/// # Errors
/// When the pattern or the limit cannot be understood.
pub async fn list_local_videos(
    media: &Media,
    params: ListFiles<VideoFileType>,
    _call: &Call,
) -> Result<inputs::Files, ToolError> {
    list(media, Kind::Video, params).await
}

/// The finished pictures of the image folder.
///
/// # Errors
/// When the pattern or the limit cannot be understood.
pub async fn list_reference_images(
    media: &Media,
    params: ListFiles<ImageFileType>,
    _call: &Call,
) -> Result<inputs::Files, ToolError> {
    list(media, Kind::Image, params).await
}

async fn list<T: FileType + Default + Serialize>(
    media: &Media,
    kind: Kind,
    params: ListFiles<T>,
) -> Result<inputs::Files, ToolError> {
    let wanted = inputs::Wanted {
        pattern: params.pattern.as_deref(),
        extensions: params.file_type.extensions(),
        sort_by: params.sort_by,
        order: params.order,
        limit: params.limit,
    };
    inputs::list(media, kind, wanted).await
}
