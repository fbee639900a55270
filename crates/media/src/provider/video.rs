//! Video jobs: what is asked for, what a job is, and who does it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Answer, Source, Upload};

/// Makes videos as jobs: started, asked about, downloaded when they are done.
///
/// Every call is cancelled by dropping it. None is repeated by the caller: whether that is safe is
/// known to the implementation alone.
pub trait VideoProvider: Send + Sync + 'static {
    /// Starts a job.
    fn create(&self, video: NewVideo) -> Answer<'_, Video>;

    /// A job as it is now.
    fn status<'a>(&'a self, id: &'a str) -> Answer<'a, Video>;

    /// Where a finished job's bytes are: asked for once, and read by ranges when it breaks off.
    fn content<'a>(&'a self, id: &'a str, variant: Variant) -> Answer<'a, Source>;

    /// A page of the jobs.
    fn list(&self, query: VideoQuery) -> Answer<'_, VideoPage>;

    /// Removes a job with its files.
    fn delete<'a>(&'a self, id: &'a str) -> Answer<'a, DeletedVideo>;

    /// Starts a job that changes a finished one.
    fn remix<'a>(&'a self, id: &'a str, prompt: &'a str) -> Answer<'a, Video>;
}

/// A video to be made. What is `None` is left to the provider.
#[derive(Debug, Clone, Default)]
pub struct NewVideo {
    /// What it shows.
    pub prompt: String,
    /// The model that makes it.
    pub model: String,
    /// Its length in seconds, as the wire spells it.
    pub seconds: Option<String>,
    /// Its size, `WIDTHxHEIGHT`.
    pub size: Option<String>,
    /// A picture that it begins with.
    pub reference: Option<Upload>,
}

/// How far a job is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum JobStatus {
    /// Waits for its turn.
    Queued,
    /// Is being worked on.
    InProgress,
    /// Done: it can be downloaded.
    Completed,
    /// Ended without a result.
    Failed,
    /// Stopped by somebody.
    Cancelled,
    /// Ended before it was whole.
    Incomplete,
    /// A word that this version does not know: taken as not ended.
    #[serde(untagged)]
    Other(String),
}

impl JobStatus {
    /// Whether asking again later makes sense.
    #[must_use]
    pub fn is_active(&self) -> bool {
        matches!(self, Self::Queued | Self::InProgress | Self::Other(_))
    }

    /// The word on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Queued => "queued",
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Incomplete => "incomplete",
            Self::Other(word) => word,
        }
    }
}

/// Why a job failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct JobError {
    /// A short word for programs.
    #[serde(default)]
    pub code: Option<String>,
    /// A sentence for people.
    #[serde(default)]
    pub message: Option<String>,
}

/// A video job. Fields that the provider leaves out are null.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Video {
    /// Its id, for all other video tools.
    pub id: String,
    /// `video`
    #[serde(default = "video_object")]
    pub object: String,
    /// How far it is
    pub status: JobStatus,
    /// Percent done, 0 to 100
    #[serde(default)]
    pub progress: Option<u32>,
    /// Unix time at which it was started
    #[serde(default)]
    pub created_at: Option<i64>,
    /// Unix time at which it was done
    #[serde(default)]
    pub completed_at: Option<i64>,
    /// Unix time at which its files go
    #[serde(default)]
    pub expires_at: Option<i64>,
    /// The model that makes it
    #[serde(default)]
    pub model: Option<String>,
    /// What was asked for
    #[serde(default)]
    pub prompt: Option<String>,
    /// Its length
    #[serde(default)]
    pub seconds: Option<String>,
    /// Its size
    #[serde(default)]
    pub size: Option<String>,
    /// The job that it changes
    #[serde(default)]
    pub remixed_from_video_id: Option<String>,
    /// Why it failed
    #[serde(default)]
    pub error: Option<JobError>,
}

fn video_object() -> String {
    "video".to_owned()
}

/// Which of a job's files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Variant {
    /// The video itself, MP4.
    #[default]
    Video,
    /// One picture of it, WEBP.
    Thumbnail,
    /// Many small pictures of it, JPEG.
    Spritesheet,
}

impl Variant {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Video => "video",
            Self::Thumbnail => "thumbnail",
            Self::Spritesheet => "spritesheet",
        }
    }

    /// The extension of its file, without the dot.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Video => "mp4",
            Self::Thumbnail => "webp",
            Self::Spritesheet => "jpg",
        }
    }
}

/// Which way a list goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Order {
    /// Newest, largest or last name first.
    #[default]
    Desc,
    /// Oldest, smallest or first name first.
    Asc,
}

impl Order {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Desc => "desc",
            Self::Asc => "asc",
        }
    }
}

/// Which page of the jobs.
#[derive(Debug, Clone, Default)]
pub struct VideoQuery {
    /// Most jobs on it.
    pub limit: u32,
    /// The id after which it begins.
    pub after: Option<String>,
    /// By time of creation.
    pub order: Order,
}

/// A page of the jobs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct VideoPage {
    /// The jobs.
    pub data: Vec<Video>,
    /// Whether there is another page.
    #[serde(default)]
    pub has_more: bool,
}

/// What became of a job that was to be removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct DeletedVideo {
    /// Its id
    pub id: String,
    /// Whether it is gone
    pub deleted: bool,
    /// `video.deleted`
    pub object: String,
}
