//! The video tools: jobs at the provider, and the files that they leave here.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::{Call, Media, ToolError};
use super::{inputs, transfer};
use crate::provider::{DeletedVideo, JobStatus, NewVideo, Order, Variant, Video, VideoQuery};
use crate::store::{Kind, OnConflict, Target};

/// Most jobs on one page of the provider's list.
const MAX_PAGE: u32 = 100;

/// Extensions of pictures that a video may begin with.
const REFERENCES: [&str; 4] = ["jpg", "jpeg", "png", "webp"];

/// Parameters of `create_video`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateVideo {
    /// What the video shows
    pub prompt: String,
    /// The model that makes it: sora-2, sora-2-pro, a dated snapshot, or any other name that the
    /// provider knows
    #[serde(default = "default_model")]
    #[schemars(schema_with = "known_models_or_any")]
    pub model: String,
    /// Length in seconds
    #[serde(default)]
    pub seconds: Option<Seconds>,
    /// Width x height
    #[serde(default)]
    pub size: Option<VideoSize>,
    /// A picture of the image folder that the video begins with (.jpg, .jpeg, .png, .webp); it
    /// must have the video's size, see prepare_reference_image
    #[serde(default)]
    pub input_reference_filename: Option<String>,
}

fn default_model() -> String {
    "sora-2".to_owned()
}

/// The models that OpenAI's library names, for hosts that offer a choice, beside any other: another
/// provider has its own.
fn known_models_or_any(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "anyOf": [
            {
                "type": "string",
                "enum": [
                    "sora-2", "sora-2-pro",
                    "sora-2-2025-10-06", "sora-2-pro-2025-10-06", "sora-2-2025-12-08",
                ],
            },
            { "type": "string" },
        ],
    })
}

/// Length of a video in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum Seconds {
    /// Four.
    #[serde(rename = "4")]
    Four,
    /// Eight.
    #[serde(rename = "8")]
    Eight,
    /// Twelve.
    #[serde(rename = "12")]
    Twelve,
}

impl Seconds {
    fn as_str(self) -> &'static str {
        match self {
            Self::Four => "4",
            Self::Eight => "8",
            Self::Twelve => "12",
        }
    }
}

/// Size of a video.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum VideoSize {
    /// Upright.
    #[serde(rename = "720x1280")]
    Portrait,
    /// Across.
    #[serde(rename = "1280x720")]
    Landscape,
    /// Upright, higher.
    #[serde(rename = "1024x1792")]
    TallPortrait,
    /// Across, wider.
    #[serde(rename = "1792x1024")]
    WideLandscape,
}

impl VideoSize {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Portrait => "720x1280",
            Self::Landscape => "1280x720",
            Self::TallPortrait => "1024x1792",
            Self::WideLandscape => "1792x1024",
        }
    }

    /// Width and height in pixels.
    #[must_use]
    pub fn pixels(self) -> (u32, u32) {
        match self {
            Self::Portrait => (720, 1280),
            Self::Landscape => (1280, 720),
            Self::TallPortrait => (1024, 1792),
            Self::WideLandscape => (1792, 1024),
        }
    }
}

/// Starts a job.
///
/// # Errors
/// When the reference cannot be read, or the provider refuses.
pub async fn create_video(
    media: &Media,
    params: CreateVideo,
    call: &Call,
) -> Result<Video, ToolError> {
    let input = params.input_reference_filename.as_deref();
    let input = input.map(|name| inputs::Input { name, extensions: &REFERENCES });
    let (reference, _held) = match input {
        Some(input) => {
            let (mut uploads, held) =
                inputs::uploads(media, Kind::Image, &[input], 0, call).await?;
            (uploads.pop(), Some(held))
        }
        None => (None, None),
    };
    let video = NewVideo {
        prompt: params.prompt,
        model: params.model,
        seconds: params.seconds.map(|seconds| seconds.as_str().to_owned()),
        size: params.size.map(|size| size.as_str().to_owned()),
        reference,
    };
    Ok(media.video_provider()?.create(video).await?)
}

/// Parameters of tools that take a job's id.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VideoId {
    /// The job's id
    pub video_id: String,
}

/// A job as it is now.
///
/// # Errors
/// When the provider does not know it.
pub async fn get_video_status(
    media: &Media,
    params: VideoId,
    _call: &Call,
) -> Result<Video, ToolError> {
    Ok(media.video_provider()?.status(&params.video_id).await?)
}

/// Parameters of `download_video`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DownloadVideo {
    /// The finished job's id
    pub video_id: String,
    /// Name in the video folder; made from the id when left out
    #[serde(default)]
    pub filename: Option<String>,
    /// Which of its files
    #[serde(default)]
    pub variant: Variant,
    /// What happens when the name is taken: overwrite (the file stays whole, the last complete one
    /// wins), error, or rename (a number is added)
    #[serde(default)]
    pub on_conflict: Option<OnConflict>,
    /// Also compute the MD5
    #[serde(default)]
    pub md5: bool,
}

/// A downloaded file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Downloaded {
    /// Its name in the video folder
    pub filename: String,
    /// Which of the job's files
    pub variant: Variant,
    /// Its length
    pub size_bytes: u64,
    /// SHA-256 of its bytes, hexadecimal
    pub sha256: String,
    /// MD5 of its bytes, hexadecimal, when asked for
    pub md5: Option<String>,
}

/// Downloads one of a finished job's files. The name appears only when the file is whole.
///
/// # Errors
/// When the job has no such file, the transfer fails for good, or the file cannot be written. A
/// file that had the name before is untouched then.
pub async fn download_video(
    media: &Media,
    params: DownloadVideo,
    call: &Call,
) -> Result<Downloaded, ToolError> {
    let name = params.filename.unwrap_or_else(|| {
        format!("{}.{}", file_stem(&params.video_id), params.variant.extension())
    });
    let mut target = Target::new(inputs::name(&name)?, media.conflict(params.on_conflict));
    target.with_md5 = params.md5;
    let provider = media.video_provider()?;
    let source = provider.content(&params.video_id, params.variant).await?;
    let written = transfer::run(media, Kind::Video, source, target, call).await?;
    Ok(Downloaded {
        filename: written.name.to_string(),
        variant: params.variant,
        size_bytes: written.bytes,
        sha256: written.sha256.to_string(),
        md5: written.md5.map(|md5| md5.to_string()),
    })
}

/// A job's id as the name of its file: what separates folders or hides a file is replaced.
fn file_stem(id: &str) -> String {
    let stem: String = id
        .chars()
        .map(|it| if it.is_ascii_alphanumeric() || "-_.".contains(it) { it } else { '_' })
        .take(150)
        .collect();
    stem.trim_start_matches('.').to_owned()
}

/// Parameters of `list_videos`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListVideos {
    /// Most jobs, 1 to 100
    #[serde(default = "default_limit")]
    pub limit: u32,
    /// The id after which the list goes on
    #[serde(default)]
    pub after: Option<String>,
    /// By time of creation
    #[serde(default)]
    pub order: Order,
}

fn default_limit() -> u32 {
    20
}

/// A job in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(inline)]
pub struct ListedVideo {
    /// Its id
    pub id: String,
    /// How far it is
    pub status: JobStatus,
    /// Unix time at which it was started
    pub created_at: Option<i64>,
    /// Its length
    pub seconds: Option<String>,
    /// Its size
    pub size: Option<String>,
    /// The model that makes it
    pub model: Option<String>,
    /// Percent done
    pub progress: Option<u32>,
}

/// A page of jobs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct VideoList {
    /// The jobs
    pub data: Vec<ListedVideo>,
    /// Whether there is another page
    pub has_more: bool,
    /// Id of the last one, for `after`
    pub last: Option<String>,
}

/// A page of the provider's jobs.
///
/// # Errors
/// When the limit is out of range, or the provider refuses.
pub async fn list_videos(
    media: &Media,
    params: ListVideos,
    _call: &Call,
) -> Result<VideoList, ToolError> {
    if !(1..=MAX_PAGE).contains(&params.limit) {
        let message = format!("Invalid limit: it must be between 1 and {MAX_PAGE}");
        return Err(ToolError::Arguments(message));
    }
    let query = VideoQuery { limit: params.limit, after: params.after, order: params.order };
    let page = media.video_provider()?.list(query).await?;
    let last = page.data.last().map(|video| video.id.clone());
    let data = page.data.into_iter().map(|video| ListedVideo {
        id: video.id,
        status: video.status,
        created_at: video.created_at,
        seconds: video.seconds,
        size: video.size,
        model: video.model,
        progress: video.progress,
    });
    Ok(VideoList { data: data.collect(), has_more: page.has_more, last })
}

/// Removes a job at the provider. Files that were downloaded stay.
///
/// # Errors
/// When the provider does not know it.
pub async fn delete_video(
    media: &Media,
    params: VideoId,
    _call: &Call,
) -> Result<DeletedVideo, ToolError> {
    Ok(media.video_provider()?.delete(&params.video_id).await?)
}

/// Parameters of `remix_video`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RemixVideo {
    /// The finished job that is changed
    pub previous_video_id: String,
    /// What changes
    pub prompt: String,
}

/// Starts a job that changes a finished one.
///
/// # Errors
/// When the provider refuses.
pub async fn remix_video(
    media: &Media,
    params: RemixVideo,
    _call: &Call,
) -> Result<Video, ToolError> {
    Ok(media.video_provider()?.remix(&params.previous_video_id, &params.prompt).await?)
}
